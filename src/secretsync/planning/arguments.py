"""Check the types of the arguments of the library, so that a wrong type is an error with a next step."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from secretsync.core.errors import UsageError


def wrong_type(name: str, given: object, wanted: str) -> UsageError:
    """Return the error for an argument of the wrong type. Its text does not repeat what was given."""
    return UsageError(f"{name}: it is of type {type(given).__name__}; give {wanted}")


def check_type(name: str, given: object, kind: type | tuple[type, ...], wanted: str) -> None:
    """Raise UsageError if `given` is neither None nor an instance of `kind`."""
    if given is not None and not isinstance(given, kind):
        raise wrong_type(name, given, wanted)


def text_of(name: str, given: Any) -> str | None:
    """Return a string or None. Raises UsageError for another type."""
    check_type(name, given, str, "a string")
    text: str | None = given
    return text


def texts_of(name: str, given: Any) -> tuple[str, ...] | None:
    """Return several strings, or None. Raises UsageError for one string and for other types."""
    return (
        None
        if given is None
        else tuple(_one(f"{name}: an item", item, str, "a string") for item in _items(name, given, "strings"))
    )


def path_of(name: str, given: Any) -> str | None:
    """Return a path as text, or None. Raises UsageError for bytes and other types."""
    return None if given is None else _path(name, given)


def paths_of(name: str, given: Any) -> tuple[str, ...] | None:
    """Return several paths as text, or None. Raises UsageError for one path and for other types."""
    return None if given is None else tuple(_path(f"{name}: an item", item) for item in _items(name, given, "paths"))


def check_environ(given: Any) -> None:
    """Raise UsageError if `given` is not a mapping of strings."""
    if given is None:
        return
    if not hasattr(given, "keys") or not hasattr(given, "__getitem__"):
        raise wrong_type("environ", given, "a mapping of strings, such as os.environ")
    for name in given.keys():  # noqa: SIM118 - a mapping of the caller may iterate in another way
        _one("environ: a name", name, str, "names and values as strings")
        _one("environ: a value", given[name], str, "names and values as strings")


def check_timeout(given: Any) -> None:
    """Raise UsageError if `given` is not a number of seconds."""
    if isinstance(given, bool) or not (given is None or isinstance(given, (int, float))):
        raise wrong_type("timeout", given, "a number of seconds, such as 30")


def check_stores(given: Any) -> None:
    """Raise UsageError if `given` is not a mapping from names of stores to providers."""
    wanted = 'a mapping from the name of a store to a provider, such as {"vault": MemoryProvider({})}'
    if given is None:
        return
    if not hasattr(given, "items"):
        raise wrong_type("stores", given, wanted)
    for name, provider in given.items():
        _one("stores: a name", name, str, wanted)
        if isinstance(provider, type) or not hasattr(provider, "spec"):
            raise wrong_type("stores: a provider", provider, wanted)


def _items(name: str, given: Any, wanted: str) -> Iterable[Any]:
    if isinstance(given, (str, bytes, os.PathLike)):
        kind = "string" if isinstance(given, (str, bytes)) else "path"
        raise UsageError(f"{name} is a list of {wanted}, not one {kind}; put it into a list: {name}=[...]")
    if not isinstance(given, Iterable):
        raise wrong_type(name, given, f"a list of {wanted}")
    return given


def _path(name: str, given: Any) -> str:
    text = os.fspath(_one(name, given, (str, os.PathLike), "a path: a string or a pathlib.Path"))
    return _one(name, text, str, "a path: a string or a pathlib.Path")  # type: ignore[no-any-return]


def _one(name: str, given: Any, kind: Any, wanted: str) -> Any:
    if not isinstance(given, kind):
        raise wrong_type(name, given, wanted)
    return given
