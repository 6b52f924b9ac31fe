"""HTTP connections that share one TLS context. Each further context would load all certificate authorities again."""

from __future__ import annotations

import errno
import functools
import os
import ssl
import stat
from typing import Any
from urllib.parse import urlsplit

import requests
from azure.core.exceptions import ServiceResponseError, ServiceResponseTimeoutError
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.exceptions import HTTPError, ReadTimeoutError
from urllib3.util.ssl_ import create_urllib3_context

from secretsync.core.errors import ProblemKind
from secretsync.core.files import Input, check_file
from secretsync.core.model import Failed
from secretsync.providers.azure.errors import AzureRequestError
from secretsync.providers.interface import Deadline, RequestCounter
from secretsync.providers.remote import retry_after
from secretsync.providers.sdk_body import BodyError, read_body

_READ = 5.0  # seconds between two pieces of an answer
_LONGEST = 60.0  # seconds for an answer, if the caller does not have a deadline


class _Adapter(HTTPAdapter):
    """Connections with a TLS context that has already loaded its certificate authorities."""

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        host, tls = super().build_connection_pool_key_attributes(request, verify, cert)
        if host["scheme"] != "https" or not verify:
            return host, tls
        kept = {name: value for name, value in tls.items() if name not in ("ca_certs", "ca_cert_dir")}
        return host, {**kept, "ssl_context": _context(DEFAULT_CA_BUNDLE_PATH if verify is True else str(verify))}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        # Otherwise each connection loads the authorities again.
        if not isinstance((getattr(conn, "conn_kw", None) or {}).get("ssl_context"), ssl.SSLContext):
            super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]


def _context(place: str) -> ssl.SSLContext:
    """Return the context that trusts the present authorities at `place`."""
    status = os.stat(place)
    # OpenSSL opens the file by its path, and would wait for a FIFO.
    if not stat.S_ISDIR(status.st_mode) and (refusal := check_file(place, Input.CERTIFICATES)) is not None:
        raise OSError(errno.EINVAL, refusal.cause, place)
    return _made(place, status.st_mtime_ns, status.st_size)


@functools.lru_cache(maxsize=4)
def _made(place: str, _changed: int, _size: int) -> ssl.SSLContext:
    context = create_urllib3_context()
    if os.path.isdir(place):
        context.load_verify_locations(capath=place)
        return context
    try:
        context.load_verify_locations(cafile=place)
    except ssl.SSLError:
        raise OSError(errno.EINVAL, "it is not a PEM file", place) from None
    return context


class _Transport(RequestsTransport):  # type: ignore[misc] # its stubs make it an Any
    """A transport that counts its requests."""

    def __init__(self, session: requests.Session, counter: RequestCounter | None, connect: float) -> None:
        # The time-outs of a credential only apply to a transport that it makes by itself.
        super().__init__(session=session, connection_timeout=connect, read_timeout=_READ)
        self._counter = counter
        self.status: int | None = None  # of the last answer
        self.pause: float | None = None  # seconds that it asks to wait

    def send(self, request: Any, **options: Any) -> Any:
        """Return the answer to a request."""
        if self._counter is not None:
            self._counter.add(request.method)
        self.status = self.pause = None
        deadline = options.pop("deadline", None) or Deadline(_LONGEST)
        answer = super().send(request, **{**options, "stream": True})
        internal = answer.internal_response
        internal._content = _body(internal, deadline)  # noqa: SLF001 - requests itself would read without a bound
        internal._content_consumed = True  # noqa: SLF001
        if hasattr(answer, "read"):
            answer.read()
        self.status, self.pause = answer.status_code, retry_after(answer.headers.get("Retry-After"))
        return answer


def _body(response: requests.Response, deadline: Deadline) -> bytes:
    """Return the body of a response. Raises exceptions of azure-core, and AzureRequestError."""
    failed: Exception
    try:
        return read_body(response.raw, deadline)
    except BodyError as error:
        host = urlsplit(response.url).hostname
        failed = AzureRequestError(Failed(ProblemKind.UNAVAILABLE, f"{host}: {error.cause}"))
    except ReadTimeoutError as error:
        failed = ServiceResponseTimeoutError(error, error=error)
    except HTTPError as error:
        failed = ServiceResponseError(error, error=error)
    raise failed


def transport(connections: int, counter: RequestCounter | None = None, *, connect: float = 2.0) -> _Transport:
    """Return a transport for the SDK's clients that keeps up to `connections`. `counter`: counts its requests.

    `connect`: seconds until a connection must be made, if the request has no time-out of its own.

    Proxies and certificate authorities are those of the process, as requests finds them.
    """
    session = requests.Session()
    session.mount("https://", _Adapter(pool_maxsize=connections))
    return _Transport(session, counter, connect)
