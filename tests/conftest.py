"""What holds for every test: a clean environment, no network, and no secret in any output."""

import gc
import os
import random
import sys
import threading
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support import network
from tests.support.canary import CanaryFactory, find_leaks
from tests.support.processes import CommandResult, RunCli, heed_signals, put_back, run_secretsync, scrub
from tests.support.projects import MakeProject, Project
from tests.support.tools import count_skips

pytest_plugins = [
    "tests.rendering.formats.plugin",
    "tests.providers.plugin.fixtures",
    "tests.servers.fixtures",
    "tests.support.amounts",
    "tests.support.growth",
    "tests.support.leaks",
    "tests.support.kinds",
    "tests.support.clock",
    "tests.support.simulation",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--shuffle`."""
    parser.addoption("--shuffle", type=int, metavar="SEED", help="run the tests in a random order, the same for a seed")


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Print the seed of the order."""
    seed = config.getoption("shuffle")
    return [] if seed is None else [f"order: --shuffle={seed}"]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """Keep the modules and tests, which stay until the end, out of all later searches for unused objects."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Shuffle the tests if the command line asks for it; every worker of a parallel run gets the same order."""
    seed = config.getoption("shuffle")
    if seed is not None:
        random.Random(seed).shuffle(items)


def pytest_configure(config: pytest.Config) -> None:
    """Before anything else, so that fixtures of the whole session find a clean process too."""
    scrub(os.environ)
    heed_signals()
    network.install()


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty home folder for this test."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def clean_process(request: pytest.FixtureRequest, home: Path) -> Iterator[None]:
    """Begin each test with a clean environment, put it back, and fail a test that tried to leave the machine."""
    before = dict(os.environ)
    scrub(os.environ)
    os.environ["HOME"] = str(home)
    network.attempts.clear()
    # A thread that an earlier test left behind at a deadline may still try; this test is not to blame.
    others = set(threading.enumerate()) - {threading.current_thread()}
    yield
    if kept := sys.modules.get("secretsync.resolving.requests.kept_stores"):
        kept.close_stores()  # so that the next test logs in by itself
    if masking := sys.modules.get("secretsync.config.log_masking"):
        masking.uninstall_all()  # an example of the documentation installs it for its whole process
    put_back(before)
    refused = sorted({attempt.host for attempt in network.attempts if attempt.thread not in others})
    if refused and not request.node.get_closest_marker("blocked_network"):
        pytest.fail(f"the test tried to reach beyond loopback: {', '.join(refused)}", pytrace=False)


@pytest.fixture
def canary() -> Iterator[CanaryFactory]:
    """Return the factory of all secrets in the tests: `canary()`, `canary(after="$x")`, `canary.watch(path)`."""
    factory = CanaryFactory()
    yield factory
    factory.check_watched()


@pytest.fixture
def run_cli(tmp_path: Path, home: Path) -> RunCli:
    """`run_cli("explain", "-e", "test", cwd=..., env=..., reveals=..., expect=..., sys_path=...)` runs SecretSync."""

    def run(*arguments: str, cwd: Path | None = None, **options: Any) -> CommandResult:
        return run_secretsync(arguments, cwd=cwd or tmp_path, home=home, **options)

    return run


@pytest.fixture
def project(tmp_path_factory: pytest.TempPathFactory, home: Path) -> MakeProject:
    """`project({"env/test/security.env": "..."})` makes a project folder; its `.cli(...)` runs SecretSync there."""

    def make(files: Mapping[str, str | bytes] | None = None) -> Project:
        made = Project(tmp_path_factory.mktemp("project"), home)
        made.write_all(files or {})
        return made

    return make


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Fail a test that left a secret in what pytest captured of it: print, logging, warnings."""
    report: Any = yield
    # The teardown's report has the output of all three phases.
    if call.when == "teardown" and report.passed and not item.get_closest_marker("reveals"):
        leaks = {name: forms for name, text in report.sections if (forms := find_leaks(text))}
        if leaks:
            report.outcome = "failed"
            report.longrepr = (
                f"a secret leaked into: {', '.join(f'{name} ({forms[0]})' for name, forms in leaks.items())}"
            )
            report.sections = []
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the number of skipped tests, and what each of them does not have."""
    reports = terminalreporter.stats.get("skipped", [])
    reasons = [report.longrepr[2] for report in reports if isinstance(report.longrepr, tuple)]
    if reasons:
        terminalreporter.section("skipped")
        for line in count_skips(reasons):
            terminalreporter.line(line)
