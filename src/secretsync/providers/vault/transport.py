"""The HTTP connections to a Vault server: TLS settings and proxy, from the settings and the environment."""

from __future__ import annotations

from collections.abc import Mapping

from secretsync.providers.http.client import HttpClient
from secretsync.providers.http.failures import HttpError
from secretsync.providers.http.proxy import find_proxy
from secretsync.providers.http.tls import NamedPath, Tls
from secretsync.providers.interface import RequestCounter, StoreContext

# The first of these that is set names the authorities. Vault's own variables are before those of other tools.
_AUTHORITIES = (
    *("VAULT_CACERT", "BAO_CACERT", "VAULT_CAPATH", "BAO_CAPATH"),
    *("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"),
)
_HINT = "ca_cert, or VAULT_CACERT, names the file with its authority; verification cannot be switched off"


def make_http(context: StoreContext, address: str, counter: RequestCounter) -> HttpClient:
    """Return a client for one server. Raises RequestError if a file or a proxy cannot be used."""
    failed = None
    try:
        tls = _tls(context)
        if address.startswith("https:"):
            tls.check()
        return HttpClient(address, tls=tls, proxy=find_proxy(address, context.environ), counter=counter)
    except HttpError as error:
        failed = error.error(is_repeatable=False)
    raise failed


def _tls(context: StoreContext) -> Tls:
    auth: Mapping[str, str] = context.settings.get("auth") or {}
    files = {key: NamedPath(context.path(auth[key]), f"auth.{key}") for key in ("cert_file", "key_file") if key in auth}
    certificate = files.get("cert_file") or _named(context, ("VAULT_CLIENT_CERT", "BAO_CLIENT_CERT"))
    key = _named(context, ("VAULT_CLIENT_KEY", "BAO_CLIENT_KEY"))
    ca_cert = context.setting("ca_cert")
    return Tls(
        authorities=NamedPath(context.path(ca_cert), "ca_cert") if ca_cert else _named(context, _AUTHORITIES),
        certificate=certificate,
        key=files.get("key_file") if "cert_file" in files else key,
        server_name=context.environ.get("VAULT_TLS_SERVER_NAME") or context.environ.get("BAO_TLS_SERVER_NAME"),
        hint=_HINT,
    )


def _named(context: StoreContext, variables: tuple[str, ...]) -> NamedPath | None:
    for variable in variables:
        if path := context.environ.get(variable):
            return NamedPath(context.path(path), variable)
    return None
