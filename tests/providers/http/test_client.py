"""Requests over kept connections, and servers that break them."""

from __future__ import annotations

import gzip
import logging
import socket
import threading
import time
import tracemalloc
import unittest.mock
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from secretsync.core.errors import ProblemKind
from secretsync.providers.http import client as client_module
from secretsync.providers.http.client import HttpClient
from secretsync.providers.http.connection import Timeouts
from secretsync.providers.http.failures import Fault
from secretsync.providers.interface import Deadline, RequestCounter
from tests.providers.http.helpers import BODY, Echo, client_of, echo, error_of, fault_of, get
from tests.servers import faults
from tests.servers.loopback import Fault as Played
from tests.support.canary import CanaryFactory
from tests.support.clock import StoppedClock
from tests.support.limits import HANG, STALL

OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
def server() -> Iterator[Echo]:
    """Yield a server on loopback."""
    with echo() as running:
        yield running


def test_a_request_is_sent_as_it_is_given(server: Echo) -> None:
    """Method, path, headers and body arrive; Host, Content-Length and Accept-Encoding are added."""
    with client_of(server) as client:
        headers = {"X-Vault-Token": "s.abc", "Content-Type": "application/json"}
        response = client.request("POST", "/v1/a%20b?x=1", headers=headers, body=b"{}", deadline=Deadline(HANG))
    assert (response.status, response.body, response.headers["x-path"]) == (200, BODY, "/v1/a%20b?x=1")
    [request] = server.requests.log
    assert (request.method, request.target, request.body) == ("POST", "/v1/a%20b?x=1", b"{}")
    assert dict(request.headers) == {
        "Host": f"127.0.0.1:{server.port}",
        "Accept-Encoding": "identity",
        "Content-Length": "2",
        **headers,
    }


def test_requests_are_counted_by_operation(server: Echo) -> None:
    """The counter has one entry a request, under the operation, else under the method."""
    counter = RequestCounter()
    with client_of(server, counter=counter) as client:
        for operation in ("Read", "Read", None):
            get(client, operation=operation)
    assert counter.by_operation() == {"Read": 2, "GET": 1}


def test_a_connection_is_kept(server: Echo) -> None:
    """Requests one after the other use one connection."""
    with client_of(server) as client:
        for _ in range(20):
            assert get(client).body == BODY
    assert server.requests.connections == 1


def test_threads_share_connections(server: Echo) -> None:
    """Eight threads never open more than eight connections, and get their own responses."""
    with client_of(server) as client, ThreadPoolExecutor(8) as pool:
        paths = [f"/{number}" for number in range(400)]
        found = pool.map(lambda path: get(client, path).headers["x-path"], paths)
        assert list(found) == paths
    assert server.requests.connections <= 8


def test_a_closed_client_keeps_no_connection(server: Echo) -> None:
    """A client that is used after `close` opens a connection for each request."""
    with client_of(server) as client:
        get(client)
        client.close()
        for _ in range(2):
            assert get(client).status == 200
    assert server.requests.connections == 3


# Connections that the server closes


def _close_kept(server: Echo) -> None:
    """Close the open connections of the server, and wait until they are closed."""
    server._close_connections()


def test_a_connection_that_was_closed_while_idle(server: Echo) -> None:
    """A connection that the server closed between two requests is replaced, for unrepeatable requests too."""
    with client_of(server) as client:
        get(client)
        connection = client._idle[0]
        _close_kept(server)
        # The end of the connection may arrive a moment later.
        connection._socket.settimeout(HANG)
        assert connection._socket.recv(1, socket.MSG_PEEK) == b""
        assert get(client, is_repeatable=False).status == 200
        assert client._counter is not None
        assert client._counter.total == 2


@pytest.mark.parametrize("fault", [faults.reset(), faults.raw()], ids=["reset", "closed"])
@pytest.mark.parametrize("is_repeatable", [True, False])
def test_a_connection_that_is_closed_as_the_request_comes(server: Echo, fault: Played, *, is_repeatable: bool) -> None:
    """A request on a kept connection is sent again only if it is repeatable; on a new one it is never sent again."""
    with client_of(server) as client:
        get(client)
        server.fail(fault, times=1)
        if is_repeatable:
            assert get(client).status == 200
            assert server.requests.connections == 2
        else:
            error = error_of(client, is_repeatable=False)
            assert (error.fault, error.was_sent) == (Fault.CLOSED, True)
        server.fail(fault)
        asked = server.requests.count()
        while client._idle:
            client._idle.pop().close()
        assert fault_of(client) is Fault.CLOSED
        assert server.requests.count() == asked + 1


def test_a_connection_that_was_idle_for_long(server: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection without a request for a minute is not used again, because a firewall may have dropped it."""
    with client_of(server) as client:
        get(client)
        monkeypatch.setattr(client_module, "_MAX_IDLE", -1.0)
        get(client)
    assert server.requests.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}",
        OK + b"Connection: Keep-Alive, Close\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        OK + b"\r\n{}",
        OK + b"Content-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=["close", "close in a list", "HTTP/1.0", "until the end", "bytes after the response"],
)
def test_a_connection_that_cannot_be_kept(server: Echo, answer: bytes) -> None:
    """The response is returned, and the connection is not used again."""
    server.fail(faults.raw(answer), times=1)
    with client_of(server) as client:
        assert get(client).body == b"{}"
        assert client._idle == []


def test_bytes_that_come_between_two_requests(server: Echo) -> None:
    """Bytes that nobody asked for never become the response to the next request."""
    first, late = threading.Event(), threading.Event()

    def play(connection: object, _real: object) -> bool:
        connection.send(OK + b"Content-Length: 0\r\n\r\n")  # type: ignore[attr-defined]
        first.wait(HANG)
        connection.send(OK + b"Content-Length: 4\r\n\r\nevil")  # type: ignore[attr-defined]
        late.set()
        return True

    server.fail(play, times=1)
    with client_of(server) as client:
        assert get(client).body == b""
        kept = client._idle[0]._socket
        first.set()
        late.wait(HANG)
        kept.settimeout(HANG)
        kept.recv(1, socket.MSG_PEEK)
        assert get(client).body == BODY


# Responses

RESPONSES = {
    "length": (OK + b"Content-Length: 4\r\n\r\ntext", b"text"),
    "two equal lengths": (OK + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\ntext", b"text"),
    "chunked": (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nte\r\n2;x=y\r\nxt\r\n0\r\n\r\n", b"text"),
    "chunked with trailers": (
        OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\ntext\r\n0\r\nA: b\r\nC: d\r\n\r\n",
        b"text",
    ),
    "large chunk sizes": (OK + b"Transfer-Encoding: Chunked\r\n\r\n000004\r\ntext\r\n000\r\n\r\n", b"text"),
    "until the end": (OK + b"\r\ntext", b"text"),
    "100": (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 4\r\n\r\ntext", b"text"),
    "102 and 103": (
        b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        + OK
        + b"Content-Length: 4\r\n\r\ntext",
        b"text",
    ),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    "304": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n", b""),
    "no reason": (b"HTTP/1.1 200\r\nContent-Length: 4\r\n\r\ntext", b"text"),
    "gzip": (OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"text"), b"text"),
    "deflate": (OK + b"Content-Encoding: deflate\r\n\r\n" + zlib.compress(b"text"), b"text"),
    "raw deflate": (OK + b"Content-Encoding: deflate\r\n\r\n" + zlib.compress(b"text", wbits=-15), b"text"),
}


@pytest.mark.parametrize("how", RESPONSES)
@pytest.mark.parametrize("size", [1, 100_000])
def test_responses(server: Echo, how: str, size: int) -> None:
    """Each form of a response is read, also if it comes byte by byte."""
    written, body = RESPONSES[how]
    server.fail(faults.raw(*(written[start : start + size] for start in range(0, len(written), size))))
    with client_of(server) as client:
        assert get(client).body == body


REFUSED = {
    "ssh": (b"SSH-2.0-OpenSSH_9.2\r\n", Fault.PROTOCOL),
    "nothing": (b"", Fault.CLOSED),
    "half a head": (OK + b"Content-", Fault.CLOSED),
    "TLS alert": (b"\x15\x03\x01\x00\x02\x02\x46", Fault.TLS),
    "HTTP/2": (b"HTTP/2 200\r\n\r\n", Fault.PROTOCOL),
    "status of letters": (b"HTTP/1.1 abc OK\r\n\r\n", Fault.PROTOCOL),
    "status of four digits": (b"HTTP/1.1 2000 OK\r\n\r\n", Fault.PROTOCOL),
    "status 099": (b"HTTP/1.1 099 OK\r\n\r\n", Fault.PROTOCOL),
    "status in other digits": ("HTTP/1.1 ²00 OK\r\n\r\n".encode("latin-1"), Fault.PROTOCOL),
    "switching protocols": (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", Fault.PROTOCOL),
    "endless 1xx": (b"HTTP/1.1 100 Continue\r\n\r\n" * 20, Fault.PROTOCOL),
    "header without colon": (OK + b"Content-Length 4\r\n\r\ntext", Fault.PROTOCOL),
    "folded header": (OK + b"A: b\r\n c\r\n\r\n", Fault.PROTOCOL),
    "space before the colon": (OK + b"Content-Length : 4\r\n\r\ntext", Fault.PROTOCOL),
    "different lengths": (OK + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\ntext!", Fault.PROTOCOL),
    "length and chunks": (OK + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Fault.PROTOCOL),
    "another transfer encoding": (OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", Fault.PROTOCOL),
    "negative length": (OK + b"Content-Length: -1\r\n\r\n", Fault.PROTOCOL),
    "length with a sign": (OK + b"Content-Length: +4\r\n\r\ntext", Fault.PROTOCOL),
    "length with underscores": (OK + b"Content-Length: 0_4\r\n\r\ntext", Fault.PROTOCOL),
    "cut body": (OK + b"Content-Length: 5\r\n\r\ntext", Fault.CLOSED),
    "cut chunk": (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\ntext", Fault.CLOSED),
    "no last chunk": (OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\ntext\r\n", Fault.CLOSED),
    "chunk size of letters": (OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", Fault.PROTOCOL),
    "negative chunk": (OK + b"Transfer-Encoding: chunked\r\n\r\n-4\r\ntext\r\n0\r\n\r\n", Fault.PROTOCOL),
    "chunk without end": (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\ntext\r\n0\r\n\r\n", Fault.PROTOCOL),
    "long chunk line": (OK + b"Transfer-Encoding: chunked\r\n\r\n4;" + b"x" * 4096, Fault.PROTOCOL),
    "huge headers": (OK + b"A: " + b"x" * 100_000, Fault.TOO_LARGE),
    "many headers": (OK + b"A: b\r\n" * 20_000, Fault.TOO_LARGE),
    "huge length": (OK + b"Content-Length: 99999999999999999999999999\r\n\r\n", Fault.TOO_LARGE),
    "length above the bound": (OK + b"Content-Length: 1001\r\n\r\n", Fault.TOO_LARGE),
    "chunk above the bound": (OK + b"Transfer-Encoding: chunked\r\n\r\n3e9\r\n", Fault.TOO_LARGE),
    "chunks above the bound": (OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"4\r\ntext\r\n" * 300, Fault.TOO_LARGE),
    "endless trailers": (OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"A: b\r\n" * 20_000, Fault.TOO_LARGE),
    "body until the end above the bound": (OK + b"\r\n" + b"x" * 1001, Fault.TOO_LARGE),
    "unknown compression": (OK + b"Content-Encoding: br\r\nContent-Length: 4\r\n\r\ntext", Fault.PROTOCOL),
    "damaged gzip": (OK + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\ntext", Fault.PROTOCOL),
    "cut gzip": (OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"text" * 9)[:-9], Fault.PROTOCOL),
    "gzip bomb": (OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"0" * 500_000), Fault.TOO_LARGE),
}


@pytest.mark.parametrize("how", REFUSED)
def test_responses_that_are_refused(server: Echo, how: str) -> None:
    """A response that is not valid, not complete or too large is an error of its kind, and no connection is kept."""
    written, fault = REFUSED[how]
    server.fail(faults.raw(written))
    with client_of(server, max_bytes=1000) as client:
        assert fault_of(client) is fault
        assert client._idle == []


@pytest.mark.slow
def test_a_gzip_bomb_takes_little_memory(server: Echo) -> None:
    """A quarter of a megabyte that inflates to 256 is refused, and never inflated further than the bound."""
    block = zlib.compressobj(9, wbits=31)
    zeros = bytes(1 << 20)
    bomb = b"".join([*(block.compress(zeros) for _ in range(256)), block.flush()])
    assert len(bomb) < 1 << 19
    server.fail(faults.raw(OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb), bomb))
    with client_of(server) as client:
        tracemalloc.start()
        try:
            assert fault_of(client) is Fault.TOO_LARGE
            assert tracemalloc.get_traced_memory()[1] < 64 << 20
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_returned(server: Echo, status: int) -> None:
    """A redirect is a response like any other; the place that it names is not asked."""
    with echo() as elsewhere:
        server.fail(faults.respond(status, b"", {"Location": elsewhere.url}))
        with client_of(server) as client:
            assert get(client).status == status
        assert elsewhere.requests.count() == 0


# Times


@pytest.mark.parametrize(
    "fault", [faults.silence(), faults.drip(0.02), faults.raw(OK, go_on=True)], ids=["silent", "dripping", "half"]
)
def test_the_deadline_ends_a_response(server: Echo, fault: Played) -> None:
    """A response that does not come, or comes byte by byte, ends at the deadline."""
    server.fail(fault)
    began = time.monotonic()
    with client_of(server) as client:
        assert fault_of(client, seconds=0.3) in (Fault.SILENT, Fault.DEADLINE)
    assert time.monotonic() - began < 0.3 + STALL


def test_an_endless_body_is_not_read_past_the_deadline(server: Echo, clock: StoppedClock) -> None:
    """Chunks that never end are read until the deadline, and no longer."""
    chunk = b"1\r\nx\r\n"
    sent: list[int] = []

    def play(connection: object, _real: object) -> bool:
        connection.send(OK + b"Transfer-Encoding: chunked\r\n\r\n")  # type: ignore[attr-defined]
        while True:
            connection.send(chunk * 1000)  # type: ignore[attr-defined]
            sent.append(1000)
            if len(sent) == 100:
                clock.advance(HANG)

    server.fail(play)
    with client_of(server) as client:
        assert fault_of(client) is Fault.DEADLINE


def test_one_read_has_a_limit_of_its_own(server: Echo) -> None:
    """A server that answers nothing is given up before the deadline, so that the request can be tried again."""
    server.fail(faults.silence())
    with client_of(server, timeouts=Timeouts(read=0.1)) as client:
        error = error_of(client)
    assert (error.fault, error.was_sent, error.is_passing) == (Fault.SILENT, True, True)
    assert "no answer within 0.1 s" in error.cause


def test_no_connection_is_opened_after_the_deadline(server: Echo) -> None:
    """A request whose deadline is over is not sent."""
    with client_of(server) as client:
        assert fault_of(client, seconds=0.0) is Fault.DEADLINE
    assert server.requests.connections == 0


def test_a_server_that_refuses_connections(server: Echo) -> None:
    """A refused connection is an error that may pass; nothing was sent."""
    server.refuse()
    with client_of(server) as client:
        error = error_of(client)
    assert (error.fault, error.was_sent, error.is_passing) == (Fault.REFUSED, False, True)
    assert f"127.0.0.1:{server.port}" in f"{error.hint}"


def test_a_server_that_drops_connections(server: Echo) -> None:
    """A connection attempt without an answer ends after its own limit."""
    server.black_hole()
    with client_of(server, timeouts=Timeouts(connect=0.1)) as client:
        error = error_of(client)
    assert (error.fault, error.was_sent, error.is_passing) == (Fault.UNREACHABLE, False, True)


def test_the_next_address_is_tried(server: Echo) -> None:
    """If the first address of a name refuses, the second one is used."""
    with echo() as dead:
        dead.refuse()
        places = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in (dead.port, server.port)]
        with unittest.mock.patch("socket.getaddrinfo", return_value=places):
            client = HttpClient("http://store.example")
            assert get(client).status == 200
            client.close()


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (socket.gaierror(socket.EAI_NONAME, "unknown"), Fault.NAME_UNKNOWN),
        (socket.gaierror(socket.EAI_AGAIN, "temporary"), Fault.NAME_FAILED),
        (OSError(24, "too many files"), Fault.NAME_FAILED),
        (UnicodeError("label too long"), Fault.NAME_UNKNOWN),
    ],
)
def test_names_that_cannot_be_looked_up(error: Exception, fault: Fault) -> None:
    """An unknown name is permanent, a failing name server is not."""
    with unittest.mock.patch("socket.getaddrinfo", side_effect=error):
        found = error_of(HttpClient("http://store.example"))
    assert found.fault is fault
    assert found.is_passing is (fault is Fault.NAME_FAILED)


def test_a_name_lookup_that_hangs(clock: StoppedClock) -> None:
    """The deadline ends the wait for a name server."""
    release = threading.Event()

    def hang(*_: object, **__: object) -> list[object]:
        clock.advance(HANG)
        release.wait(HANG)
        return []

    with unittest.mock.patch("socket.getaddrinfo", hang):
        assert fault_of(HttpClient("http://store.example")) is Fault.DEADLINE
        release.set()


# Discretion


@pytest.mark.parametrize("character", ["\n", "\r\n", "\0", "\x7f", "\u00e9", " "])
def test_a_header_that_cannot_be_sent(server: Echo, canary: CanaryFactory, character: str) -> None:
    """A header with a line end, white space or a special character is refused by its name; nothing is sent."""
    value = canary() + character
    with client_of(server) as client:
        error = error_of(client, headers={"X-Vault-Token": value})
    assert error.fault is Fault.SETTING
    assert "X-Vault-Token" in error.cause
    assert value.strip() not in f"{error!r}{error.hint}"
    assert server.requests.connections == 0


@pytest.mark.parametrize("path", ["/a b", "/a\r\nX: y", "/\u00e9", "a", "//\t", ""])
def test_a_path_that_cannot_be_sent(server: Echo, path: str) -> None:
    """A path must be percent-encoded."""
    with client_of(server) as client, pytest.raises(Exception, match="percent-encoded"):
        get(client, path)
    assert server.requests.connections == 0


def test_nothing_is_logged_or_held(server: Echo, canary: CanaryFactory, caplog: pytest.LogCaptureFixture) -> None:
    """No log record is made, and neither the representation of a response nor an error shows a value."""
    caplog.set_level(logging.DEBUG)
    value = canary()
    server.fail(faults.respond(200, value.encode(), {"X-Value": value}), times=1)
    server.fail(faults.raw(b"HTTP/1.1 " + value.encode() + b"\r\n\r\n"))
    with client_of(server) as client:
        response = get(client, headers={"X-Vault-Token": value})
        assert response.body == value.encode()
        error = error_of(client, headers={"X-Vault-Token": value})
    assert value not in f"{response!r}{response}{error!r}{error}{error.hint}"
    assert caplog.records == []


def test_errors_for_retries(server: Echo) -> None:
    """An error becomes a RequestError that is retried only if the request may be sent twice or was not sent."""
    server.fail(faults.reset())
    with client_of(server) as client:
        error = error_of(client)
    assert error.error(is_repeatable=True).is_retryable
    assert not error.error(is_repeatable=False).is_retryable
    server.refuse()
    with client_of(server) as client:
        assert error_of(client).error(is_repeatable=False).is_retryable
    found = error.error(is_repeatable=True).outcome
    assert found.cause == "the connection was closed before the response"
    assert getattr(found, "kind", None) is ProblemKind.UNAVAILABLE
