"""OpenBao: a dev server with an audit file, sealed and uninitialised ones, and what tests put into them."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hvac
import hvac.exceptions
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.servers.certificates import CertificateAuthority
from tests.servers.loopback import LoopbackServer, Request, Response, json_response
from tests.servers.names import unique
from tests.servers.postgresql import PostgreSql
from tests.servers.process import HOST, ServerProcess, get_status, start_server
from tests.servers.tools import server_program
from tests.support.limits import HANG

ROOT_TOKEN = "root"
_UID = "01234567-89ab-cdef-0123-456789abcdef"  # of the pod's service account


@dataclass(frozen=True, slots=True)
class OpenBao:
    """A running server. `ca_cert` is set where it speaks TLS, `audit_file` where it keeps one."""

    process: ServerProcess = field(repr=False)
    audit_file: Path | None = None
    ca_cert: Path | None = None

    @property
    def url(self) -> str:
        """Return the address of the server."""
        return f"{'https' if self.ca_cert else 'http'}://{HOST}:{self.process.port}"

    def client(self, token: str | None = ROOT_TOKEN, *, url: str | None = None, namespace: str | None = None) -> Any:
        """Return an hvac client with this token, straight or through a proxy at `url`."""
        verify = str(self.ca_cert) if self.ca_cert else True
        return hvac.Client(url or self.url, token, verify=verify, namespace=namespace, timeout=HANG)

    def space(self) -> VaultSpace:
        """Return a place of one's own on this server: mounts, policies and roles with names that nobody else has."""
        return VaultSpace(self)


class VaultSpace:
    """The mounts, policies and roles of one test on a shared server. Every method makes a new one."""

    def __init__(self, server: OpenBao, namespace: str | None = None) -> None:
        self.server = server
        self.url = server.url
        self.namespace = namespace
        self.root = server.client(namespace=namespace)
        self._audited_from = server.audit_file.stat().st_size if server.audit_file else 0

    # Where secrets are.

    def kv2(self, path: str | None = None) -> str:
        """Return the path of a new KV v2 mount; it may have slashes in it."""
        return self._mount("kv", path or unique("kv2"), {"version": "2"})

    def kv1(self, path: str | None = None) -> str:
        """Return the path of a new KV v1 mount."""
        return self._mount("kv", path or unique("kv1"), {"version": "1"})

    def write(self, mount: str, path: str, data: Mapping[str, object]) -> int:
        """Write a secret to a KV v2 mount: its version."""
        answer = self.root.secrets.kv.v2.create_or_update_secret(path, secret=dict(data), mount_point=mount)
        return int(answer["data"]["version"])

    def write1(self, mount: str, path: str, data: Mapping[str, object]) -> None:
        """Write a secret to a KV v1 mount."""
        self.root.secrets.kv.v1.create_or_update_secret(path, secret=dict(data), mount_point=mount)

    def delete(self, mount: str, path: str, *versions: int, destroy: bool = False) -> None:
        """Delete versions of a KV v2 secret, recoverably unless `destroy`."""
        kv = self.root.secrets.kv.v2
        call = kv.destroy_secret_versions if destroy else kv.delete_secret_versions
        call(path, versions=list(versions), mount_point=mount)

    def database(self, postgresql: PostgreSql, path: str | None = None, static: str = "fixed") -> DatabaseRoles:
        """Return a database mount with a role that makes users, and a role `static` whose password it rotates."""
        mount = self._mount("database", path or unique("db"), {})
        user = postgresql.create_user()
        url = f"postgresql://{{{{username}}}}:{{{{password}}}}@{HOST}:{postgresql.port}/postgres?sslmode=disable"
        self.root.write_data(
            f"{mount}/config/pg",
            data={
                "plugin_name": "postgresql-database-plugin",
                "allowed_roles": "*",
                "connection_url": url,
                "username": postgresql.superuser,
                "password": postgresql.password,
            },
        )
        make = "CREATE ROLE \"{{name}}\" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'"
        role = {"db_name": "pg", "creation_statements": make, "default_ttl": "1h", "max_ttl": "24h"}
        self.root.write_data(f"{mount}/roles/app", data=role)
        fixed = {"db_name": "pg", "username": user, "rotation_period": "24h"}
        self.root.write_data(f"{mount}/static-roles/{static}", data=fixed)
        return DatabaseRoles(
            mount, f"{mount}/creds/app", f"{mount}/static-creds/{static}", f"{mount}/static-roles/{static}"
        )

    # Who may read them.

    def policy(self, *paths: str, capabilities: Iterable[str] = ("read",)) -> str:
        """Return the name of a new policy that allows `capabilities` on each path."""
        name = unique("policy")
        wanted = json.dumps(list(capabilities))
        rules = "\n".join(f'path "{path}" {{ capabilities = {wanted} }}' for path in paths)
        self.root.sys.create_or_update_policy(name, rules)
        return name

    def token(self, *policies: str, ttl: str = "1h", **more: Any) -> str:
        """Create a token with these policies; `renewable`, `num_uses` and more as Vault has them."""
        made = self.root.auth.token.create(policies=list(policies) or ["default"], ttl=ttl, **more)
        return str(made["auth"]["client_token"])

    def revoke(self, token: str) -> None:
        """End a token."""
        self.root.auth.token.revoke(token)

    def approle(self, *policies: str, ttl: str = "1h", wrap: str | None = None) -> AppRole:
        """Return a new AppRole with a secret_id; `wrap` ("60s"): the secret_id is a wrapping token that opens once."""
        mount = self._auth("approle")
        self.root.write_data(f"auth/{mount}/role/app", data={"token_policies": list(policies), "token_ttl": ttl})
        role_id = self.root.read(f"auth/{mount}/role/app/role-id")["data"]["role_id"]
        answer = self.root.write_data(f"auth/{mount}/role/app/secret-id", data={}, wrap_ttl=wrap)
        secret_id = answer["wrap_info"]["token"] if wrap else answer["data"]["secret_id"]
        return AppRole(mount, role_id, secret_id)

    def userpass(self, *policies: str, ttl: str = "1h") -> UserPass:
        """Return a new user with a password."""
        mount = self._auth("userpass")
        password = secrets.token_urlsafe(18)
        user = {"password": password, "token_policies": list(policies), "token_ttl": ttl}
        self.root.write_data(f"auth/{mount}/users/app", data=user)
        return UserPass(mount, "app", password)

    def jwt(self, *policies: str, ttl: str = "1h") -> JwtRole:
        """Return a new role for JSON Web Tokens that a key of the test's own signs."""
        mount = self._auth("jwt")
        key = ec.generate_private_key(ec.SECP256R1())
        encoding, format_ = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        public = key.public_key().public_bytes(encoding, format_).decode()
        self.root.write_data(f"auth/{mount}/config", data={"jwt_validation_pubkeys": [public]})
        role = {"role_type": "jwt", "user_claim": "sub", "bound_audiences": ["vault"]}
        self.root.write_data(
            f"auth/{mount}/role/app", data={**role, "token_policies": list(policies), "token_ttl": ttl}
        )
        return JwtRole(mount, "app", key)

    def kubernetes(self, *policies: str, ttl: str = "1h") -> KubernetesRole:
        """Create a role for pods of the service account `app` in `production`; stop its `api` at the end."""
        mount = self._auth("kubernetes")
        authority = CertificateAuthority(self.server.process.log.parent / "kubernetes")
        api = TokenReview(authority)
        config = {"kubernetes_host": api.url, "token_reviewer_jwt": api.reviewer, "disable_local_ca_jwt": True}
        config["kubernetes_ca_cert"] = authority.bundle.read_text()
        self.root.write_data(f"auth/{mount}/config", data=config)
        bound = {"bound_service_account_names": ["app"], "bound_service_account_namespaces": ["production"]}
        self.root.write_data(
            f"auth/{mount}/role/app", data={**bound, "token_policies": list(policies), "token_ttl": ttl}
        )
        return KubernetesRole(mount, "app", api)

    def rate_limit(self, path: str, rate: float, *, interval: str = "1s") -> None:
        """At most `rate` requests an interval below `path` (a mount, with what follows); 429 with Retry-After then."""
        self.root.write_data("sys/quotas/config", data={"enable_rate_limit_response_headers": True})
        quota = {"path": path, "rate": rate, "interval": interval}
        self.root.write_data(f"sys/quotas/rate-limit/{unique('quota')}", data=quota)

    def new_namespace(self) -> VaultSpace:
        """Return a space in a new namespace of the server."""
        name = unique("ns")
        self.root.write_data(f"sys/namespaces/{name}", data={})
        return VaultSpace(self.server, name)

    # What was asked.

    def audit(self) -> list[tuple[str, str]]:
        """`(operation, path)` of every request since this space was made, but for those with the root token."""
        if self.server.audit_file is None:
            raise ValueError("this server keeps no audit file")
        with self.server.audit_file.open() as file:
            file.seek(self._audited_from)
            lines = [json.loads(line) for line in file if line.endswith("\n")]
        requests = [line for line in lines if line["type"] == "request"]
        others = [line["request"] for line in requests if "root" not in line["auth"].get("policies", ())]
        return [(request["operation"], request["path"]) for request in others]

    def environ(self, token: str | None = None, *, url: str | None = None) -> dict[str, str]:
        """Return the variables of an application that uses this server, here or through a proxy at `url`."""
        variables = {"VAULT_ADDR": url or self.url}
        if token is not None:
            variables["VAULT_TOKEN"] = token
        if self.namespace is not None:
            variables["VAULT_NAMESPACE"] = self.namespace
        if self.server.ca_cert is not None:
            variables["VAULT_CACERT"] = str(self.server.ca_cert)
        return variables

    def _mount(self, backend: str, path: str, options: Mapping[str, str]) -> str:
        self.root.sys.enable_secrets_engine(backend, path=path, options=dict(options))
        if options.get("version") == "2":
            self._wait_for_upgrade(path)
        return path

    def _wait_for_upgrade(self, path: str) -> None:
        """Wait until a new KV v2 mount is upgraded from version 1. It refuses requests with 400 until then."""
        until = time.monotonic() + HANG
        while True:
            try:
                self.root.read(f"{path}/config")
            except hvac.exceptions.InvalidRequest:
                if time.monotonic() > until:
                    raise
            else:
                return

    def _auth(self, method: str) -> str:
        mount = unique(method)
        self.root.sys.enable_auth_method(method, path=mount)
        return mount


@dataclass(frozen=True, slots=True)
class DatabaseRoles:
    """Paths: of users made for each reader, of the static user's password, and of what is known about it."""

    mount: str
    creds: str
    static_creds: str
    static_role: str


@dataclass(frozen=True, slots=True)
class AppRole:
    """The credentials of an AppRole for `auth/<mount>/login`."""

    mount: str
    role_id: str
    secret_id: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class UserPass:
    """The credentials of a user."""

    mount: str
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class JwtRole:
    """A role, and the key that signs for it."""

    mount: str
    role: str
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    def sign(self, *, lifetime: int = 600, audience: str = "vault") -> str:
        """Return a token for the role; with a negative lifetime one that has expired."""
        now = int(time.time())
        claims = {"sub": "app", "aud": audience, "iat": now - 3600, "nbf": now - 3600, "exp": now + lifetime}
        return jwt.encode(claims, self.key, algorithm="ES256")


@dataclass(frozen=True, slots=True)
class KubernetesRole:
    """A role, and the API server that vouches for pods."""

    mount: str
    role: str
    api: TokenReview

    @property
    def token(self) -> str:
        """The service account's token, as it is mounted into a pod."""
        return self.api.pod


class TokenReview(LoopbackServer):
    """The one call of the Kubernetes API that Vault's kubernetes method makes."""

    def __init__(self, authority: CertificateAuthority) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        self.pod, self.reviewer = (self._sign(key, account) for account in ("app", "vault"))
        super().__init__(authority.server_context(HOST))

    @staticmethod
    def _sign(key: ec.EllipticCurvePrivateKey, account: str) -> str:
        now = int(time.time())
        claims = {
            "iss": "kubernetes/serviceaccount",
            "sub": f"system:serviceaccount:production:{account}",
            "iat": now - 60,
            "nbf": now - 60,
            "exp": now + 3600,
            "kubernetes.io": {"namespace": "production", "serviceaccount": {"name": account, "uid": _UID}},
        }
        return jwt.encode(claims, key, algorithm="ES256")

    def answer(self, request: Request) -> Response:
        """Return a review that is positive only for the pod's token."""
        spec: Any = request.json.get("spec")
        if request.headers.get("Authorization") != f"Bearer {self.reviewer}":
            return json_response({"kind": "Status", "status": "Failure", "code": 401}, 401)
        status: dict[str, object] = {"authenticated": False}
        if spec["token"] == self.pod:
            user = {"username": "system:serviceaccount:production:app", "uid": _UID, "groups": []}
            status = {"authenticated": True, "user": user}
        return json_response({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status}, 201)


def start_openbao(folder: Path, *, tls: bool = False) -> OpenBao:
    """Return a dev server (unsealed, in memory, root token `root`) that answers and keeps an audit file."""
    folder.mkdir(parents=True, exist_ok=True)
    audit, certificates = folder / "audit.log", folder / "tls"
    configuration = folder / "extra.hcl"
    # One attribute a line, or the parser refuses it.
    configuration.write_text(f'audit "file" "f" {{\n  options {{\n    file_path = "{audit}"\n  }}\n}}\n')
    flags = ["-dev-tls", f"-dev-tls-cert-dir={certificates}"] if tls else ["-dev"]
    certificates.mkdir(exist_ok=True)
    program = server_program("bao")
    process = start_server(
        "openbao",
        lambda port: [
            program,
            "server",
            *flags,
            f"-dev-root-token-id={ROOT_TOKEN}",
            f"-dev-listen-address={HOST}:{port}",
            "-dev-no-store-token",
            f"-config={configuration}",
        ],
        folder=folder,
        environ=lambda _port: {"GOMAXPROCS": "2"},
        ports=2,
        ready=lambda port: _is_ready(port, certificates, tls=tls),
    )
    return OpenBao(process, audit, _ca_cert(certificates) if tls else None)


def start_sealed_openbao(folder: Path, *, initialised: bool = True) -> OpenBao:
    """Return a server that is sealed (health 503), or has never been initialised (501)."""
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "server.hcl"

    def command(port: int) -> list[str]:
        configuration.write_text(
            f'storage "inmem" {{}}\nlistener "tcp" {{\n  address = "{HOST}:{port}"\n  tls_disable = true\n}}\n'
            f'api_addr = "http://{HOST}:{port}"\n'
        )
        return [str(server_program("bao")), "server", f"-config={configuration}"]

    process = start_server(
        "openbao-sealed",
        command,
        folder=folder,
        ports=2,
        ready=lambda port: get_status(port, "/v1/sys/health") == 501,
    )
    server = OpenBao(process)
    if initialised:
        server.client(None).sys.initialize(secret_shares=1, secret_threshold=1)
    return server


def _is_ready(port: int, certificates: Path, *, tls: bool) -> bool:
    if not tls:
        return get_status(port, "/v1/sys/health") == 200
    authority = _ca_cert(certificates)
    return authority is not None and get_status(port, "/v1/sys/health", ca_cert=authority) == 200


def _ca_cert(certificates: Path) -> Path | None:
    return next(certificates.glob("*-ca.pem"), None)
