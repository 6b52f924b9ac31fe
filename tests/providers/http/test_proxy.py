"""Proxies: which one is used, and what is said if it fails."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined] # missing in its stubs

import pytest

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed
from secretsync.providers.http.client import HttpClient
from secretsync.providers.http.connection import Timeouts
from secretsync.providers.http.failures import Fault, HttpError
from secretsync.providers.http.proxy import find_proxy, is_excluded
from tests.providers.http.helpers import BODY, client_of, echo, error_of, get, trusting
from tests.servers.certificates import CertificateAuthority
from tests.servers.loopback import Connection, LoopbackServer, Request, Response
from tests.support.canary import CanaryFactory


class Tunnels(LoopbackServer):
    """A proxy that opens tunnels, and records the requests for them."""

    status = 200

    def talk(self, connection: Connection, reader: BinaryIO) -> None:
        """Open a tunnel for one connection; play faults before."""
        request = self._read(reader)
        if request is None:
            return
        with self.requests.recorded(request):
            if (rule := self._rule_for(request.operation)) is not None:
                rule.fault(connection, lambda: Response(200))
                return
            if self.status != 200:
                connection.send(Response(self.status, b"<html>no</html>").to_bytes())
                return
        host, _, port = request.target.rpartition(":")
        with socket.create_connection((host, int(port))) as upstream:
            connection.send(b"HTTP/1.1 200 Connection established\r\nVia: proxy\r\n\r\n")
            threading.Thread(target=_copy, args=(upstream, connection.socket), daemon=True).start()
            _copy(connection.socket, upstream)

    def operation(self, request: Request) -> str:
        """Count under the method."""
        return request.method


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


class Forwards(LoopbackServer):
    """A proxy that answers requests for plain HTTP itself."""

    status = 200

    def answer(self, request: Request) -> Response:
        """Return BODY with the proxy's own status."""
        return Response(self.status, BODY)


@pytest.fixture
def authority(tmp_path: Path) -> CertificateAuthority:
    """Return an authority of the test."""
    return CertificateAuthority(tmp_path)


@pytest.fixture
def tunnels() -> Iterator[Tunnels]:
    """Yield a proxy for https."""
    proxy = Tunnels()
    yield proxy
    proxy.stop()


def _environ(proxy: LoopbackServer, user: str = "", variable: str = "HTTPS_PROXY") -> dict[str, str]:
    return {variable: f"http://{user}127.0.0.1:{proxy.port}"}


def test_a_tunnel(authority: CertificateAuthority, tunnels: Tunnels) -> None:
    """A request over TLS goes through a tunnel, which is kept; the proxy does not see its headers."""
    with echo(authority.server_context("127.0.0.1")) as server:
        proxy = find_proxy(server.url, _environ(tunnels))
        with client_of(server, tls=trusting(authority), proxy=proxy) as client:
            for _ in range(3):
                assert get(client, headers={"X-Vault-Token": "s.abc"}).body == BODY
    [request] = tunnels.requests.log
    assert (request.method, request.target) == ("CONNECT", f"127.0.0.1:{server.port}")
    assert dict(request.headers) == {"Host": f"127.0.0.1:{server.port}"}


def test_a_proxy_with_user_and_password(authority: CertificateAuthority, tunnels: Tunnels) -> None:
    """User and password are percent-decoded and sent to the proxy alone."""
    with echo(authority.server_context("127.0.0.1")) as server:
        proxy = find_proxy(server.url, _environ(tunnels, "us%40er:p%3Ass%2F@"))
        with client_of(server, tls=trusting(authority), proxy=proxy) as client:
            get(client)
        assert server.requests.log[0].headers["Proxy-Authorization"] is None
    assert tunnels.requests.log[0].headers["Proxy-Authorization"] == "Basic dXNAZXI6cDpzcy8="


def test_plain_http_through_a_proxy() -> None:
    """A request of plain HTTP is sent to the proxy with its whole URL."""
    proxy = Forwards()
    try:
        environ = _environ(proxy, "user:word@", "http_proxy")
        client = HttpClient("http://store.example:8200", proxy=find_proxy("http://store.example:8200", environ))
        assert get(client, "/v1/a").body == BODY
        client.close()
        [request] = proxy.requests.log
        assert request.target == "http://store.example:8200/v1/a"
        assert request.headers["Host"] == "store.example:8200"
        assert request.headers["Proxy-Authorization"] == "Basic dXNlcjp3b3Jk"
        proxy.status = 407
        client = HttpClient("http://store.example", proxy=find_proxy("http://store.example", environ))
        assert error_of(client).fault is Fault.PROXY_DENIED
        client.close()
    finally:
        proxy.stop()


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        *((status, Fault.PROXY_REFUSED) for status in (302, 403, 404)),
        (407, Fault.PROXY_DENIED),
        *((status, Fault.PROXY) for status in (408, 429, 502, 503)),
    ],
)
def test_a_proxy_that_refuses(tunnels: Tunnels, status: int, fault: Fault) -> None:
    """The message names the proxy's host and the variable; a failure of the proxy may pass, its refusal not."""
    tunnels.status = status
    proxy = find_proxy("https://store.example", _environ(tunnels))
    error = error_of(HttpClient("https://store.example", proxy=proxy))
    assert (error.fault, error.was_sent) == (fault, False)
    assert f"127.0.0.1:{tunnels.port} (HTTPS_PROXY)" in error.cause
    assert f"({status})" in error.cause


def test_a_proxy_that_denies_shows_no_password(tunnels: Tunnels, canary: CanaryFactory) -> None:
    """A wrong password is status 4, and neither user nor password is in a message."""
    tunnels.status = 407
    user, password = canary(), canary()
    proxy = find_proxy("https://store.example", _environ(tunnels, f"{user}:{password}@"))
    error = error_of(HttpClient("https://store.example", proxy=proxy))
    outcome = error.error(is_repeatable=True).outcome
    assert isinstance(outcome, Failed)
    assert outcome.kind is ProblemKind.DENIED
    assert "does not accept the user and password" in error.cause
    for secret in (user, password):
        assert secret not in f"{outcome!r}{error!r}{proxy!r}"


def test_proxies_that_do_not_work(tunnels: Tunnels) -> None:
    """A dead, a silent and a cutting proxy are failures of the proxy, which may pass."""
    proxy = find_proxy("https://store.example", _environ(tunnels))
    for break_it in (tunnels.mute, tunnels.black_hole, tunnels.refuse):
        break_it()
        error = error_of(HttpClient("https://store.example", proxy=proxy, timeouts=Timeouts(connect=0.1, read=0.1)))
        assert (error.fault, error.was_sent, error.is_passing) == (Fault.PROXY, False, True)
        assert f"the proxy 127.0.0.1:{tunnels.port} (HTTPS_PROXY)" in error.cause
        tunnels.heal()


def test_a_certificate_behind_a_proxy(authority: CertificateAuthority, tunnels: Tunnels) -> None:
    """A certificate of the server that is not trusted is not the proxy's fault."""
    with echo(authority.server_context("store.example")) as server:
        proxy = find_proxy(server.url, _environ(tunnels))
        with client_of(server, tls=trusting(authority), proxy=proxy) as client:
            error = error_of(client)
    assert error.fault is Fault.TLS
    assert "it is not for 127.0.0.1" in error.cause


# Which proxy

FOUND: list[tuple[str, Mapping[str, str], tuple[str, int, str] | None]] = [
    ("https://a.example", {}, None),
    ("https://a.example", {"HTTPS_PROXY": "http://p:3128"}, ("p", 3128, "HTTPS_PROXY")),
    ("https://a.example", {"HTTPS_PROXY": "http://p:1", "https_proxy": "http://q:2"}, ("q", 2, "https_proxy")),
    ("https://a.example", {"HTTPS_PROXY": "http://p:1", "https_proxy": ""}, ("p", 1, "HTTPS_PROXY")),
    ("https://a.example", {"HTTP_PROXY": "http://p:1"}, None),
    ("http://a.example", {"HTTP_PROXY": "http://p:1"}, ("p", 1, "HTTP_PROXY")),
    ("https://a.example", {"ALL_PROXY": "http://p:1"}, ("p", 1, "ALL_PROXY")),
    ("https://a.example", {"ALL_PROXY": "http://p:1", "HTTPS_PROXY": "q:2"}, ("q", 2, "HTTPS_PROXY")),
    ("https://a.example", {"HTTPS_PROXY": "http://p"}, ("p", 80, "HTTPS_PROXY")),
    ("https://a.example", {"HTTPS_PROXY": "http://p:1/"}, ("p", 1, "HTTPS_PROXY")),
    ("https://a.example", {"HTTPS_PROXY": "http://[::1]:1"}, ("::1", 1, "HTTPS_PROXY")),
    ("https://a.example", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "b.example, a.example"}, None),
    ("https://a.example", {"HTTPS_PROXY": "http://p:1", "no_proxy": ".example"}, None),
]


@pytest.mark.parametrize(("url", "environ", "expected"), FOUND)
def test_the_proxy_of_the_environment(
    url: str, environ: Mapping[str, str], expected: tuple[str, int, str] | None
) -> None:
    """Lower-case variables win, an empty one is unset, and a host of NO_PROXY is reached directly."""
    proxy = find_proxy(url, environ)
    assert (proxy and (proxy.host, proxy.port, proxy.variable)) == expected


NO_PROXY = [
    ("a.example", 443, "*", True),
    ("a.example", 443, "", False),
    ("a.example", 443, "example", True),
    ("a.example", 443, ".example", True),
    ("a.example", 443, "*.example", True),
    ("example", 443, ".example", True),
    ("badexample", 443, "example", False),
    ("badexample", 443, ".example", False),
    ("A.Example", 443, "a.EXAMPLE", True),
    ("a.example", 443, "b.example  a.example", True),
    ("a.example", 443, "a.example:443", True),
    ("a.example", 443, "a.example:80", False),
    ("10.1.2.3", 443, "10.0.0.0/8", True),
    ("11.1.2.3", 443, "10.0.0.0/8", False),
    ("10.1.2.3", 443, "10.1.2.3", True),
    ("a.example", 443, "10.0.0.0/8,nonsense/8", False),
    ("::1", 443, "::1", True),
    ("::1", 443, "[::1]:443", True),
    ("fd00::1", 443, "fd00::/8", True),
]


@pytest.mark.parametrize(("host", "port", "no_proxy", "expected"), NO_PROXY)
def test_hosts_that_need_no_proxy(host: str, port: int, no_proxy: str, *, expected: bool) -> None:
    """Names, domains, addresses, networks and `*`, with or without a port."""
    assert is_excluded(host, port, no_proxy) is expected


@pytest.mark.parametrize("host", ["a.example", "example", "x.a.example", "badexample", "10.1.2.3"])
@pytest.mark.parametrize(
    "no_proxy", ["example", ".example", "a.example", "*", "", "b,example ", "10.1.2.3", "a.example:443"]
)
def test_the_standard_library_agrees(host: str, no_proxy: str) -> None:
    """For names and addresses the result is that of urllib, which other tools use."""
    if no_proxy and no_proxy != "b,example ":
        expected = bool(proxy_bypass_environment(f"{host}:443", {"no": no_proxy}))
        assert is_excluded(host, 443, no_proxy) is expected


@pytest.mark.parametrize(
    "proxy",
    [
        "nonsense:::",
        "socks5://127.0.0.1:1080",
        "https://p:1",
        "http://",
        "http://p:port",
        "http://p:1/path",
        "http://p:1?x",
        "http://p:1\n",
        " http://p:1",
        "http://p q:1",
        "http://\u00e9:1",
        "http://[::1",
    ],
)
def test_a_proxy_that_is_not_one(proxy: str, canary: CanaryFactory) -> None:
    """A proxy that cannot be used is a mistake in the configuration, which names the variable and not its content."""
    value = canary()
    for written in (proxy, proxy.replace("http://", f"http://user:{value}@")):
        with pytest.raises(HttpError) as raised:
            find_proxy("https://a.example", {"HTTPS_PROXY": written})
        error = raised.value
        assert error.fault is Fault.SETTING
        assert "HTTPS_PROXY" in error.cause
        assert value not in f"{error!r}{error.hint}"
        assert (error.__cause__, error.__context__) == (None, None)
