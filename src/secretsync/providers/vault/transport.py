"""Sessions to a Vault server: proxies, trust, and what network errors mean."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined] # missing in its stubs

import certifi
import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter

from secretsync.core.errors import ProblemKind
from secretsync.core.files import Input, check_file
from secretsync.core.model import Failed
from secretsync.core.records import Record
from secretsync.providers.remote import causes, is_lasting

__all__ = ["Trouble", "VaultFailureError", "make_session", "translate"]


class VaultFailureError(Exception):
    """Why there is no answer. It never leaves the provider, and is raised where no other exception is at hand."""

    def __init__(self, failed: Failed) -> None:
        self.failed = failed
        super().__init__(failed.cause)


_CA_HINT = "ca_cert, or VAULT_CACERT, names a PEM file with the authority of the server's certificate"
_PROXY = "HTTPS_PROXY or HTTP_PROXY names it; NO_PROXY lists the hosts that need none"


class Trouble(Record):
    """A request without an answer."""

    failed: Failed
    is_passing: bool = True  # another try can mend it
    was_sent: bool = True  # the server may have carried it out


def make_session(address: str, environ: Mapping[str, str], ca_cert: str | None, *, workers: int) -> requests.Session:
    """A session for one server, with a connection for each worker.

    Raises VaultFailureError where the certificates cannot be read.
    """
    session = requests.Session()
    # The process's own environment, a .netrc and hvac's ideas of both stay out: everything is said here.
    session.trust_env = False
    session.proxies.update(_proxies(address, environ))
    context = _tls_context(environ, ca_cert) if address.startswith("https:") else None
    transport = _Transport(context, workers=workers)
    for scheme in ("https://", "http://"):
        session.mount(scheme, transport)
    return session


def translate(error: Exception, address: str, timeout: tuple[float, float]) -> Trouble:
    """What a network error means, in words of our own."""
    hint = f"is {address} the right address, and reachable from here?"
    if isinstance(error, requests.exceptions.ConnectTimeout):
        failed = Failed(ProblemKind.UNAVAILABLE, f"no connection within {timeout[0]:.2g} s", hint)
        return Trouble(failed, was_sent=False)
    is_passing = not is_lasting(error)
    if isinstance(error, requests.exceptions.ProxyError):
        failed = Failed(ProblemKind.UNAVAILABLE, "the proxy between us and the server does not answer", _PROXY)
        return Trouble(failed, is_passing=is_passing, was_sent=False)
    if isinstance(error, requests.RequestException) and isinstance(error, ValueError):  # of an address that is none
        cause = f"there is no way to {address} ({type(error).__name__})"
        failed = Failed(ProblemKind.CONFIGURATION, cause, f"is it right, and the proxy? {_PROXY}")
        return Trouble(failed, is_passing=False, was_sent=False)
    if isinstance(error, requests.exceptions.SSLError):
        return Trouble(_untrusted(error), is_passing=is_passing)
    if isinstance(error, requests.exceptions.Timeout):
        return Trouble(Failed(ProblemKind.UNAVAILABLE, f"no answer within {timeout[1]:.2g} s", hint))
    if _has_cause(error, socket.gaierror):
        what = "cannot be looked up for now" if is_passing else "is not known"
        failed = Failed(ProblemKind.UNAVAILABLE, f"the server's name {what}", hint)
        return Trouble(failed, is_passing=is_passing, was_sent=False)
    if _has_cause(error, urllib3.exceptions.NewConnectionError):
        failed = Failed(ProblemKind.UNAVAILABLE, "the server refuses connections", hint)
        return Trouble(failed, was_sent=False)
    if _has_cause(error, urllib3.exceptions.IncompleteRead):
        return Trouble(Failed(ProblemKind.UNAVAILABLE, "the answer was cut off", hint))
    if isinstance(error, requests.exceptions.ConnectionError | requests.exceptions.ChunkedEncodingError | OSError):
        return Trouble(Failed(ProblemKind.UNAVAILABLE, "the connection was closed before the answer", hint))
    return Trouble(
        Failed(ProblemKind.UNAVAILABLE, f"the request failed ({type(error).__name__})", hint), is_passing=False
    )


def _untrusted(error: Exception) -> Failed:
    why = next((cause.verify_message for cause in causes(error) if isinstance(cause, ssl.SSLCertVerificationError)), "")
    return Failed(
        ProblemKind.UNAVAILABLE,
        f"the server's certificate is not trusted: {why}" if why else "no TLS connection can be made with the server",
        "ca_cert, or VAULT_CACERT, names the file with its authority; verification cannot be switched off",
    )


def _has_cause(error: BaseException, kind: type[BaseException]) -> bool:
    return any(isinstance(cause, kind) for cause in causes(error))


class _Transport(HTTPAdapter):
    """Connections that share one TLS context: requests has each new one load all authorities again."""

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
        # The context does it; urllib3 asks for a certificate where nobody says otherwise.
        pass


def _tls_context(environ: Mapping[str, str], ca_cert: str | None) -> ssl.SSLContext:
    """What is trusted: the authority named, else those of the environment, else the system's, else certifi's."""
    file = ca_cert or environ.get("REQUESTS_CA_BUNDLE") or environ.get("SSL_CERT_FILE")
    folder = None if file else environ.get("VAULT_CAPATH") or environ.get("SSL_CERT_DIR")
    if file and not ca_cert:
        file, folder = (None, file) if os.path.isdir(file) else (file, None)
    # OpenSSL opens them by their paths, and would wait for a FIFO.
    for path in (file, environ.get("VAULT_CLIENT_CERT"), environ.get("VAULT_CLIENT_KEY")):
        if path and (refusal := check_file(path, Input.CERTIFICATES)) is not None:
            raise VaultFailureError(
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
        raise VaultFailureError(failed)
    return context


def _proxies(address: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The proxy that the environment names for the server, as requests takes it."""
    parts = urlsplit(address)

    def value(name: str) -> str:
        return environ.get(name.lower()) or environ.get(name.upper()) or ""

    if not parts.hostname or proxy_bypass_environment(parts.netloc.rpartition("@")[2], {"no": value("no_proxy")}):
        return {}
    proxy = value(f"{parts.scheme}_proxy") or value("all_proxy")
    return {parts.scheme: proxy} if proxy else {}
