"""Markers of the tests that need more than this process, set from folders, fixtures and code."""

import inspect
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType, ModuleType, SimpleNamespace

import pytest

from tests.servers import fixtures

_TESTS = Path(__file__).parents[1]
_CONTAINERS = _TESTS / "container"
# A test of a server starts the server itself.
_SERVERS = _TESTS / "servers"
_FIXTURE = type(fixtures.aws)
SERVER_FIXTURES = frozenset(name for name, value in vars(fixtures).items() if isinstance(value, _FIXTURE))
_REQUEST = "getfixturevalue "
# A function that uses one of these names starts a server.
_SERVER_STARTERS = frozenset(
    {
        *(_REQUEST + name for name in SERVER_FIXTURES),
        *(name for name in vars(fixtures) if name.startswith("start_")),
        *("HTTPServer", "ThreadingHTTPServer"),
    }
)
_NO_PARAMETERS = SimpleNamespace(params={})
# A function that uses one of these names starts a process.
_STARTERS = frozenset(
    {
        *("cli", "fork", "Popen", "run_cli", "run_command", "run_secretsync", "subprocess"),
        *("find_wrong", "read_back", "readers_of"),  # of the formats: the readers are programs
    }
)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers."""
    config.addinivalue_line("markers", "servers: uses a server on loopback (set by its fixtures)")
    config.addinivalue_line("markers", "containers: needs what runs containers (set by its folder)")
    config.addinivalue_line("markers", "processes: starts processes (set by the names that its code uses)")
    config.addinivalue_line("markers", "growth: measures how time grows with size (set by its fixture)")
    config.addinivalue_line("markers", "slow: takes as long as hundreds of others, and is not part of a fast run")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by what it uses, before `-m` selects."""
    known: dict[int, frozenset[str]] = {}  # by what the cases of a test share, because there are thousands of cases
    for item in items:
        shared = getattr(item, "_fixtureinfo", None)
        markers = known.get(id(shared))
        if markers is None:
            markers = _markers_of_test(item)
            if shared is not None:
                known[id(shared)] = markers
        values = getattr(item, "callspec", _NO_PARAMETERS).params.values()
        for marker in sorted(markers | {marker for value in values for marker in _markers_of_value(value)}):
            item.add_marker(marker)


def _markers_of_test(item: pytest.Item) -> frozenset[str]:
    """Return the markers that each case of a test gets, from its folder, its fixtures and its code."""
    markers: set[str] = set()
    used: set[str] = set(getattr(item, "fixturenames", ()))
    if _CONTAINERS in item.path.parents:
        markers.add("containers")
    if _SERVERS in item.path.parents or used & SERVER_FIXTURES:
        markers.add("servers")
    if "assert_linear" in used:
        markers.add("growth")
    if used & _STARTERS:
        markers.add("processes")
    definitions = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    for value in (getattr(item, "function", None), *(found[-1].func for found in definitions.values())):
        markers |= _markers_of_value(value)
    return frozenset(markers)


def _markers_of_value(value: object) -> frozenset[str]:
    """Return the markers that a test gets from a function, or from a value of a table."""
    return frozenset().union(*map(_markers_of_function, _functions(value)))


@cache
def _markers_of_function(function: FunctionType) -> frozenset[str]:
    used = _names_used(function)
    kinds = {"servers": _SERVER_STARTERS, "processes": _STARTERS}
    return frozenset(kind for kind, starters in kinds.items() if used & starters)


def starts_process(value: object) -> bool:
    """Return True if the code of a function, or of a function of the tests that it uses, starts a process."""
    return "processes" in _markers_of_value(value)


def starts_server(value: object) -> bool:
    """Return True if a function, or a function of the tests that it uses, starts a server or requests its fixture."""
    return "servers" in _markers_of_value(value)


def _functions(value: object) -> Iterator[FunctionType]:
    """Yield a function behind fixtures and the decorators of hypothesis, or the functions in a table."""
    if isinstance(value, dict):
        value = list(value.values())
    for one in value if isinstance(value, (list, tuple)) else [value]:
        if isinstance(one, (FunctionType, _FIXTURE)):
            function = inspect.unwrap(one)
            function = getattr(getattr(function, "hypothesis", None), "inner_test", function)
            if isinstance(function, FunctionType):
                yield function


def _names_used(function: FunctionType) -> frozenset[str]:
    """Return the names in the code of a function and of all functions of the tests that it leads to."""
    seen: set[FunctionType] = set()
    left = [function]
    found: set[str] = set()
    while left:
        current = left.pop()
        if current not in seen:
            seen.add(current)
            names, functions = _uses(current)
            found |= names
            left += functions
    return frozenset(found)


@cache
def _uses(function: FunctionType) -> tuple[frozenset[str], tuple[FunctionType, ...]]:
    """Return the names in the code of a function, and the functions that they may mean; no names outside the tests."""
    if not function.__module__.startswith("tests."):
        return frozenset(), ()
    names = frozenset(_names_of(function.__code__))
    scope = function.__globals__
    modules = [vars(scope[name]) for name in names if isinstance(scope.get(name), ModuleType)]
    values = [place[name] for place in (scope, *modules) for name in names if name in place]
    return names, tuple({other for value in values for other in _functions(value)})


def _names_of(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    if "getfixturevalue" in code.co_names:
        yield from (_REQUEST + constant for constant in code.co_consts if isinstance(constant, str))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_of(constant)
