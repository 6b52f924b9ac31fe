"""The HTTP connections to a Vault server: TLS settings and proxy, from the settings and the environment."""

from __future__ import annotations

from secretsync.providers.http.client import HttpClient
from secretsync.providers.http.failures import HttpError
from secretsync.providers.http.proxy import find_proxy
from secretsync.providers.http.tls import NamedPath, Tls
from secretsync.providers.inputs import InputRule, find
from secretsync.providers.interface import RequestCounter, StoreContext
from secretsync.providers.vault.inputs import AUTHORITIES, CERTIFICATE, KEY

_HINT = "ca_cert, or VAULT_CACERT, names the file with its authority; verification cannot be switched off"


def make_http(context: StoreContext, address: str, counter: RequestCounter) -> HttpClient:
    """Return a client for one server. Raises RequestError if a file or a proxy cannot be used."""
    failed = None
    try:
        return HttpClient(address, tls=_tls(context), proxy=find_proxy(address, context.environ), counter=counter)
    except HttpError as error:
        failed = error.error(is_repeatable=False)
    raise failed


def _tls(context: StoreContext) -> Tls:
    certificate = _named(context, CERTIFICATE)
    # Without key_file, the file of cert_file has both.
    is_whole = certificate is not None and certificate.name == CERTIFICATE.setting
    key = _named(context, KEY)
    return Tls(
        authorities=_named(context, AUTHORITIES),
        certificate=certificate,
        key=None if is_whole and key is not None and key.name != KEY.setting else key,
        server_name=context.environ.get("VAULT_TLS_SERVER_NAME") or context.environ.get("BAO_TLS_SERVER_NAME"),
        hint=_HINT,
    )


def _named(context: StoreContext, rule: InputRule) -> NamedPath | None:
    given = find(context, rule)
    return NamedPath(given.path, given.name) if given is not None and given.path else None
