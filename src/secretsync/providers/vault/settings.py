"""The settings of a store of Vault, and the rule for its paths. Imported without the SDK."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from secretsync.providers.interface import Setting, SettingType, StoreContext

_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")

# The keys of `auth` by method: the required keys, then all keys.
_METHODS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "token": ((), ("token_file",)),
    "approle": ((), ("mount", "role_id", "role_id_file", "secret_id_file", "wrapped")),
    "kubernetes": (("role",), ("mount", "role", "jwt_file")),
    "jwt": ((), ("mount", "role", "jwt_file")),
    "userpass": ((), ("mount", "username", "username_file", "password_file")),
    "ldap": ((), ("mount", "username", "username_file", "password_file")),
    "cert": ((), ("mount", "role", "cert_file", "key_file")),
    "aws": ((), ("mount", "role", "region", "server_id")),
}

POD_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 - where a pod finds its own
_TLS_FILES = ("CACERT", "CAPATH", "CLIENT_CERT", "CLIENT_KEY")
# The files that are read in addition to those of the settings.
FILES = ("~/.vault-token", POD_TOKEN, *(f"${prefix}_{name}" for prefix in ("VAULT", "BAO") for name in _TLS_FILES))

_AUTH = {
    "method": Setting(help="how to log in", choices=tuple(_METHODS), default="token"),
    "mount": Setting(help="where the method is mounted, below auth/", default="the method's name"),
    "role": Setting(help="kubernetes, jwt, cert, aws: the role to log in as"),
    "token_file": Setting(
        type=SettingType.PATH, help="token: a file with it", default="VAULT_TOKEN, then ~/.vault-token"
    ),
    "role_id": Setting(help="approle: the role's id", environment="VAULT_ROLE_ID"),
    "role_id_file": Setting(type=SettingType.PATH, help="approle: a file with the role's id"),
    "secret_id_file": Setting(
        type=SettingType.PATH, help="approle: a file with the secret_id", default="VAULT_SECRET_ID"
    ),
    "wrapped": Setting(type=SettingType.BOOLEAN, help="approle: the secret_id is a wrapping token", default="false"),
    "jwt_file": Setting(
        type=SettingType.PATH,
        help="kubernetes, jwt: a file with the token to show",
        default="kubernetes: the pod's own; jwt: VAULT_JWT",
    ),
    "username": Setting(help="userpass, ldap: the user's name", environment="VAULT_USERNAME"),
    "username_file": Setting(type=SettingType.PATH, help="userpass, ldap: a file with the user's name"),
    "password_file": Setting(
        type=SettingType.PATH, help="userpass, ldap: a file with the password", default="VAULT_PASSWORD"
    ),
    "cert_file": Setting(
        type=SettingType.PATH, help="cert: a PEM file with the client's certificate", default="VAULT_CLIENT_CERT"
    ),
    "key_file": Setting(
        type=SettingType.PATH,
        help="cert: a PEM file with its private key",
        default="VAULT_CLIENT_KEY; else the key is in the file of the certificate",
    ),
    "region": Setting(
        help="aws: the region of AWS STS in the signature", environment="AWS_REGION", default="us-east-1"
    ),
    "server_id": Setting(help="aws: the content of X-Vault-AWS-IAM-Server-ID that the server requires"),
}


SETTINGS = {
    "address": Setting(help="the server's address, such as https://vault.internal:8200", environment="VAULT_ADDR"),
    "namespace": Setting(help="the namespace of all paths", environment="VAULT_NAMESPACE"),
    "auth": Setting(type=SettingType.TABLE, help="how to log in", default="token", keys=_AUTH, identifies=True),
    "kv_version": Setting(
        type=SettingType.INTEGER,
        help="1 or 2: mounts are not asked for their version, and (2) have one segment",
        default="each mount is asked once",
        identifies=True,
    ),
    "ca_cert": Setting(
        type=SettingType.PATH,
        help="a PEM file with the server's authority",
        environment="VAULT_CACERT",
        identifies=True,
    ),
    "plain_http": Setting(type=SettingType.BOOLEAN, help="true: http:// may lead to other machines", default="false"),
}


def check_path(path: str) -> str | None:
    """Return what is wrong with the path of a reference; None if nothing is."""
    if not path.isprintable():
        return "a path has no control characters"
    if "?" in path or "#" in path or _ENCODED.search(path):
        return "a path has no '?', no '#' and nothing percent-encoded"
    segments = path.split("/")
    if len(segments) < 2:
        return "a path begins with its mount: mount/path"
    # `..` leads from a secret to its metadata, or out of its mount; Vault drops an empty segment.
    if any(segment.strip() in ("", ".", "..") or segment != segment.strip() for segment in segments):
        return "a path has no empty, '.' or '..' segments, and no white space around one"
    return None


def server_address(context: StoreContext) -> str:
    """Return the address of the server, without a slash at its end. Raises ConfigurationError."""
    from secretsync.providers.inputs import InputKind, malformed, url_mistake
    from secretsync.providers.remote import is_loopback

    address = context.setting("address", "VAULT_ADDR") or context.environ.get("BAO_ADDR")
    if not address:
        raise context.mistake("it has no address", "set address in the bindings, or VAULT_ADDR")
    name = _address_name(context)
    if (cause := malformed(InputKind.TEXT, address) or url_mistake(address)) is not None:
        hint = f"set {name} to an address such as https://vault.internal:8200"
        if "@" in address:
            hint += f"; the login belongs in [stores.{context.store}.auth] of the bindings, or in variables"
        raise context.mistake(f"{name} {cause}", hint)
    parts = urlsplit(address)
    host = parts.hostname or ""
    if _is_link_local(host):
        raise context.mistake("its address is a platform's metadata service")
    if parts.scheme == "http" and not is_loopback(host) and not context.settings.get("plain_http"):
        hint = "use https://, or say plain_http = true where something else encrypts the way"
        raise context.mistake("its address would send the token to another machine in the clear", hint)
    return address.rstrip("/")


def _address_name(context: StoreContext) -> str:
    if context.settings.get("address"):
        return "address"
    return "VAULT_ADDR" if context.environ.get("VAULT_ADDR") else "BAO_ADDR"


def _is_link_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_link_local
    except ValueError:
        return False


def check_settings(context: StoreContext) -> None:
    """Raise ConfigurationError if the settings do not go together."""
    if context.settings.get("kv_version") not in (None, 1, 2):
        raise context.mistake("kv_version is 1 or 2")
    _check_auth(context)


def _check_auth(context: StoreContext) -> None:
    settings: Mapping[str, object] = context.settings.get("auth") or {}
    method = str(settings.get("method", "token"))
    needed, known = _METHODS[method]
    for key in needed:
        if not settings.get(key):
            raise context.mistake(f"auth: the method {method} needs {key}")
    for key in settings:
        if key not in ("method", *known):
            raise context.mistake(f"auth: {key} does not go with the method {method}", f"it takes: {', '.join(known)}")
        if settings[key] == "":
            raise context.mistake(f"auth: {key} is empty")
    if method == "aws" and not _has_hvac():
        raise context.mistake("auth: the method aws needs hvac", 'pip install "secretsync-adapter[vault]"')
    mount = str(settings.get("mount", method)).strip("/")
    if check_path(f"auth/{mount}"):
        raise context.mistake("auth.mount is no path")


def _has_hvac() -> bool:
    from importlib.util import find_spec

    return find_spec("hvac") is not None
