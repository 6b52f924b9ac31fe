"""HTTP connections to a Vault server: proxies, certificates and one TLS context for all connections."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined] # missing in its stubs

import certifi
import requests
from requests.adapters import HTTPAdapter

from secretsync.core.errors import ProblemKind
from secretsync.core.files import Input, check_file
from secretsync.core.model import Failed
from secretsync.providers.remote import RequestError

__all__ = ["make_session"]

_CA_HINT = "ca_cert, or VAULT_CACERT, names a PEM file with the authority of the server's certificate"


def make_session(address: str, environ: Mapping[str, str], ca_cert: str | None, *, workers: int) -> requests.Session:
    """Return a session for one server, with a connection for each worker.

    Raises RequestError if the certificates cannot be read.
    """
    session = requests.Session()
    # Nothing comes from the environment of the process or from a .netrc, because `environ` may be another environment.
    session.trust_env = False
    session.proxies.update(_proxies(address, environ))
    context = _tls_context(environ, ca_cert) if address.startswith("https:") else None
    transport = _Transport(context, workers=workers)
    for scheme in ("https://", "http://"):
        session.mount(scheme, transport)
    return session


class _Transport(HTTPAdapter):
    """Connections that share one TLS context. Otherwise requests loads all certificate authorities for each."""

    def __init__(self, context: ssl.SSLContext | None, *, workers: int) -> None:
        self._context = context
        super().__init__(pool_connections=1, pool_maxsize=workers)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, **options)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        return super().proxy_manager_for(proxy, ssl_context=self._context, **options)

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {"ssl_context": self._context} if self._context else {}

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        # The TLS context verifies certificates.
        pass


def _tls_context(environ: Mapping[str, str], ca_cert: str | None) -> ssl.SSLContext:
    """Return the context that trusts `ca_cert`, else what the environment names, else the system's authorities."""
    file = ca_cert or environ.get("REQUESTS_CA_BUNDLE") or environ.get("SSL_CERT_FILE")
    folder = None if file else environ.get("VAULT_CAPATH") or environ.get("SSL_CERT_DIR")
    if file and not ca_cert:
        file, folder = (None, file) if os.path.isdir(file) else (file, None)
    # OpenSSL opens these files by their paths, and would wait for a FIFO.
    for path in (file, environ.get("VAULT_CLIENT_CERT"), environ.get("VAULT_CLIENT_KEY")):
        if path and (refusal := check_file(path, Input.CERTIFICATES)) is not None:
            raise RequestError(
                Failed(ProblemKind.UNAVAILABLE, f"the certificates in {path} cannot be used: {refusal.cause}", _CA_HINT)
            )
    failed = None
    try:
        context = ssl.create_default_context(cafile=file or None, capath=folder or None)
        if not file and not folder and not context.cert_store_stats()["x509_ca"]:
            context.load_verify_locations(certifi.where())
        if certificate := environ.get("VAULT_CLIENT_CERT"):
            context.load_cert_chain(certificate, environ.get("VAULT_CLIENT_KEY") or None)
        context.set_alpn_protocols(["http/1.1"])
    except (OSError, ValueError):
        failed = Failed(
            ProblemKind.UNAVAILABLE,
            f"the certificates in {file or folder or environ.get('VAULT_CLIENT_CERT') or 'the system'} cannot be used",
            _CA_HINT,
        )
    if failed is not None:
        raise RequestError(failed)
    return context


def _proxies(address: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the proxy of the environment for the server, in the form of requests."""
    parts = urlsplit(address)

    def value(name: str) -> str:
        return environ.get(name.lower()) or environ.get(name.upper()) or ""

    if not parts.hostname or proxy_bypass_environment(parts.netloc.rpartition("@")[2], {"no": value("no_proxy")}):
        return {}
    proxy = value(f"{parts.scheme}_proxy") or value("all_proxy")
    return {parts.scheme: proxy} if proxy else {}
