"""A small threaded HTTP server on loopback that records its requests and misbehaves when told to."""

from __future__ import annotations

import contextlib
import fnmatch
import functools
import http.client
import json
import select
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO
from urllib.parse import parse_qs, urlsplit

from tests.servers.process import HOST, PortReservation
from tests.support.limits import HANG

_NO_LINGER = struct.pack("ii", 1, 0)  # close() then sends RST in the place of FIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as it came in. `operation` is what it is counted under."""

    method: str
    target: str
    operation: str = ""
    headers: http.client.HTTPMessage = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    at: float = 0.0  # time.monotonic()

    @property
    def path(self) -> str:
        """The target without its query."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The last value of each parameter of the query."""
        return {name: values[-1] for name, values in parse_qs(urlsplit(self.target).query).items()}

    @property
    def form(self) -> dict[str, str]:
        """The last value of each field of a form in the body."""
        return {name: values[-1] for name, values in parse_qs(self.body.decode()).items()}

    @property
    def json(self) -> dict[str, object]:
        """The JSON object in the body."""
        found: dict[str, object] = json.loads(self.body or b"{}")
        return found


@dataclass(frozen=True, slots=True)
class Response:
    """One answer."""

    status: int
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Return the answer as it goes over the wire."""
        headers = {"Content-Length": str(len(self.body)), **self.headers}
        lines = [f"HTTP/1.1 {self.status} {http.client.responses.get(self.status, 'Status')}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body


def json_response(document: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer with a JSON body."""
    body = json.dumps(document).encode()
    return Response(status, body, {"Content-Type": "application/json", **(headers or {})})


class Requests:
    """The requests to a server: by operation, in order, with the number of connections and the peak of concurrency."""

    def __init__(self) -> None:
        self._changed = threading.Condition()  # its lock is re-entrant: `wait_for` counts while it holds it
        self.clear()

    def clear(self) -> None:
        """Forget everything so far."""
        with self._changed:
            self.log: list[Request] = []
            self.connections = 0
            self.in_flight = 0
            self.peak = 0

    @property
    def operations(self) -> Counter[str]:
        """Return the number of requests of each operation."""
        with self._changed:
            return Counter(request.operation for request in self.log)

    def count(self, operation: str = "*") -> int:
        """Return the number of requests for operations that match the pattern."""
        return sum(number for name, number in self.operations.items() if fnmatch.fnmatchcase(name, operation))

    def wait_for(self, number: int, operation: str = "*", *, timeout: float = HANG) -> None:
        """Return when `number` requests have come in; fail after `timeout` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: self.count(operation) >= number, timeout):
                raise AssertionError(f"only {self.count(operation)} of {number} requests came: {self.operations}")

    def connected(self) -> None:
        """Note one more connection."""
        with self._changed:
            self.connections += 1

    @contextlib.contextmanager
    def recorded(self, request: Request) -> Iterator[None]:
        """Note `request`, in flight until the block ends."""
        with self._changed:
            self.log.append(request)
            self.in_flight += 1
            self.peak = max(self.peak, self.in_flight)
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self.in_flight = max(0, self.in_flight - 1)


class Connection:
    """A client's connection, as a fault sees it."""

    def __init__(self, sock: socket.socket, stopping: threading.Event) -> None:
        self.socket = sock
        self.stopping = stopping

    def send(self, data: bytes) -> None:
        """Send all of `data`."""
        self.socket.sendall(data)

    def wait_until_closed(self) -> None:
        """Return when the client goes away, or the server ends."""
        with contextlib.suppress(OSError, ValueError):
            select.select([self.socket], [], [])

    def reset(self) -> None:
        """Close so that the client sees a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)


Real = Callable[[], Response]  # asks for the answer that there would be without a fault
Fault = Callable[[Connection, Real], bool]  # plays it; says whether the connection goes on


@dataclass(slots=True)
class _Rule:
    fault: Fault
    operation: str
    times: int | None
    after: int


class LoopbackServer:
    """A threaded HTTP/1.1 server with kept connections. Subclasses give `answer`, and `operation` where they like."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests = Requests()
        self._tls = tls
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._fillers: list[socket.socket] = []
        self._muted = False
        self._listener: socket.socket | None = None
        # Kept while nothing listens too: no other server, and no client, gets the port meanwhile.
        self._reserved = PortReservation()
        self.port = self._reserved.port
        self.listen()

    # What it is.

    @property
    def url(self) -> str:
        """Return the address of the server."""
        return f"{'https' if self._tls else 'http'}://{HOST}:{self.port}"

    def answer(self, request: Request) -> Response:
        """Return the answer to `request`."""
        raise NotImplementedError

    def operation(self, request: Request) -> str:
        """Return the name under which a request is counted: the AWS action, or method and path."""
        target = request.headers.get("X-Amz-Target")
        if target:
            return target.rpartition(".")[2]
        if request.method == "POST" and request.body.startswith((b"Action=", b"Version=")):
            return request.form.get("Action", "?")
        return f"{request.method} {request.path}"

    # How it misbehaves.

    def fail(self, fault: Fault, operation: str = "*", *, times: int | None = None, after: int = 0) -> None:
        """Play `fault` for requests whose operation matches the pattern.

        `times`: for so many of them; None: until `heal`. `after`: the first so many are let through.
        """
        with self._lock:
            self._rules.append(_Rule(fault, operation, times, after))

    def heal(self) -> None:
        """Behave again."""
        with self._lock:
            self._rules.clear()
        self._muted = False
        self.listen()

    def refuse(self) -> None:
        """Refuse connections, and cut those that are open."""
        self._close_listener()
        self._close_connections()

    def mute(self) -> None:
        """Accept connections and never read from them: not even a TLS handshake is answered."""
        self._muted = True
        self._close_connections()

    def black_hole(self) -> None:
        """Let connection attempts hang: the kernel drops them, for its queue is full."""
        self.refuse()
        hole = socket.socket()
        hole.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        hole.bind((HOST, self.port))
        hole.listen(0)
        self._fillers.append(hole)
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex((HOST, self.port))
            self._fillers.append(filler)

    def listen(self) -> None:
        """Accept connections, on the same port as before."""
        for filler in self._fillers:
            filler.close()
        self._fillers.clear()
        if self._listener is not None:
            return
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, self.port))
        listener.listen(512)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def stop(self) -> None:
        """End it, with all its connections."""
        self._stopping.set()
        self.refuse()
        for filler in self._fillers:
            filler.close()
        self._reserved.release()

    # How it works.

    def _close_listener(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes the thread in accept(), which close() does not
            listener.close()

    def _close_connections(self) -> None:
        with self._lock:
            sockets = list(self._open)
        for sock in sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with self._lock:
            self._open.add(sock)
        raw = sock
        try:
            self.requests.connected()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._muted:
                while sock.recv(65536):  # until the client gives up
                    pass
                return
            if self._tls:
                sock = self._tls.wrap_socket(sock, server_side=True)
                with self._lock:
                    self._open.discard(raw)  # wrap_socket took its descriptor
                    self._open.add(sock)
            self.talk(Connection(sock, self._stopping), sock.makefile("rb"))
        except (OSError, ValueError, http.client.HTTPException):
            pass  # the client went away, or a fault cut the connection
        finally:
            with self._lock:
                self._open -= {raw, sock}
            sock.close()

    def talk(self, connection: Connection, reader: BinaryIO) -> None:
        """Answer the requests of one connection until it ends."""
        while request := self._read(reader):
            with self.requests.recorded(request):
                rule = self._rule_for(request.operation)
                real = functools.partial(self.answer, request)
                if rule is not None:
                    go_on = rule.fault(connection, real)
                else:
                    connection.send(real().to_bytes())
                    go_on = True
            if not go_on or request.headers.get("Connection", "").lower() == "close":
                return

    def _read(self, reader: BinaryIO) -> Request | None:
        line = reader.readline(65536).decode("latin-1").split()
        if len(line) != 3:
            return None
        headers = http.client.parse_headers(reader)
        body = reader.read(int(headers.get("Content-Length") or 0))
        request = Request(method=line[0], target=line[1], headers=headers, body=body)
        return Request(
            method=line[0],
            target=line[1],
            operation=self.operation(request),
            headers=headers,
            body=body,
            at=time.monotonic(),
        )

    def _rule_for(self, operation: str) -> _Rule | None:
        with self._lock:
            for rule in self._rules:
                if not fnmatch.fnmatchcase(operation, rule.operation):
                    continue
                if rule.after > 0:
                    rule.after -= 1
                    continue
                if rule.times is None:
                    return rule
                if rule.times > 0:
                    rule.times -= 1
                    return rule
        return None
