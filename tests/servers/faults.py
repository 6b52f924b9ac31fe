"""Faults that a loopback server can play, and a proxy that plays them before a real server."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import socket
import threading
import zlib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import BinaryIO
from urllib.parse import urlsplit

from tests.servers.loopback import Connection, Fault, LoopbackServer, Real, Request, Response, json_response
from tests.support.limits import HANG

__all__ = ["FaultProxy", "Gate", "aws_error", "cut", "delay", "drip", "empty", "hold", "html", "reset", "respond"]
__all__ += ["LARGE", "compressed", "endless", "is_refused_as_large", "raw", "silence", "vault_error"]


def respond(status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Fault:
    """Another answer; the real server is not asked."""
    return _instead(Response(status, body, headers or {}))


def aws_error(code: str, status: int = 400, message: str = "") -> Fault:
    """Return an error as AWS's JSON services write it: `ThrottlingException`, `InternalServiceError`, ..."""
    response = json_response({"__type": code, "message": message or code}, status, {"x-amzn-ErrorType": code})
    return _instead(response)


def vault_error(status: int, *errors: str, headers: Mapping[str, str] | None = None) -> Fault:
    """Return an error as Vault writes it; a Retry-After goes into `headers`."""
    return _instead(json_response({"errors": list(errors)}, status, headers))


def html(status: int = 200) -> Fault:
    """Return a page, as a captive portal or a wrong load balancer sends it."""
    return respond(status, b"<!DOCTYPE html><title>Welcome</title>", {"Content-Type": "text/html"})


def raw(*parts: bytes, go_on: bool = False) -> Fault:
    """Send these bytes as they are, then close the connection unless `go_on`."""

    def play(connection: Connection, _real: Real) -> bool:
        for part in parts:
            connection.send(part)
        return go_on

    return play


def empty(status: int = 200) -> Fault:
    """Return an answer without a body."""
    return respond(status)


def delay(seconds: float) -> Fault:
    """Return the real answer, later."""

    def play(connection: Connection, real: Real) -> bool:
        connection.stopping.wait(seconds)
        connection.send(real().to_bytes())
        return True

    return play


def silence() -> Fault:
    """Return the request is read and never answered."""

    def play(connection: Connection, _real: Real) -> bool:
        connection.wait_until_closed()
        return False

    return play


def reset(*, asked: bool = False) -> Fault:
    """Return the connection is reset; `asked`: after the real server has done what it was asked."""

    def play(connection: Connection, real: Real) -> bool:
        if asked:
            real()
        connection.reset()
        return False

    return play


def compressed(size: int, *codings: str) -> Fault:
    """So many spaces, compressed once for each of `codings` (gzip, deflate)."""
    return respond(200, _spaces(size, codings), {"Content-Encoding": ", ".join(codings)})


@cache  # because compressing 256 MB takes more than a second
def _spaces(size: int, codings: tuple[str, ...]) -> bytes:
    body = b" " * size
    for coding in codings:
        body = gzip.compress(body) if coding == "gzip" else zlib.compress(body)
    return body


# Answers that a client must refuse, because of their size after decompression or because that cannot be bounded.
LARGE = {
    "plain": lambda: compressed(17 * 2**20),
    "gzip": lambda: compressed(2**28, "gzip"),
    "deflate": lambda: compressed(2**28, "deflate"),
    "gzip twice": lambda: compressed(2**20, "gzip", "gzip"),
    "unknown": lambda: respond(200, b"{}", {"Content-Encoding": "br"}),
}


def is_refused_as_large(cause: str) -> bool:
    """Return True if this is the cause for one of `LARGE`."""
    return "too large" in cause or "unknown compression" in cause


def endless(ended: threading.Event, *, is_chunked: bool = True) -> Fault:
    """Return a body that does not end until the client closes the connection, which sets `ended`."""

    def play(connection: Connection, _real: Real) -> bool:
        length = "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {10**9}"
        try:
            connection.send(f"HTTP/1.1 200 OK\r\n{length}\r\n\r\n".encode())
            while not connection.stopping.wait(0.01):
                connection.send(b"1\r\n \r\n" if is_chunked else b" ")
        except OSError:
            ended.set()
        return False

    return play


def drip(interval: float = 0.05, *, size: int = 1) -> Fault:
    """Return the real answer, `size` bytes every `interval` seconds: no read time-out ends it."""

    def play(connection: Connection, real: Real) -> bool:
        data = real().to_bytes()
        for start in range(0, len(data), size):
            connection.send(data[start : start + size])
            if connection.stopping.wait(interval):
                return False
        return True

    return play


def cut(missing: int = 10) -> Fault:
    """Return the real answer without the last bytes of its body, then the end of the connection."""

    def play(connection: Connection, real: Real) -> bool:
        connection.send(real().to_bytes()[:-missing])
        return False

    return play


class Gate:
    """Holds requests until it is opened; `hold(gate)` is the fault."""

    def __init__(self) -> None:
        self._opened = threading.Event()

    def open(self) -> None:
        """Let all held and later requests through."""
        self._opened.set()

    def wait(self) -> None:
        """Return when it is open."""
        self._opened.wait(HANG)


def hold(gate: Gate) -> Fault:
    """Return the real answer, when the gate is opened: `requests.wait_for` says when they are all there."""

    def play(connection: Connection, real: Real) -> bool:
        gate.wait()
        connection.send(real().to_bytes())
        return True

    return play


def _instead(response: Response) -> Fault:
    def play(connection: Connection, _real: Real) -> bool:
        connection.send(response.to_bytes())
        return True

    return play


class FaultProxy(LoopbackServer):
    """A reverse proxy before a plain HTTP server. It keeps the Host header, or SigV4 would break."""

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        if parts.scheme != "http" or parts.hostname is None or parts.port is None:
            raise ValueError(f"the proxy speaks plain HTTP to a port, not {upstream}")
        self._upstream = (parts.hostname, parts.port)
        self._local = threading.local()  # a connection of a client has a thread, and so one of its own upstream
        super().__init__()

    def talk(self, connection: Connection, reader: BinaryIO) -> None:
        """Answer the requests of one connection, and close the one upstream that served it."""
        try:
            super().talk(connection, reader)
        finally:
            self._drop()

    def answer(self, request: Request) -> Response:
        """Return the response of the real server; 502 if it cannot be reached."""
        for _ in range(2):
            kept = getattr(self._local, "socket", None)
            try:
                return self._ask(kept or self._connect(), request)
            except (OSError, http.client.HTTPException) as error:
                self._drop()
                if kept is None:
                    return Response(502, f"bad gateway: {type(error).__name__}".encode())
        raise AssertionError("a fresh connection was tried")

    def _connect(self) -> socket.socket:
        sock = socket.create_connection(self._upstream)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._local.socket = sock
        return sock

    def _drop(self) -> None:
        kept, self._local.socket = getattr(self._local, "socket", None), None
        if kept is not None:
            kept.close()

    def _ask(self, sock: socket.socket, request: Request) -> Response:
        head = [f"{request.method} {request.target} HTTP/1.1"]
        head += [f"{name}: {value}" for name, value in request.headers.items()]
        sock.sendall("\r\n".join([*head, "", ""]).encode("latin-1") + request.body)
        answer = http.client.HTTPResponse(sock, method=request.method)
        answer.begin()
        body = answer.read()
        if answer.will_close:
            self._drop()
        framing = {"content-length", "transfer-encoding", "connection", "keep-alive"}
        headers = {name: value for name, value in answer.getheaders() if name.lower() not in framing}
        return Response(answer.status, body, headers)


@contextlib.contextmanager
def running(*servers: LoopbackServer) -> Iterator[None]:
    """Stop `servers` at the end."""
    try:
        yield
    finally:
        for server in servers:
            server.stop()
