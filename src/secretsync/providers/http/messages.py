"""HTTP/1.1 messages: write a request, read a response within bounds (RFC 9112)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from secretsync.core.secret import Hidden
from secretsync.providers.http.failures import Fault, HttpError

_MAX_HEAD = 64 * 1024  # bytes of a status line with its headers
_MAX_INTERIM = 8  # 1xx responses before the response
_MAX_CHUNK_LINE = 1024
_NO_BODY = (204, 304)
_TLS_ALERT = b"\x15\x03"
_NOT_HTTP_HINT = "is there a proxy or another service at this address?"


class Response(Hidden):
    """A response, which may hold values."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """`headers`: by lower-case names; equal names are joined by ", ". `body`: decompressed."""
        self.status = status
        self.headers = headers
        self.body = body


def make_head(method: str, path: str, host: str, headers: Mapping[str, str], length: int | None) -> bytes:
    """Return the request line and the headers. Raises HttpError if a part could not be sent as it is.

    `length`: of the body; None: the request does not have one.
    """
    if not path.isascii() or not path.isprintable() or " " in path or not path.startswith(("/", "http://")):
        raise HttpError(Fault.SETTING, "the path of the request has characters that must be percent-encoded")
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Accept-Encoding: identity"]
    for name, value in headers.items():
        if not value.isascii() or not value.isprintable() or value.strip() != value:
            raise HttpError(Fault.SETTING, f"the header {name} has white space or a character that it cannot have")
        lines.append(f"{name}: {value}")
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def _not_http(what: str) -> HttpError:
    return HttpError(Fault.PROTOCOL, f"the response is not HTTP: {what}", _NOT_HTTP_HINT, was_sent=True)


def _cut() -> HttpError:
    return HttpError(Fault.CLOSED, "the response was cut off", was_sent=True)


def _too_large(what: str) -> HttpError:
    return HttpError(Fault.TOO_LARGE, f"the response is too large: {what}", was_sent=True)


class Reader:
    """Reads the responses of one connection."""

    def __init__(self, receive: Callable[[], bytes]) -> None:
        """`receive`: returns the next bytes of the connection, b"" at its end; raises HttpError."""
        self._receive = receive
        self._buffer = bytearray()
        self.can_go_on = True  # False: no other response can follow on this connection
        self.has_begun = False  # a byte of the present response came

    def read(self, method: str, max_bytes: int) -> Response:
        """Return the response to a request with this method. Raises HttpError."""
        self.has_begun = False
        for _ in range(_MAX_INTERIM):
            status, headers = self.read_head()
            if status >= 200:
                break
            if status == 101:
                raise _not_http("it changes the protocol")
        else:
            raise _not_http("its interim responses do not end")
        body = b""
        if method != "HEAD" and status not in _NO_BODY:
            body = self._read_body(headers, max_bytes)
        if self._buffer:
            # No request asked for these bytes, so that they cannot be the next response.
            self.can_go_on = False
        if "close" in headers.get("connection", "").lower():
            self.can_go_on = False
        return Response(status, headers, _decoded(body, headers.get("content-encoding", ""), max_bytes))

    def read_head(self) -> tuple[int, dict[str, str]]:
        """Return the status and the headers of the next response, which may be an interim one."""
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            self._check_start()
            if len(self._buffer) > _MAX_HEAD:
                raise _too_large(f"its headers have more than {_MAX_HEAD // 1024} KiB")
            self._more()
        if end > _MAX_HEAD:
            raise _too_large(f"its headers have more than {_MAX_HEAD // 1024} KiB")
        self._check_start()
        lines = bytes(self._buffer[:end]).decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        return self._status(lines[0]), _headers(lines[1:])

    def _check_start(self) -> None:
        start = bytes(self._buffer[:7])
        if start.startswith(_TLS_ALERT):
            raise HttpError(Fault.TLS, "the server expects TLS", "use https:// in its address", was_sent=True)
        if not b"HTTP/1.".startswith(start):
            raise _not_http("it does not begin with HTTP/1")

    def _status(self, line: str) -> int:
        version, _, rest = line.partition(" ")
        digits = rest[:3]
        is_status = len(digits) == 3 and digits.isascii() and digits.isdigit() and rest[3:4] in ("", " ")
        if version not in ("HTTP/1.0", "HTTP/1.1") or not is_status or digits < "100":
            raise _not_http("its status line is not valid")
        if version == "HTTP/1.0":
            self.can_go_on = False
        return int(digits)

    def _read_body(self, headers: Mapping[str, str], max_bytes: int) -> bytes:
        coding, length = headers.get("transfer-encoding"), headers.get("content-length")
        if coding is not None:
            if coding.lower() != "chunked" or length is not None:
                raise _not_http("its length is ambiguous")
            return self._read_chunks(max_bytes)
        if length is not None:
            return self._take(_number(length, 10, max_bytes), max_bytes)
        self.can_go_on = False
        while len(self._buffer) <= max_bytes:
            if not (data := self._receive()):
                body = bytes(self._buffer)
                self._buffer.clear()
                return body
            self._buffer += data
        raise _too_large(_size(max_bytes))

    def _read_chunks(self, max_bytes: int) -> bytes:
        parts, total = [], 0
        while size := _number(self._line().partition(";")[0].strip(), 16, max_bytes):
            total += size
            if total > max_bytes:
                raise _too_large(_size(max_bytes))
            parts.append(self._take(size, max_bytes))
            if self._take(2, max_bytes) != b"\r\n":
                raise _not_http("a chunk does not end where it should")
        trailers = 0
        while line := self._line():
            trailers += len(line)
            if trailers > _MAX_HEAD:
                raise _too_large("its trailers do not end")
        return b"".join(parts)

    def _line(self) -> str:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > _MAX_CHUNK_LINE:
                raise _not_http("a line in its body is too long")
            self._more()
        line = bytes(self._buffer[:end]).decode("latin-1")
        del self._buffer[: end + 2]
        return line

    def _take(self, size: int, max_bytes: int) -> bytes:
        if size > max_bytes:
            raise _too_large(_size(max_bytes))
        while len(self._buffer) < size:
            self._more()
        body = bytes(self._buffer[:size])
        del self._buffer[:size]
        return body

    def _more(self) -> None:
        data = self._receive()
        if not data:
            if self.has_begun:
                raise _cut()
            raise HttpError(Fault.CLOSED, "the connection was closed before the response", was_sent=True)
        self.has_begun = True
        self._buffer += data


def _headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name.strip() != name or " " in name or "\t" in name:
            raise _not_http("a header is not valid")
        name, value = name.lower(), value.strip(" \t")
        if name == "content-length" and headers.get(name, value) != value:
            raise _not_http("its length is ambiguous")
        headers[name] = value if name not in headers or name == "content-length" else f"{headers[name]}, {value}"
    return headers


def _number(digits: str, base: int, max_bytes: int) -> int:
    """Return a length. Raises HttpError if it is not one, or is larger than the bound."""
    known = "0123456789" if base == 10 else "0123456789abcdefABCDEF"
    if not digits or digits.strip(known):
        raise _not_http("a length is not a number")
    if len(digits.lstrip("0")) > 15:
        raise _too_large(_size(max_bytes))
    return int(digits, base)


def _decoded(body: bytes, coding: str, max_bytes: int) -> bytes:
    """Return `body` decompressed. The server compresses it although the request did not accept that."""
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        return body
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise HttpError(Fault.PROTOCOL, "the response has an unknown compression", _NOT_HTTP_HINT, was_sent=True)
    import zlib

    raw = coding == "deflate" and body[:1] and (body[0] & 0x0F) != 8  # without zlib's header, as some servers do
    inflater = zlib.decompressobj(-15 if raw else 47)  # 47: gzip or zlib, by the header
    inflated, is_bad = b"", False
    try:
        inflated = inflater.decompress(body, max_bytes + 1)
    except zlib.error:
        is_bad = True
    if len(inflated) > max_bytes:
        raise _too_large(_size(max_bytes))
    if is_bad or not inflater.eof or inflater.unused_data:
        raise _not_http("its compressed body is damaged")
    return inflated


def _size(max_bytes: int) -> str:
    return f"its body has more than {max_bytes:,} bytes"
