"""Markers that tests get from what they use."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import processes
from tests.support.kinds import SERVER_FIXTURES, starts_process, starts_server
from tests.support.projects import Project


def _starts_python() -> None:
    subprocess.run([sys.executable, "-c", ""], check=True)


@pytest.fixture
def started() -> None:
    """Start a process before the test."""
    _starts_python()


def _direct(made: Project) -> None:
    made.cli("check")


def _through_a_helper() -> None:
    _starts_python()


def _through_a_module() -> None:
    processes.run_secretsync([], cwd=Path(), home=Path())


def _in_a_nested_function() -> Any:
    return lambda: _starts_python()  # noqa: PLW0108


@given(st.booleans())
def _with_hypothesis(value: bool) -> None:
    _starts_python()


def _asks_for_a_server(request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("aws")


_TABLE = {"aws": _asks_for_a_server}


def _through_a_table(request: pytest.FixtureRequest) -> None:
    _TABLE["aws"](request)


_CIRCLE: list[object] = []
_CIRCLE.append(_CIRCLE)


def _without() -> list[str]:
    return sorted(["a", "b"])


@pytest.mark.parametrize(
    "test", [_direct, _through_a_helper, _through_a_module, _in_a_nested_function, _with_hypothesis, started]
)
def test_tests_that_start_processes_are_found(test: object) -> None:
    """A process is found behind helpers, nested functions, hypothesis and fixtures."""
    assert starts_process(test)


@pytest.mark.parametrize("test", [_without, None, 1, len, _CIRCLE])
def test_tests_without_processes_are_not_marked(test: object) -> None:
    """A function that starts no process is not marked, and neither is what is not a function of the tests."""
    assert not starts_process(test)
    assert not starts_server(test)


@pytest.mark.parametrize("test", [_asks_for_a_server, _through_a_table])
def test_servers_that_are_asked_for_by_name_are_found(test: object) -> None:
    """A server is found behind `getfixturevalue`, also in a function of a table."""
    assert starts_server(test)


def test_a_test_of_growth_is_marked(request: pytest.FixtureRequest, assert_linear: object) -> None:
    """A test that uses the fixture `assert_linear` has the marker `growth`."""
    assert assert_linear
    assert request.node.get_closest_marker("growth")


def test_a_test_of_a_server_is_marked(request: pytest.FixtureRequest) -> None:
    """The fixtures of servers are known; this test uses none of them."""
    assert {"aws", "vault", "azure", "openbao", "fault_proxy"} <= SERVER_FIXTURES
    assert request.node.get_closest_marker("servers") is None
