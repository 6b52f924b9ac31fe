"""One open connection: TLS, requests and responses. The deadline bounds each step."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from secretsync.core.records import Record
from secretsync.providers.http.failures import Fault, HttpError
from secretsync.providers.http.messages import Reader, Response
from secretsync.providers.interface import Deadline
from secretsync.providers.threads import no_answer

if TYPE_CHECKING:
    from secretsync.providers.http.tls import Tls


_RECEIVE = 64 * 1024  # bytes


class Target(Record, kw_only=True):
    """The server of a client."""

    host: str
    port: int
    is_tls: bool

    @property
    def name(self) -> str:
        """The host for URLs and headers, without the port."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def host_header(self) -> str:
        """The content of the header Host."""
        return self.name if self.port == (443 if self.is_tls else 80) else f"{self.name}:{self.port}"


class Timeouts(Record, kw_only=True):
    """The longest waits in seconds. The deadline may be shorter."""

    connect: float = 2.0  # for one address, and again for TLS
    read: float = 5.0  # for the next bytes of a response


class Connection:
    """An open connection. Used by one thread at a time."""

    def __init__(self, sock: socket.socket, timeouts: Timeouts) -> None:
        self._socket: Any = sock
        self._timeouts = timeouts
        self._deadline = Deadline(0.0)
        self.reader = Reader(self._receive)
        self.idle_since = time.monotonic()

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Send all of `data`, unless the server closes the connection before. Raises HttpError."""
        self._deadline = deadline
        try:
            self._step(lambda sock: sock.sendall(data))
        except HttpError as error:
            if error.fault is not Fault.CLOSED:
                raise
            # The server may have sent the reason before: a response, or the alert for a client certificate.
            self.reader.can_go_on = False

    def read(self, method: str, max_bytes: int) -> Response:
        """Return the response to a request with this method, until the deadline of `send`. Raises HttpError."""
        response = self.reader.read(method, max_bytes)
        self.idle_since = time.monotonic()
        return response

    def is_older(self, longest: float) -> bool:
        """Return True if the last response came more than `longest` seconds ago."""
        return time.monotonic() - self.idle_since > longest

    def is_stale(self, longest: float) -> bool:
        """Return True if the server closed the connection, sent bytes, or was not asked for `longest` seconds."""
        if self.is_older(longest):
            return True
        self._socket.settimeout(0.0)
        try:
            # TLS 1.3 servers send session tickets after the handshake, which are no data.
            self._socket.recv(1)
        except OSError as error:
            return not _would_block(error)
        return True

    def accept_tunnel(self) -> int:
        """Return the status of a proxy's response to CONNECT. After it, the bytes are those of the server."""
        status, _ = self.reader.read_head()
        self.reader = Reader(self._receive)
        return status

    def start_tls(self, tls: Tls, host: str, deadline: Deadline) -> None:
        """Make the connection a TLS connection. Raises HttpError."""
        from secretsync.providers.http.tls_errors import tls_failure  # imports ssl

        context, wait, name = tls.context(), wait_within(self._timeouts.connect, deadline), tls.server_name or host
        failure = None
        try:
            self._socket.settimeout(wait)
            # Bytes, as for the name lookup.
            encoded = name.encode("ascii") if name.isascii() else name
            self._socket = context.wrap_socket(self._socket, server_hostname=encoded, suppress_ragged_eofs=False)
        except TimeoutError:
            failure = HttpError(Fault.UNREACHABLE, f"no answer to the TLS handshake within {wait:.2g} s")
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            failure = tls_failure(error, name, tls.hint)
        if failure is not None:
            raise failure

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _receive(self) -> bytes:
        data = self._step(lambda sock: sock.recv(_RECEIVE))
        return bytes(data)

    def _step(self, step: Callable[[Any], Any]) -> Any:
        wait = wait_within(self._timeouts.read, self._deadline)
        failure = None
        try:
            self._socket.settimeout(wait)
            return step(self._socket)
        except TimeoutError:
            failure = HttpError(Fault.SILENT, f"no answer within {wait:.2g} s", was_sent=True)
        except OSError as error:
            failure = _broken(error)
        raise failure


def wait_within(longest: float, deadline: Deadline) -> float:
    """Return how long to wait for one step. Raises HttpError if the deadline is over."""
    left = deadline.remaining()
    if left <= 0.0:
        failed = no_answer(deadline)
        raise HttpError(Fault.DEADLINE, failed.cause, failed.hint)
    return min(longest, left)


def _broken(error: OSError) -> HttpError:
    """Return the failure for an error of an open connection."""
    if not isinstance(error, ConnectionError):
        from secretsync.providers.http.tls_errors import tls_failure

        if (failure := tls_failure(error)).fault is not Fault.CLOSED:
            failure.was_sent = True
            return failure
    return HttpError(Fault.CLOSED, "the connection was closed before the response", was_sent=True)


def _would_block(error: OSError) -> bool:
    import ssl

    return isinstance(error, BlockingIOError | ssl.SSLWantReadError)
