"""Markers of the tests that need more than this process, set from folders, fixtures and code."""

import inspect
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import pytest

from tests.servers import fixtures

_TESTS = Path(__file__).parents[1]
_CONTAINERS = _TESTS / "container"
# A test of a server starts the server itself.
_SERVERS = _TESTS / "servers"
_FIXTURE = type(fixtures.aws)
SERVER_FIXTURES = frozenset(name for name, value in vars(fixtures).items() if isinstance(value, _FIXTURE))
# A function that uses one of these names starts a process.
_STARTERS = frozenset({"cli", "fork", "Popen", "run_cli", "run_command", "run_secretsync", "subprocess"})


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers."""
    config.addinivalue_line("markers", "servers: uses a server on loopback (set by its fixtures)")
    config.addinivalue_line("markers", "containers: needs what runs containers (set by its folder)")
    config.addinivalue_line("markers", "processes: starts processes (set by the names that its code uses)")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by what it uses, before `-m` selects."""
    for item in items:
        if _CONTAINERS in item.path.parents:
            item.add_marker("containers")
        used: set[str] = set(getattr(item, "fixturenames", ()))
        if _SERVERS in item.path.parents or used & SERVER_FIXTURES:
            item.add_marker("servers")
        function: Any = getattr(item, "function", None)
        module = vars(getattr(item, "module", object))
        named = [module[name] for name in used if name in module]
        if used & _STARTERS or any(starts_process(one) for one in [function, *named]):
            item.add_marker("processes")


def starts_process(value: object) -> bool:
    """Return True if the code of a function, or of a function of the tests that it uses, starts a process."""
    function = _function(value)
    return function is not None and any(names & _STARTERS for names in _names_used(function))


def _function(value: object) -> FunctionType | None:
    """Return the function itself behind fixtures and the decorators of hypothesis."""
    value = inspect.unwrap(value) if callable(value) else value
    value = getattr(getattr(value, "hypothesis", None), "inner_test", value)
    return value if isinstance(value, FunctionType) else None


@cache
def _names_used(function: FunctionType) -> tuple[frozenset[str], ...]:
    """Return the names in the code of a function and of all functions of the tests that it leads to."""
    found: dict[FunctionType, frozenset[str]] = {}
    left = [function]
    while left:
        current = left.pop()
        if current in found or not current.__module__.startswith("tests."):
            continue
        found[current] = frozenset(_names_of(current.__code__))
        others = (_function(current.__globals__.get(name)) for name in found[current])
        left += [other for other in others if other is not None]
    return tuple(found.values())


def _names_of(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_of(constant)
