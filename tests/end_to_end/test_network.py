"""Proxies and certificates that stop a request: each cause has its own message, in every store and through each SDK."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers.azure import AzureWorld
from tests.servers.certificates import CertificateAuthority
from tests.servers.faults import running
from tests.servers.loopback import LoopbackServer, Request, Response
from tests.servers.process import PortReservation
from tests.support.limits import HANG
from tests.support.processes import CommandResult
from tests.support.projects import MakeProject

STATUS_CONFIGURATION, STATUS_DENIED, STATUS_UNAVAILABLE = 2, 4, 5
PASSWORD = "proxy-password"

Ask = Callable[..., CommandResult]
STORES = ("aws", "aws by the SDK", "vault", "azure")


@pytest.fixture
def ask(project: MakeProject, azure: AzureWorld) -> Ask:
    """Return a function that asks a store at `url` (None: its own) with further variables."""

    def ask(store: str, url: str | None = None, timeout: str = f"{HANG}s", **env: str) -> CommandResult:
        if store == "azure":
            environ = {**azure.client_secret(azure.principal()), "AZURE_KEYVAULT_URL": url or azure.vault().url}
            bundle = "REQUESTS_CA_BUNDLE"
        elif store == "vault":
            environ = {"VAULT_ADDR": url or "https://vault.example:8200", "VAULT_TOKEN": "token"}
            bundle = "VAULT_CACERT"
        else:
            environ = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "key", "AWS_REGION": "eu-west-1"}
            environ |= {"AWS_ENDPOINT_URL": url} if url else {}
            bundle = "AWS_CA_BUNDLE"
        if "BUNDLE" in env:
            environ[bundle] = env.pop("BUNDLE")
        bindings = '[stores.aws]\ntransport = "sdk"\n' if store.endswith("SDK") else ""
        reference = "$<vault:secret/app#a>" if store == "vault" else f"$<{store.partition(' ')[0]}:app>"
        app = project({".env": f"A={reference}\n", "b.toml": bindings})
        argv = ("run", "--env-file", ".env", "--bindings", "b.toml", "--timeout", timeout, "--", "true")
        result = app.cli(*argv, env={**environ, **env})
        assert PASSWORD not in result.stderr
        return result

    return ask


class _Proxy(LoopbackServer):
    """A proxy that answers each request with one status."""

    status = 407

    def answer(self, request: Request) -> Response:
        """Return the status."""
        return Response(self.status)


@pytest.mark.parametrize(
    ("store", "variable"), [*((store, "HTTPS_PROXY") for store in STORES), ("aws by the SDK", "https_proxy")]
)
def test_a_dead_proxy(ask: Ask, store: str, variable: str) -> None:
    """Name the proxy's host and the variable, without user and password."""
    reserved = PortReservation()
    result = ask(store, timeout="8s", **{variable: f"http://user:{PASSWORD}@127.0.0.1:{reserved.port}"})
    reserved.release()
    assert result.status == STATUS_UNAVAILABLE
    assert f"the proxy 127.0.0.1:{reserved.port} ({variable}) cannot be reached" in result.stderr
    assert "NO_PROXY" in result.stderr


@pytest.mark.parametrize(
    ("status", "exit_status", "words"),
    [
        (407, STATUS_DENIED, "does not accept the user and password (407)"),
        (403, STATUS_UNAVAILABLE, "refuses a connection to"),
    ],
)
@pytest.mark.parametrize("store", STORES)
def test_a_proxy_that_refuses(ask: Ask, store: str, status: int, exit_status: int, words: str) -> None:
    """Name the proxy, the variable and the status of its answer."""
    proxy = _Proxy()
    proxy.status = status
    with running(proxy):
        result = ask(store, HTTPS_PROXY=f"http://user:{PASSWORD}@127.0.0.1:{proxy.port}")
    assert result.status == exit_status
    assert f"the proxy 127.0.0.1:{proxy.port} (HTTPS_PROXY) {words}" in result.stderr
    assert f"({status})" in result.stderr


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("untrusted", "the server's certificate is not trusted: unable to get local issuer certificate"),
        ("expired", "the server's certificate is not trusted: it has expired"),
        ("wrong host", "the server's certificate is not trusted: it is not for 127.0.0.1"),
    ],
)
@pytest.mark.parametrize("store", STORES)
def test_a_certificate_that_is_not_trusted(ask: Ask, tmp_path: Path, store: str, fault: str, words: str) -> None:
    """Tell the causes apart."""
    authority = CertificateAuthority(tmp_path / "one")
    context = authority.server_context(
        "else.example" if fault == "wrong host" else "127.0.0.1", expired=fault == "expired"
    )
    trusted = CertificateAuthority(tmp_path / "two") if fault == "untrusted" else authority
    server = _Proxy(context)
    with running(server):
        result = ask(store, server.url, BUNDLE=str(trusted.bundle))
    assert result.status == STATUS_UNAVAILABLE
    assert words in result.stderr
    assert server.requests.count() == 0


class _Plain(LoopbackServer):
    """A server of plain HTTP, which answers the first bytes of TLS with an error as web servers do."""

    def talk(self, connection: object, reader: object) -> None:
        """Send an answer to what is not a request."""
        connection.socket.recv(10)  # type: ignore[attr-defined]
        connection.socket.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")  # type: ignore[attr-defined]
        connection.socket.recv(10_000)  # type: ignore[attr-defined]

    def answer(self, request: Request) -> Response:
        """Nothing comes here."""
        return Response(500)


@pytest.mark.parametrize("store", STORES)
def test_a_server_without_tls(ask: Ask, tmp_path: Path, store: str) -> None:
    """Say that there is no TLS at the port, at once."""
    server = _Plain()
    with running(server):
        bundle = str(CertificateAuthority(tmp_path).bundle)
        result = ask(store, server.url.replace("http:", "https:"), BUNDLE=bundle)
    assert result.status == STATUS_UNAVAILABLE
    assert "the server does not use TLS at this port" in result.stderr


@pytest.mark.parametrize(("content", "words"), [(None, "No such file"), ("hello", "it is not a PEM file")])
@pytest.mark.parametrize("store", STORES)
def test_a_file_of_authorities_that_cannot_be_used(
    ask: Ask, tmp_path: Path, store: str, content: str | None, words: str
) -> None:
    """Name the variable, the file and what is wrong with the file."""
    file = tmp_path / "authorities.pem"
    if content is not None:
        file.write_text(content)
    server = _Proxy(CertificateAuthority(tmp_path).server_context("127.0.0.1"))
    with running(server):
        result = ask(store, server.url, BUNDLE=str(file))
    assert result.status == STATUS_CONFIGURATION
    assert str(file) in result.stderr
    assert words in result.stderr
    assert {"aws": "AWS_CA_BUNDLE", "vault": "VAULT_CACERT", "azure": "REQUESTS_CA_BUNDLE"}[
        store.partition(" ")[0]
    ] in result.stderr
