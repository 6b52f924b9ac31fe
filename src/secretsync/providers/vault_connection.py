"""Requests to a Vault server: kept connections, time-outs within the deadline, and repeats for what they can mend."""

from __future__ import annotations

import random
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined] # missing in its stubs

import certifi
import requests
import urllib3.exceptions
from hvac.adapters import RawAdapter
from requests.adapters import HTTPAdapter

from secretsync.errors import ProblemKind
from secretsync.json_text import NotJsonError, parse_json
from secretsync.model import Failed, Hidden
from secretsync.providers.interface import Deadline
from secretsync.providers.workers import no_answer

__all__ = ["Connection", "Reply", "VaultAdapter", "VaultFailureError"]

_CONNECT = 2.0  # seconds
_READ = 5.0
_TRIES = 3
_PAUSE = 0.3  # seconds before the second try, at the most; doubled before the third: a failover takes half a second

# What another try can mend: a failover, a node behind its leader, a load balancer between two nodes, a busy server.
_PASSING = frozenset({412, 429, 500, 502, 503, 504})
# Of those, what says that the request was not carried out.
_NOT_DONE = frozenset({412, 429, 503})


class Reply(Hidden):
    """An answer of the server, which may hold values. `document` is None where it is no JSON object."""

    __slots__ = ("document", "location", "retry_after", "status")

    def __init__(
        self, status: int, document: dict[str, Any] | None, *, retry_after: float | None, location: str | None
    ) -> None:
        self.status = status
        self.document = document
        self.retry_after = retry_after
        self.location = location  # the host that a redirect leads to

    @property
    def data(self) -> dict[str, Any] | None:
        """The object under `data`."""
        data = (self.document or {}).get("data")
        return data if isinstance(data, dict) else None

    def says(self, words: str) -> bool:
        """Whether an error or a warning of the server has these words in it. They are never shown."""
        told = [*((self.document or {}).get("errors") or ()), *((self.document or {}).get("warnings") or ())]
        return any(words in text for text in told if isinstance(text, str))


class VaultFailureError(Exception):
    """Why there is no answer. It never leaves the provider, and is raised where no other exception is at hand."""

    def __init__(self, failed: Failed) -> None:
        self.failed = failed
        super().__init__(failed.cause)


@dataclass(frozen=True, slots=True)
class _Trouble:
    """A request without an answer."""

    failed: Failed
    is_passing: bool = True  # another try can mend it
    was_sent: bool = True  # the server may have carried it out


class Connection:
    """The connections to one server."""

    def __init__(self, address: str, environ: Mapping[str, str], ca_cert: str | None, *, workers: int) -> None:
        """Nothing is connected yet. Raises VaultFailureError where the certificates cannot be read."""
        self.address = address
        self._session = requests.Session()
        # The process's own environment, a .netrc and hvac's ideas of both stay out: everything is said here.
        self._session.trust_env = False
        self._session.proxies.update(_proxies(address, environ))
        context = _tls_context(environ, ca_cert) if address.startswith("https:") else None
        transport = _Transport(context, workers=workers)
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, transport)

    @property
    def session(self) -> requests.Session:
        """What hvac's adapters send with."""
        return self._session

    def close(self) -> None:
        """Close them."""
        self._session.close()

    def send(self, method: str, url: str, deadline: Deadline, *, is_repeatable: bool, **request: Any) -> Reply:
        """The answer, at the latest at `deadline`; repeated with pauses as long as that can help.

        `is_repeatable`: being carried out twice does no harm. Raises VaultFailureError.
        """
        tries = 0
        while True:
            tries += 1
            outcome = self._try(method, url, deadline, request)
            pause = _pause(outcome, tries, is_repeatable=is_repeatable)
            if pause is None or pause >= deadline.remaining():
                break
            time.sleep(pause)
        if isinstance(outcome, Reply):
            return outcome
        raise VaultFailureError(outcome.failed)

    def _try(self, method: str, url: str, deadline: Deadline, request: Mapping[str, Any]) -> Reply | _Trouble:
        left = deadline.remaining()
        if left <= 0:
            return _Trouble(no_answer(deadline), is_passing=False)
        timeout = (min(_CONNECT, left), min(_READ, left))
        try:
            # A redirect is not followed: requests would send the token along, to whatever host it names.
            response = self._session.request(method, url, timeout=timeout, allow_redirects=False, **request)
            return _reply(response)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            # Its request has the token, its text may have anything: only what is understood of it goes on.
            return _trouble(error, self.address, timeout)


class VaultAdapter(RawAdapter):
    """What hvac sends its requests through: one token, one deadline, and replies in place of exceptions."""

    def __init__(
        self,
        connection: Connection,
        deadline: Deadline,
        *,
        token: str = "",
        namespace: str | None = None,
        is_repeatable: bool = True,
    ) -> None:
        super().__init__(base_uri=connection.address, token=token, session=connection.session, namespace=namespace)
        self._connection = connection
        self._deadline = deadline
        self._is_repeatable = is_repeatable

    def read(self, path: str, **parameters: object) -> Reply:
        """The answer to a read of `path`."""
        return self.request("get", f"/v1/{quote(path)}", params=parameters)

    def list_names(self, folder: str) -> Reply:
        """The answer to the question for the names in a folder."""
        return self.request("list", f"/v1/{quote(folder)}/")

    # Everything of hvac's goes through here; its other methods hand on what it returns.
    def request(self, method: str, url: str, headers: Any = None, **options: Any) -> Reply:  # type: ignore[override]
        """The answer, whatever its status. Raises VaultFailureError."""
        sent = {"X-Vault-Request": "true", **(headers or {})}
        if self.token:
            sent["X-Vault-Token"] = self.token
        if self.namespace:
            sent["X-Vault-Namespace"] = self.namespace
        return self._connection.send(
            method,
            self.urljoin(self.base_uri, url),
            self._deadline,
            is_repeatable=self._is_repeatable,
            headers=sent,
            params=options.get("params"),
            json=options.get("json"),
        )


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
        file, folder = (None, file) if _is_folder(file) else (file, None)
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
            "ca_cert, or VAULT_CACERT, names a PEM file with the authority of the server's certificate",
        )
    if failed is not None:
        raise VaultFailureError(failed)
    return context


def _is_folder(path: str) -> bool:
    import os

    return os.path.isdir(path)


def _proxies(address: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The proxy that the environment names for the server, as requests takes it."""
    parts = urlsplit(address)

    def value(name: str) -> str:
        return environ.get(name.lower()) or environ.get(name.upper()) or ""

    if not parts.hostname or proxy_bypass_environment(parts.netloc.rpartition("@")[2], {"no": value("no_proxy")}):
        return {}
    proxy = value(f"{parts.scheme}_proxy") or value("all_proxy")
    return {parts.scheme: proxy} if proxy else {}


def _reply(response: requests.Response) -> Reply:
    document = None
    try:
        document = parse_json(response.content.decode("utf-8"))
    except (NotJsonError, UnicodeDecodeError, RecursionError):
        document = None
    try:
        retry_after = float(response.headers.get("Retry-After", ""))
    except ValueError:
        retry_after = None
    location = urlsplit(response.headers["Location"]).hostname if "Location" in response.headers else None
    return Reply(
        response.status_code,
        document if isinstance(document, dict) else None,
        retry_after=retry_after if retry_after is not None and 0 <= retry_after < 3600 else None,
        location=location,
    )


def _pause(outcome: Reply | _Trouble, tries: int, *, is_repeatable: bool) -> float | None:
    """Seconds until the next try; None: there is none."""
    jitter = random.uniform(0.5, 1.0) * _PAUSE * 2.0 ** (tries - 1)  # noqa: S311 - spreads requests, hides nothing
    if isinstance(outcome, Reply):
        if outcome.status not in _PASSING or outcome.says("sealed"):
            return None
        if not is_repeatable and outcome.status not in _NOT_DONE:
            return None
        if outcome.status == 429 and outcome.retry_after is not None:
            # The server says when: that is no guess of ours, so it counts until the deadline.
            return outcome.retry_after + jitter
    elif not outcome.is_passing or (outcome.was_sent and not is_repeatable):
        return None
    return jitter if tries < _TRIES else None


def _trouble(error: Exception, address: str, timeout: tuple[float, float]) -> _Trouble:
    """What a network error means, in words of our own."""
    hint = f"is {address} the right address, and reachable from here?"
    if isinstance(error, requests.exceptions.ConnectTimeout):
        failed = Failed(ProblemKind.UNAVAILABLE, f"no connection within {timeout[0]:.2g} s", hint)
        return _Trouble(failed, was_sent=False)
    if isinstance(error, requests.exceptions.ProxyError):
        failed = Failed(ProblemKind.UNAVAILABLE, "the proxy between us and the server does not answer", hint)
        return _Trouble(failed, was_sent=False)
    if isinstance(error, requests.exceptions.SSLError):
        return _Trouble(_untrusted(error), is_passing=False)
    if isinstance(error, requests.exceptions.Timeout):
        return _Trouble(Failed(ProblemKind.UNAVAILABLE, f"no answer within {timeout[1]:.2g} s", hint))
    if _has_cause(error, urllib3.exceptions.NameResolutionError):
        failed = Failed(ProblemKind.UNAVAILABLE, "the server's name is not known", hint)
        return _Trouble(failed, was_sent=False)
    if _has_cause(error, urllib3.exceptions.NewConnectionError):
        failed = Failed(ProblemKind.UNAVAILABLE, "the server refuses connections", hint)
        return _Trouble(failed, was_sent=False)
    if _has_cause(error, urllib3.exceptions.IncompleteRead):
        return _Trouble(Failed(ProblemKind.UNAVAILABLE, "the answer was cut off", hint))
    if isinstance(error, requests.exceptions.ConnectionError | requests.exceptions.ChunkedEncodingError | OSError):
        return _Trouble(Failed(ProblemKind.UNAVAILABLE, "the connection was closed before the answer", hint))
    return _Trouble(
        Failed(ProblemKind.UNAVAILABLE, f"the request failed ({type(error).__name__})", hint), is_passing=False
    )


def _untrusted(error: Exception) -> Failed:
    why = next(
        (cause.verify_message for cause in _causes(error) if isinstance(cause, ssl.SSLCertVerificationError)), ""
    )
    return Failed(
        ProblemKind.UNAVAILABLE,
        f"the server's certificate is not trusted: {why}" if why else "no TLS connection can be made with the server",
        "ca_cert, or VAULT_CACERT, names the file with its authority; verification cannot be switched off",
    )


def _has_cause(error: BaseException, kind: type[BaseException]) -> bool:
    return any(isinstance(cause, kind) for cause in _causes(error))


def _causes(error: BaseException) -> list[BaseException]:
    """`error` and everything that it wraps: urllib3 keeps reasons in arguments, requests in contexts."""
    found: list[BaseException] = []
    waiting: list[Any] = [error]
    while waiting and len(found) < 20:
        cause = waiting.pop()
        if isinstance(cause, BaseException) and cause not in found:
            found.append(cause)
            waiting += [*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__]
    return found
