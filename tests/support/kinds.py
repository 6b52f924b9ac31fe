"""Markers of the tests that need more than this process and its children, set from fixtures and folders."""

from pathlib import Path

import pytest

from tests.servers import fixtures

_TESTS = Path(__file__).parents[1]
_CONTAINERS = _TESTS / "container"
# A test of a server starts the server itself.
_SERVERS = _TESTS / "servers"
_FIXTURE = type(fixtures.aws)
SERVER_FIXTURES = frozenset(name for name, value in vars(fixtures).items() if isinstance(value, _FIXTURE))


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers."""
    config.addinivalue_line("markers", "servers: uses a server on loopback (set by its fixtures)")
    config.addinivalue_line("markers", "containers: needs what runs containers (set by its folder)")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by what it uses."""
    for item in items:
        if _CONTAINERS in item.path.parents:
            item.add_marker("containers")
        used: set[str] = set(getattr(item, "fixturenames", ()))
        if _SERVERS in item.path.parents or used & SERVER_FIXTURES:
            item.add_marker("servers")
