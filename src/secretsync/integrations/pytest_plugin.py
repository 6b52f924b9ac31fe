"""The plugin for pytest: values for a test, and tests that must not ask a real store.

pytest loads this module at each start, so that it imports nothing but pytest. All else is imported on first use.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from secretsync.planning.request import ConfigRequest
    from secretsync.providers.interface import Provider

MARKER = "secretsync_no_stores"
_PLACE = "override"  # what messages call the file of such a value
_LOCAL = ("docker", "env")  # providers of files and variables, which a test can make
_stash = pytest.StashKey[tuple[contextlib.ExitStack, list[str]]]()


class _Layer:
    """The values and stores of one override."""

    def __init__(self, values: Mapping[str, str], stores: Mapping[str, Provider]) -> None:
        self.values, self.stores = dict(values), dict(stores)


_layers: list[_Layer] = []  # the last one wins


@contextlib.contextmanager
def override(
    values: Mapping[str, str] | None = None, *, stores: Mapping[str, Provider | Mapping[str, Any]] | None = None
) -> Iterator[None]:
    """Use other values inside the `with` block, for each `resolve_config` and `refresh` of this process.

    values: the value of each key, in every scope that has the key. No store is asked for these keys.
    stores: a provider in place of each store, or the secrets of a `MemoryProvider` by path.

    A configuration that was resolved before keeps its values. Blocks may be nested; the inner one wins.
    Raises UsageError if a value is not a string, or a key is not a name.
    """
    layer = _Layer(_checked(values or {}), _providers(stores or {}))
    with contextlib.ExitStack() as stack:
        if not _layers:
            stack.enter_context(_patched())
        _layers.append(layer)
        try:
            yield
        finally:
            _layers.remove(layer)


class Overrides:
    """The fixture `secretsync`."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self._stack = stack

    def override(
        self,
        values: Mapping[str, str] | None = None,
        *,
        stores: Mapping[str, Provider | Mapping[str, Any]] | None = None,
    ) -> contextlib.AbstractContextManager[None]:
        """Return a context manager that uses other values in its block; see the function `override`."""
        return override(values, stores=stores)

    def set(
        self,
        values: Mapping[str, str] | None = None,
        *,
        stores: Mapping[str, Provider | Mapping[str, Any]] | None = None,
    ) -> None:
        """Use other values until the test ends; see the function `override`."""
        self._stack.enter_context(override(values, stores=stores))


@pytest.fixture
def secretsync() -> Iterator[Overrides]:
    """`secretsync.set({"SECRET_KEY": "test"})` for the test, `with secretsync.override({...}):` for a block."""
    with contextlib.ExitStack() as stack:
        yield Overrides(stack)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    line = f"{MARKER}: fail if SecretSync opens a store other than files, variables and stores of the test"
    config.addinivalue_line("markers", line)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Forbid real stores for a marked test and its fixtures."""
    if item.get_closest_marker(MARKER) is not None:
        stack, opened = contextlib.ExitStack(), list[str]()
        stack.enter_context(_forbidden(opened))
        item.stash[_stash] = (stack, opened)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fail a marked test whose application caught the error of a forbidden store."""
    yield
    _, opened = item.stash.get(_stash, (None, []))
    if opened:
        names = ", ".join(dict.fromkeys(opened))
        pytest.fail(f"the test is marked {MARKER} and opened: {names}; give it values or stores", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """End what the setup began."""
    try:
        yield
    finally:
        if _stash in item.stash:
            item.stash[_stash][0].close()
            del item.stash[_stash]


def _checked(values: Mapping[str, str]) -> Mapping[str, str]:
    from secretsync.core.errors import UsageError
    from secretsync.core.names import is_key

    for key, value in values.items():
        if not isinstance(key, str) or not is_key(key):
            raise UsageError("override: a key is not a name of letters, digits and '_'; correct it")
        if not isinstance(value, str):
            raise UsageError(f"override: {key}: the value is of type {type(value).__name__}; give a string")
    return values


def _providers(stores: Mapping[str, Provider | Mapping[str, Any]]) -> dict[str, Provider]:
    from secretsync.testing.memory import MemoryProvider

    return {name: MemoryProvider(one) if isinstance(one, Mapping) else one for name, one in stores.items()}


@contextlib.contextmanager
def _patched() -> Iterator[None]:
    """Put the layers in front of the functions with which the library reads a plan and opens its stores."""
    from secretsync import api
    from secretsync.resolving import pipeline

    with pytest.MonkeyPatch.context() as patch:
        for module in (api, pipeline):
            patch.setattr(module, "load_plan", _with_values(vars(module)["load_plan"]))
        patch.setattr(api, "StoreAccess", _with_stores(vars(api)["StoreAccess"]))
        yield


def _with_values(load_plan: Callable[..., Any]) -> Callable[..., Any]:
    def load(request: ConfigRequest, environ: Any, stores: Any = None, *rest: Any) -> Any:
        from secretsync.core.records import replace
        from secretsync.project.env_file import EnvFile
        from secretsync.project.environ_entries import FILE, variable_entry

        values = {key: value for layer in _layers for key, value in layer.values.items()}
        if values:
            kept = () if request.variables is None else request.variables.entries
            # All entries of one file have its name, and `run` knows its own variables by their name of the file.
            file = FILE if kept else _PLACE
            own = [replace(variable_entry(key, value), literal=True, file=file) for key, value in values.items()]
            entries = (*(entry for entry in kept if entry.key not in values), *own)
            variables = EnvFile(file=file, service=None, entries=entries)
            request = replace(request, variables=variables, are_variables_highest=True)
        return load_plan(request, environ, _stores(stores), *rest)

    return load


def _with_stores(access: Callable[..., Any]) -> Callable[..., Any]:
    def make(*arguments: Any, replaced: Any = None, **options: Any) -> Any:
        return access(*arguments, replaced=_stores(replaced), **options)

    return make


def _stores(given: Mapping[str, Provider] | None) -> Mapping[str, Provider] | None:
    """Return the stores of the layers below those that the call itself names."""
    return {**{name: one for layer in _layers for name, one in layer.stores.items()}, **(given or {})} or given


@contextlib.contextmanager
def _forbidden(opened: list[str]) -> Iterator[None]:
    """Refuse providers of real stores, and add their names to `opened`."""
    from secretsync.core.errors import UsageError
    from secretsync.resolving.requests import open_stores

    load_provider = vars(open_stores)["load_provider"]

    def load(name: str) -> Any:
        if name in _LOCAL:
            return load_provider(name)
        opened.append(name)
        raise UsageError(f"{name}: the test is marked {MARKER}; give it values or stores")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(open_stores, "load_provider", load)
        yield
