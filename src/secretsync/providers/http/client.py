"""Requests to one server over connections that are kept and shared by threads."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from secretsync.providers.http.connecting import open_connection, proxy_refusal
from secretsync.providers.http.connection import Connection, Target, Timeouts
from secretsync.providers.http.failures import Fault, HttpError
from secretsync.providers.http.messages import Response, make_head
from secretsync.providers.http.proxy import Proxy
from secretsync.providers.http.tls import Tls
from secretsync.providers.interface import Deadline, RequestCounter

MAX_BYTES = 16 * 1024 * 1024  # of the body of a response, decompressed
_SLICE = 0.05  # seconds
_MAX_IDLE = 50.0  # seconds: many servers and firewalls drop a connection after a minute


class HttpClient:
    """The connections to one server. Used from many threads.

    Redirects are not followed: the response with the status 3xx is returned. Nothing is logged. A client must not be
    used in a forked child: see `PerProcess`.
    """

    def __init__(
        self,
        base_url: str,
        *,
        tls: Tls | None = None,
        proxy: Proxy | None = None,
        counter: RequestCounter | None = None,
        timeouts: Timeouts | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        """Connect to nothing yet.

        `base_url`: `http(s)://host[:port]`, already checked; a path, a query and credentials are not used. `tls`: may
        be shared with other clients; None: the system's authorities. `proxy`: see `find_proxy`. `counter`: counts each
        request that is tried. `max_bytes`: of a response's body, decompressed.
        """
        parts = urlsplit(base_url)
        self.target = Target(
            host=parts.hostname or "",
            port=parts.port or (443 if parts.scheme == "https" else 80),
            is_tls=parts.scheme == "https",
        )
        self.tls = tls or Tls()
        self.proxy = proxy
        self._counter = counter
        self._timeouts = timeouts or Timeouts()
        self._max_bytes = max_bytes
        self._idle: list[Connection] = []  # list methods are atomic; the newest connection is used first
        self._is_closed = False
        self._is_tried = threading.Event()  # a connection was tried
        self._is_reached = False  # by the last connection that was tried

    def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        deadline: Deadline,
        operation: str | None = None,
        is_repeatable: bool = False,
    ) -> Response:
        """Send one request and return its response, whatever its status, at the latest at the deadline.

        `path`: with its query, percent-encoded. `headers`: Host, Content-Length and Accept-Encoding are added.
        `operation`: the name to count the request under; None: `method`. `is_repeatable`: the server may carry out the
        request twice; it is then sent again if the server closed a kept connection. There are no other retries: see
        `Retries`. Raises HttpError.
        """
        data = self._written(method, path, headers or {}, body)
        while True:
            connection = self._idle_connection()
            is_kept = connection is not None
            if self._counter is not None:
                self._counter.add(operation or method)
            if connection is None:
                connection = self._open(deadline)
            response = self._exchange(connection, method, data, deadline)
            if not isinstance(response, HttpError):
                return response
            # A server that closes an idle connection may do so while a request is on its way.
            is_stale = is_kept and response.fault is Fault.CLOSED and not connection.reader.has_begun
            if not (is_stale and is_repeatable):
                raise response
            self._close_idle()  # otherwise the request could be sent on each of them, and be lost as often

    def warm(self, deadline: Deadline, is_needed: Callable[[], bool]) -> None:
        """Open a connection for a request that follows soon. Failures are left to that request.

        It is opened as soon as another request has reached the server, because a server that is down would get as
        many connections as there are threads. `is_needed`: returns False as soon as there is no other request.
        """
        while not self._is_tried.wait(_SLICE) and is_needed() and not deadline.is_over:
            pass
        if self._idle or self._is_closed or not self._is_reached:
            return
        try:
            connection = self._open(deadline)
        except HttpError:
            return
        self._idle.append(connection)

    def close(self) -> None:
        """Close the connections. A connection in use is closed after its response, and so is each later one."""
        self._is_closed = True
        self._close_idle()

    def __del__(self) -> None:
        # A library's provider may be dropped without `close`, and Python warns about open sockets.
        if hasattr(self, "_idle"):
            self.close()

    def _open(self, deadline: Deadline) -> Connection:
        def reached() -> None:
            self._is_reached = True
            self._is_tried.set()

        try:
            return open_connection(self.target, self.tls, self.proxy, self._timeouts, deadline, reached)
        except HttpError:
            self._is_reached = False
            raise
        finally:
            self._is_tried.set()

    def _close_idle(self) -> None:
        with contextlib.suppress(IndexError):  # another thread may take the last one
            while self._idle:
                self._idle.pop().close()

    def _written(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
        is_for_proxy = self.proxy is not None and not self.target.is_tls
        if is_for_proxy and self.proxy is not None and self.proxy.authorization:
            headers = {**headers, "Proxy-Authorization": self.proxy.authorization}
        host = self.target.host_header
        length = len(body) if body or method in ("POST", "PUT", "PATCH") else None
        return make_head(method, f"http://{host}{path}" if is_for_proxy else path, host, headers, length) + body

    def _exchange(self, connection: Connection, method: str, data: bytes, deadline: Deadline) -> Response | HttpError:
        is_done = False
        try:
            connection.send(data, deadline)
            response = connection.read(method, self._max_bytes)
            is_done = True
        except HttpError as error:
            return error.with_traceback(None)
        finally:
            if is_done and connection.reader.can_go_on and not self._is_closed:
                self._idle.append(connection)
                self._close_unused()
            else:
                connection.close()
        if response.status == 407 and self.proxy is not None and not self.target.is_tls:
            return proxy_refusal(self.proxy, response.status, self.target.host_header)
        return response

    def _close_unused(self) -> None:
        """Close connections that a burst of requests left, and that were not needed since."""
        with contextlib.suppress(IndexError):  # another thread may take the last one
            while self._idle[0].is_older(_MAX_IDLE):
                self._idle.pop(0).close()

    def _idle_connection(self) -> Connection | None:
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if not connection.is_stale(_MAX_IDLE):
                return connection
            connection.close()
