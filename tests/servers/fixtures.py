"""Fixtures: servers of the whole session, one set a worker, and on them a place of its own for each test."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from tests.servers.aws import AwsAccount
from tests.servers.azure import AzureWorld, start_azure
from tests.servers.faults import FaultProxy
from tests.servers.ministack import Ministack, start_ministack
from tests.servers.moto import Moto, start_moto
from tests.servers.openbao import OpenBao, VaultSpace, start_openbao, start_sealed_openbao
from tests.servers.postgresql import PostgreSql, start_postgresql
from tests.servers.tools import REQUIRED, ToolUnavailableError

S = TypeVar("S", Ministack, Moto, OpenBao)


def _started(start: Callable[[], S]) -> Iterator[S]:
    with _skipping():
        server = start()
    yield server
    server.process.stop()


@contextlib.contextmanager
def _skipping() -> Iterator[None]:
    try:
        yield
    except ToolUnavailableError as error:
        if REQUIRED:
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def servers_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the files and logs of this worker's servers."""
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="session")
def ministack(servers_folder: Path) -> Iterator[Ministack]:
    """ministack, with signatures and policies checked."""
    yield from _started(lambda: start_ministack(servers_folder / "ministack"))


@pytest.fixture(scope="session")
def ministack_clock(servers_folder: Path) -> Iterator[Ministack]:
    """Yield a second ministack: `with ministack_clock.at(90 * 86400): ...` writes 90 days ago."""
    yield from _started(lambda: start_ministack(servers_folder / "ministack-clock", clock=True))


@pytest.fixture(scope="session")
def moto(servers_folder: Path) -> Iterator[Moto]:
    """Yield a moto server."""
    yield from _started(lambda: start_moto(servers_folder / "moto"))


@pytest.fixture(scope="session")
def openbao(servers_folder: Path) -> Iterator[OpenBao]:
    """Yield an OpenBao dev server."""
    yield from _started(lambda: start_openbao(servers_folder / "openbao"))


@pytest.fixture(scope="session")
def openbao_tls(servers_folder: Path) -> Iterator[OpenBao]:
    """Yield an OpenBao dev server with TLS; `ca_cert` is its authority."""
    yield from _started(lambda: start_openbao(servers_folder / "openbao-tls", tls=True))


@pytest.fixture(scope="session")
def openbao_sealed(servers_folder: Path) -> Iterator[OpenBao]:
    """Yield an OpenBao that is sealed."""
    yield from _started(lambda: start_sealed_openbao(servers_folder / "openbao-sealed"))


@pytest.fixture(scope="session")
def openbao_uninitialised(servers_folder: Path) -> Iterator[OpenBao]:
    """Yield an OpenBao that has never been initialised."""
    yield from _started(lambda: start_sealed_openbao(servers_folder / "openbao-new", initialised=False))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSql]:
    """PostgreSQL, for `vault.database(postgresql)`."""
    with _skipping():
        server = start_postgresql()
    yield server
    server.stop()


@pytest.fixture
def aws(ministack: Ministack) -> AwsAccount:
    """Return an AWS account of this test's own, on ministack."""
    return ministack.account()


@pytest.fixture
def aws_clock(ministack_clock: Ministack) -> AwsAccount:
    """Return an AWS account on the ministack whose time `ministack_clock.at()` moves."""
    return ministack_clock.account()


@pytest.fixture
def aws_moto(moto: Moto) -> AwsAccount:
    """Return the AWS account on moto, with a prefix for names of this test's own."""
    return moto.account()


@pytest.fixture
def vault(openbao: OpenBao) -> VaultSpace:
    """Return a place of this test's own on OpenBao."""
    return openbao.space()


@pytest.fixture
def azure(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[AzureWorld]:
    """Yield a fresh Azure double; this process's proxy and CA variables lead the SDK to it while the test runs."""
    world = start_azure(tmp_path_factory.mktemp("azure"))
    for name, value in world.network.items():
        monkeypatch.setenv(name, value)
    yield world
    world.stop()


@pytest.fixture
def fault_proxy() -> Iterator[Callable[[str], FaultProxy]]:
    """`fault_proxy(aws.url)` is a proxy before a plain HTTP server, that counts requests and plays faults."""
    with contextlib.ExitStack() as stack:

        def start(upstream: str) -> FaultProxy:
            proxy = FaultProxy(upstream)
            stack.callback(proxy.stop)
            return proxy

        yield start
