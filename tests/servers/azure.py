"""A double of Azure Key Vault and of the Entra ID authority before it, as the REST reference describes them.

It knows nothing of SecretSync. It listens with TLS under the real names (`NAME.vault.azure.net`,
`login.microsoftonline.com`), which a loopback CONNECT proxy leads to it, so that the SDK runs with its production
settings, the verification of the challenge's resource included. No Azure account stood behind it.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import secrets
import socket
import threading
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.servers.certificates import CertificateAuthority, self_signed
from tests.servers.loopback import Connection, Fault, LoopbackServer, Request, Requests, Response, json_response
from tests.servers.names import unique

AUTHORITY = "login.microsoftonline.com"
SUFFIX = ".vault.azure.net"
RESOURCE = "https://vault.azure.net"
TENANT = "11111111-2222-3333-4444-555555555555"
PAGE = 25  # the most that a list gives at once

_ROUTE = re.compile(r"/secrets(?:/(?P<name>[^/]+)(?:/(?P<version>[^/]*))?)?/?")


@dataclass(slots=True)
class Version:
    """One version of a secret. Times are Unix seconds."""

    id: str
    value: str = field(repr=False)
    created: int
    updated: int
    enabled: bool = True
    expires: int | None = None
    not_before: int | None = None
    tags: dict[str, str] = field(default_factory=dict)
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """An identity, and what it may do: "get" reads values, "list" reads properties, "set" writes."""

    client_id: str
    secret: str = field(repr=False)
    may: frozenset[str] = frozenset({"get", "list"})
    object_id: str = field(default_factory=lambda: str(uuid.uuid4()))


class Vault:
    """One key vault, with methods to fill it without the SDK."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.secrets: dict[str, list[Version]] = {}
        self.names: dict[str, str] = {}  # as first written: names do not differ by case
        self.refusals: dict[str, Response] = {}  # what is answered in the place of a value, by the secret's name

    @property
    def url(self) -> str:
        """Return the address for the configuration of applications."""
        return f"https://{self.name}{SUFFIX}"

    def set(
        self,
        name: str,
        value: str,
        *,
        enabled: bool = True,
        created: datetime | float | None = None,
        expires: datetime | float | None = None,
        not_before: datetime | float | None = None,
        tags: Mapping[str, str] | None = None,
        content_type: str | None = None,
    ) -> Version:
        """Return a new version of a secret, which becomes the current one."""
        made = _seconds(created) or int(time.time())
        version = Version(
            id=secrets.token_hex(16),
            value=value,
            created=made,
            updated=made,
            enabled=enabled,
            expires=_seconds(expires),
            not_before=_seconds(not_before),
            tags=dict(tags or {}),
            content_type=content_type,
        )
        self.names.setdefault(name.lower(), name)
        self.secrets.setdefault(name.lower(), []).append(version)
        return version

    def delete(self, name: str) -> None:
        """Delete a secret; it is then recoverable, and not found."""
        del self.secrets[name.lower()]


class AzureKeyVault(LoopbackServer):
    """The vaults and the authority, behind one TLS port.

    `requests` counts them as `challenge`, `get`, `get version`, `list`, `versions`, `set`, `update`, `delete`,
    `token` and `discovery`.
    """

    def __init__(self, authority: CertificateAuthority) -> None:
        self.vaults: dict[str, Vault] = {}
        self.principals: dict[str, Principal] = {}
        self.assertions: dict[str, str] = {}  # the token of a federated identity, and its client id
        self.certificates: dict[str, rsa.RSAPublicKey] = {}  # of applications, by their client id
        self.token_lifetime = 3600  # seconds
        self.page = PAGE
        self.issued: list[str] = []  # every token so far
        self._tokens: dict[str, tuple[Principal, float]] = {}
        self._state = threading.RLock()
        super().__init__(authority.server_context(f"*{SUFFIX}", AUTHORITY, "localhost", "127.0.0.1"))

    # How it is filled.

    def vault(self, name: str | None = None) -> Vault:
        """Return a new, empty vault. Its name is new too: the SDK remembers the challenge of each host."""
        vault = Vault(name or unique("kv"))
        self.vaults[vault.name] = vault
        return vault

    def principal(self, may: Iterable[str] = ("get", "list")) -> Principal:
        """Return a new identity with the rights named: "get", "list", "set"."""
        principal = Principal(unique("client"), secrets.token_urlsafe(24), frozenset(may))
        self.principals[principal.client_id] = principal
        return principal

    def federate(self, principal: Principal) -> str:
        """Return a platform's token that the authority takes for `principal`."""
        assertion = f"{secrets.token_urlsafe(12)}.{secrets.token_urlsafe(24)}.{secrets.token_urlsafe(12)}"
        self.assertions[assertion] = principal.client_id
        return assertion

    def issue(self, principal: Principal) -> dict[str, object]:
        """Return a new access token, as the authority and the platform's endpoints write it."""
        until = time.time() + self.token_lifetime
        claims = {
            "aud": RESOURCE,
            "iss": f"https://sts.windows.net/{TENANT}/",
            "exp": int(until),
            "appid": principal.client_id,
            "oid": principal.object_id,
            "tid": TENANT,
        }
        head, body = (_base64url(json.dumps(part).encode()) for part in ({"typ": "JWT", "alg": "RS256"}, claims))
        token = f"{head}.{body}.{secrets.token_urlsafe(256)}"
        with self._state:
            self._tokens[token] = (principal, until)
            self.issued.append(token)
        return {"token_type": "Bearer", "expires_in": self.token_lifetime, "access_token": token}

    def revoke_tokens(self) -> None:
        """Refuse every token issued so far."""
        with self._state:
            self._tokens.clear()

    # What it answers.

    def operation(self, request: Request) -> str:
        """Return the kind of a request; see the class."""
        if _host(request) == AUTHORITY:
            return "token" if request.method == "POST" else "discovery"
        if not request.headers.get("Authorization"):
            return "challenge"
        match = _ROUTE.fullmatch(request.path)
        if match is None:
            return f"{request.method} {request.path}"
        if request.method != "GET":
            return {"PUT": "set", "PATCH": "update", "DELETE": "delete"}.get(request.method, request.method)
        if match["name"] is None:
            return "list"
        return "versions" if match["version"] == "versions" else "get version" if match["version"] else "get"

    def answer(self, request: Request) -> Response:
        """Return the authority's or a vault's answer."""
        host = _host(request)
        with self._state:
            if host == AUTHORITY:
                return self._authority(request)
            vault = self.vaults.get(host.removesuffix(SUFFIX))
            if vault is None:
                return Response(404)
            return self._authorised(request, vault)

    def _authority(self, request: Request) -> Response:
        base = f"https://{AUTHORITY}/{TENANT}"
        if request.method == "GET" and request.path == f"/{TENANT}/v2.0/.well-known/openid-configuration":
            return json_response(
                {
                    "issuer": f"{base}/v2.0",
                    "token_endpoint": f"{base}/oauth2/v2.0/token",
                    "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                    "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
                }
            )
        if request.method == "GET" and request.path.endswith("/discovery/instance"):
            metadata = [{"preferred_network": AUTHORITY, "preferred_cache": AUTHORITY, "aliases": [AUTHORITY]}]
            where = f"{base}/v2.0/.well-known/openid-configuration"
            return json_response({"tenant_discovery_endpoint": where, "metadata": metadata})
        if request.method != "POST" or request.path != f"/{TENANT}/oauth2/v2.0/token":
            return json_response({"error": "invalid_tenant", "error_description": "AADSTS90002: no such tenant"}, 400)
        form = request.form
        principal = self.principals.get(form.get("client_id", ""))
        if form.get("scope", "").split(" ")[0] != f"{RESOURCE}/.default":
            return json_response({"error": "invalid_scope", "error_description": "AADSTS70011: scope"}, 400)
        if principal is None:
            return json_response({"error": "unauthorized_client", "error_description": "AADSTS700016: no client"}, 400)
        if form.get("client_assertion") in self.assertions:
            good = self.assertions[form["client_assertion"]] == principal.client_id
        elif "client_assertion" in form:
            if not self._is_signed(form["client_assertion"], principal, f"{base}/oauth2/v2.0/token"):
                text = (
                    "AADSTS700027: The certificate with identifier used to sign the client assertion is not registered."
                )
                return json_response({"error": "invalid_client", "error_description": text}, 401)
            good = True
        else:
            good = form.get("client_secret") == principal.secret
        if not good or form.get("grant_type") != "client_credentials":
            text = "AADSTS7000215: Invalid client secret provided."
            return json_response({"error": "invalid_client", "error_description": text}, 401)
        return json_response(self.issue(principal))

    def _is_signed(self, assertion: str, principal: Principal, audience: str) -> bool:
        """Return True if the application signed a JWT for the authority with the key of its certificate."""
        key = self.certificates.get(principal.client_id)
        try:
            claims = jwt.decode(assertion, key or "", algorithms=["RS256", "PS256"], audience=audience)
        except (jwt.PyJWTError, TypeError):
            return False
        return bool(claims["sub"] == claims["iss"] == principal.client_id)

    def _authorised(self, request: Request, vault: Vault) -> Response:
        challenge = f'Bearer authorization="https://{AUTHORITY}/{TENANT}", resource="{RESOURCE}"'
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        principal, until = self._tokens.get(token, (None, 0.0))
        if scheme != "Bearer" or principal is None or until <= time.time():
            if token:
                challenge += ', error="invalid_token", error_description="The token is not good or has expired."'
            text = "AKV10000: Request is missing a Bearer or PoP token."
            return _error(401, "Unauthorized", text, headers={"WWW-Authenticate": challenge})
        match = _ROUTE.fullmatch(request.path)
        if match is None or not request.query.get("api-version"):
            return _error(400, "BadParameter", "The request URI contains an invalid path or no api-version.")
        right = {"get": "get", "get version": "get", "list": "list", "versions": "list"}.get(request.operation, "set")
        if right not in principal.may:
            action = {"get": "getSecret", "list": "readMetadata", "set": "setSecret"}[right]
            text = (
                "Caller is not authorized to perform action on resource.\r\n"
                f"Action: 'Microsoft.KeyVault/vaults/secrets/{action}/action'\r\nCaller: appid={principal.client_id}"
            )
            return _error(403, "Forbidden", text, inner="ForbiddenByRbac")
        return self._secrets(request, vault, match["name"], match["version"])

    def _secrets(self, request: Request, vault: Vault, name: str | None, version_id: str | None) -> Response:
        if name is None:
            newest = [(vault.names[key], versions[-1]) for key, versions in sorted(vault.secrets.items())]
            return self._page(request, vault, [_item(vault, name, version, "") for name, version in newest])
        if not re.fullmatch(r"[0-9a-zA-Z-]{1,127}", name):
            return _error(400, "BadParameter", f"The request URI contains an invalid name: {name}")
        if request.method == "PUT":
            return self._put(request, vault, name)
        versions = vault.secrets.get(name.lower())
        if request.operation == "versions":
            # By id, which says nothing about age.
            ordered = sorted(versions or (), key=lambda version: version.id)
            return self._page(request, vault, [_item(vault, name, version, version.id) for version in ordered])
        found = [version for version in versions or () if not version_id or version.id == version_id.lower()]
        if not found:
            text = (
                f"A secret with (name/id) {name}/{version_id or ''} was not found in this key vault. If you recently "
                "deleted this secret you may be able to recover it using the correct recovery command."
            )
            return _error(404, "SecretNotFound", text)
        version = found[-1]
        if request.operation.startswith("get") and name.lower() in vault.refusals:
            return vault.refusals[name.lower()]
        if request.method == "DELETE":
            vault.delete(name)
            return json_response(_item(vault, name, version, version.id))
        if request.method == "PATCH":
            _update(version, request.json)
            return json_response(_item(vault, name, version, version.id))
        if not version.enabled:
            text = "Operation get is not allowed on a disabled secret."
            return _error(403, "Forbidden", text, inner="SecretDisabled")
        # An expired secret is given like any other: it is the client that has to look.
        return json_response({"value": version.value, **_item(vault, name, version, version.id)})

    def _put(self, request: Request, vault: Vault, name: str) -> Response:
        version = vault.set(name, str(request.json["value"]))
        _update(version, request.json)
        return json_response({"value": version.value, **_item(vault, name, version, version.id)})

    def _page(self, request: Request, vault: Vault, items: list[dict[str, object]]) -> Response:
        size = min(int(request.query.get("maxresults", self.page)), self.page)
        start = int(request.query.get("$skiptoken", "0"))
        following = None
        if start + size < len(items):
            query = f"api-version={request.query['api-version']}&$skiptoken={start + size}&maxresults={size}"
            following = f"{vault.url}:443{request.path}?{query}"
        return json_response({"value": items[start : start + size], "nextLink": following})


class ManagedIdentity(LoopbackServer):
    """The endpoint by which App Service and Container Apps give an application its identity."""

    def __init__(self, azure: AzureKeyVault, principal: Principal) -> None:
        self._azure = azure
        self._principal = principal
        self.header = secrets.token_hex(16)
        super().__init__()

    def operation(self, request: Request) -> str:
        """Return the name of the only operation."""
        return "token"

    def answer(self, request: Request) -> Response:
        """Return a token for the identity, where the header is right."""
        query = request.query
        if request.headers.get("X-IDENTITY-HEADER") != self.header or query.get("api-version") != "2019-08-01":
            return json_response({"statusCode": 401, "message": "Unauthorized"}, 401)
        if query.get("client_id", self._principal.client_id) != self._principal.client_id:
            return json_response({"statusCode": 400, "message": "No User Assigned Managed Identity found"}, 400)
        if query.get("resource") != RESOURCE:
            return json_response({"statusCode": 400, "message": f"no such resource: {query.get('resource')}"}, 400)
        issued = self._azure.issue(self._principal)
        expires_on = str(int(time.time()) + self._azure.token_lifetime)
        document = {"expires_on": expires_on, "resource": RESOURCE, "client_id": self._principal.client_id}
        return json_response({**document, "access_token": issued["access_token"], "token_type": "Bearer"})


class MachineIdentity(LoopbackServer):
    """The instance metadata service of a virtual machine, as far as it gives tokens."""

    def __init__(self, azure: AzureKeyVault, principal: Principal) -> None:
        self._azure = azure
        self._principal = principal
        super().__init__()

    def operation(self, request: Request) -> str:
        """Return the name of the only operation."""
        return "token"

    def answer(self, request: Request) -> Response:
        """Return a token for the machine's identity, where the request says that it means metadata."""
        if request.path != "/metadata/identity/oauth2/token" or request.headers.get("Metadata") != "true":
            return json_response({"error": "invalid_request", "error_description": "Required metadata header"}, 400)
        if request.query.get("client_id", self._principal.client_id) != self._principal.client_id:
            return json_response({"error": "invalid_request", "error_description": "Identity not found"}, 400)
        issued = self._azure.issue(self._principal)
        times = {"expires_in": str(issued["expires_in"]), "expires_on": str(int(time.time()) + 3600)}
        return json_response({**issued, **times, "resource": RESOURCE, "client_id": self._principal.client_id})


class ConnectProxy(LoopbackServer):
    """A CONNECT proxy that leads Azure's names to the double, and lets nothing else out."""

    def __init__(self, port: int) -> None:
        self._target = port
        super().__init__()

    def operation(self, request: Request) -> str:
        """`CONNECT host:port`."""
        return f"{request.method} {request.target}"

    def answer(self, request: Request) -> Response:
        """Return a refusal: what is no CONNECT to a name of Azure ends here."""
        return Response(403, f"{request.target} is not reachable from the tests".encode())

    def talk(self, connection: Connection, reader: BinaryIO) -> None:
        """Read one CONNECT, then carry bytes both ways."""
        request = self._read(reader)
        if request is None:
            return
        with self.requests.recorded(request):
            host = request.target.removesuffix(":443")
            if request.method != "CONNECT" or not (host == AUTHORITY or host.endswith(SUFFIX)):
                connection.send(self.answer(request).to_bytes())
                return
        try:
            far = socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            connection.send(Response(502).to_bytes())
            return
        far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with far:
            connection.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_carry, args=(far, connection.socket), daemon=True)
            back.start()
            _carry(connection.socket, far)
            back.join()


def throttled(retry_after: int = 1) -> Fault:
    """Return the fault of a vault that has had too many requests."""
    response = _error(
        429,
        "Throttled",
        "Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached",
        headers={"Retry-After": str(retry_after)},
    )

    def play(connection: Connection, _real: object) -> bool:
        connection.send(response.to_bytes())
        return True

    return play


def forbidden(reason: str) -> Response:
    """Return the answer of a vault that does not let the caller: "ForbiddenByRbac", "ForbiddenByFirewall", ..."""
    return _error(403, "Forbidden", "Caller is not authorized to perform action on resource.", inner=reason)


@dataclass(frozen=True, slots=True)
class AzureWorld:
    """The double with its proxy and its certificates: all that a test needs."""

    keyvault: AzureKeyVault
    proxy: ConnectProxy
    bundle: Path
    folder: Path
    endpoints: list[ManagedIdentity | MachineIdentity] = field(default_factory=list)

    @property
    def requests(self) -> Requests:
        """Return the requests to the vaults and the authority, by kind."""
        return self.keyvault.requests

    def vault(self) -> Vault:
        """Return a new, empty vault."""
        return self.keyvault.vault()

    def principal(self, may: Iterable[str] = ("get", "list")) -> Principal:
        """Return a new identity with the rights named: "get", "list", "set"."""
        return self.keyvault.principal(may)

    @property
    def network(self) -> dict[str, str]:
        """The variables that lead the SDK here, for this process and its children."""
        certificates = str(self.bundle)
        return {"HTTPS_PROXY": self.proxy.url, "NO_PROXY": "127.0.0.1,localhost", "REQUESTS_CA_BUNDLE": certificates}

    def client_secret(self, principal: Principal) -> dict[str, str]:
        """Return the variables of an application with a client secret."""
        secret = {"AZURE_CLIENT_SECRET": principal.secret}
        return {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": principal.client_id, **secret}

    def client_certificate(self, principal: Principal, *, password: str | None = None) -> dict[str, str]:
        """Return the variables of an application with a certificate, with its file. `password`: of the private key."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.keyvault.certificates[principal.client_id] = key.public_key()
        file = self.folder / f"{unique('application')}.pem"
        file.write_bytes(self_signed(key, password))
        named = {"AZURE_CLIENT_CERTIFICATE_PASSWORD": password} if password else {}
        where = {"AZURE_CLIENT_CERTIFICATE_PATH": str(file)}
        return {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": principal.client_id, **where, **named}

    def workload_identity(self, principal: Principal) -> dict[str, str]:
        """Return the variables that AKS gives a pod, with the token's file."""
        file = self.folder / unique("federated")
        file.write_text(self.keyvault.federate(principal))
        return {
            "AZURE_TENANT_ID": TENANT,
            "AZURE_CLIENT_ID": principal.client_id,
            "AZURE_FEDERATED_TOKEN_FILE": str(file),
            "AZURE_AUTHORITY_HOST": f"https://{AUTHORITY}/",
        }

    def managed_identity(self, principal: Principal, *, user_assigned: bool = False) -> dict[str, str]:
        """Return the variables of an application in App Service. `client_id` names a user-assigned identity."""
        endpoint = ManagedIdentity(self.keyvault, principal)
        self.endpoints.append(endpoint)
        named = {"AZURE_CLIENT_ID": principal.client_id} if user_assigned else {}
        return {"IDENTITY_ENDPOINT": f"{endpoint.url}/msi/token", "IDENTITY_HEADER": endpoint.header, **named}

    def machine_identity(self, principal: Principal) -> dict[str, str]:
        """Return the settings that lead to the identity of a virtual machine here; a real one needs none."""
        endpoint = MachineIdentity(self.keyvault, principal)
        self.endpoints.append(endpoint)
        return {"AZURE_POD_IDENTITY_AUTHORITY_HOST": endpoint.url}

    def cli(self, principal: Principal) -> dict[str, str]:
        """Return the PATH of somebody who is logged in with the Azure CLI."""
        folder = self.folder / unique("bin")
        folder.mkdir()
        token = self.keyvault.issue(principal)["access_token"]
        answer = json.dumps({"accessToken": token, "expires_on": int(time.time()) + 3600, "tokenType": "Bearer"})
        program = folder / "az"
        program.write_text(f"#!/bin/sh\necho \"$*\" >> {folder}/calls\ncat <<'END'\n{answer}\nEND\n")
        program.chmod(0o755)
        return {"PATH": f"{folder}:{os.environ.get('PATH', os.defpath)}"}

    def stop(self) -> None:
        """End it."""
        for endpoint in self.endpoints:
            endpoint.stop()
        self.proxy.stop()
        self.keyvault.stop()


def start_azure(folder: Path) -> AzureWorld:
    """Return a fresh double, reachable through its proxy."""
    authority = CertificateAuthority(folder)
    keyvault = AzureKeyVault(authority)
    return AzureWorld(keyvault, ConnectProxy(keyvault.port), authority.bundle, folder)


def _carry(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for sock in (source, target):
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _host(request: Request) -> str:
    return request.headers.get("Host", "").removesuffix(":443").lower()


def _seconds(moment: datetime | float | None) -> int | None:
    if moment is None:
        return None
    return int(moment.timestamp() if isinstance(moment, datetime) else moment)


def _item(vault: Vault, name: str, version: Version, version_id: str) -> dict[str, object]:
    times = {"exp": version.expires, "nbf": version.not_before, "created": version.created, "updated": version.updated}
    attributes: dict[str, object] = {"enabled": version.enabled}
    attributes |= {key: moment for key, moment in times.items() if moment is not None}
    attributes |= {"recoveryLevel": "Recoverable+Purgeable", "recoverableDays": 90}
    where = f"{vault.url}/secrets/{name}"
    item: dict[str, object] = {"id": f"{where}/{version_id}" if version_id else where, "attributes": attributes}
    if version.content_type is not None:
        item["contentType"] = version.content_type
    return {**item, "tags": version.tags}


def _update(version: Version, document: Mapping[str, object]) -> None:
    attributes = document.get("attributes")
    if isinstance(attributes, Mapping):
        version.enabled = bool(attributes.get("enabled", version.enabled))
        version.expires = attributes.get("exp", version.expires)
        version.not_before = attributes.get("nbf", version.not_before)
    tags = document.get("tags")
    if isinstance(tags, Mapping):
        version.tags = {str(key): str(value) for key, value in tags.items()}
    content_type = document.get("contentType")
    if content_type is not None:
        version.content_type = str(content_type)
    version.updated = int(time.time())


def _error(
    status: int, code: str, text: str, *, inner: str | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    error: dict[str, object] = {"code": code, "message": text}
    if inner:
        error["innererror"] = {"code": inner}
    return json_response({"error": error}, status, headers)
