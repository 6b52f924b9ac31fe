"""Conversions of the text of a value: whole numbers, numbers, booleans, lists, JSON, paths, durations.

A conversion raises if the text does not fit. The exception may hold the text, therefore `attempt` catches it and the
caller raises one of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from secretsync.core.durations import parse_length
from secretsync.core.errors import Problem, ProblemKind
from secretsync.core.exact_json import NotJsonError, parse_json

if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path

    from secretsync.config.typed_getters import TypedGetters

UNFIT: Any = object()  # None is a value: JSON has it
# What the conversions of this module raise if a text does not fit.
UNFIT_ERRORS = (ValueError, TypeError, ArithmeticError, RecursionError, NotJsonError)

_INFINITY = float("inf")
_TRUE, _FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")
_INTEGER = re.compile(r"[+-]?[0-9]{1,640}")  # no limit that Python may be given for int() is lower
NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


Errors = tuple[type[Exception], ...]


class Conversion(NamedTuple):
    """A way to make a value from a text."""

    expected: str  # the end of "its value is not ..."
    convert: Callable[..., Any]  # raises if the text does not fit


def attempt(convert: Callable[..., Any], value: Any, *options: str, errors: Errors = (Exception,)) -> Any:
    """Return `convert(value, *options)`, or UNFIT if that raises one of `errors`.

    The default is for classes of the application, which raise anything. Their messages may hold the value.
    """
    try:
        return convert(value, *options)
    except errors:
        return UNFIT


def value_problem(scope: TypedGetters, key: str, cause: str) -> Problem:
    """Return a Problem with the value of `key` in `scope`: file and line if an env file defines it."""
    origin = scope.origin(key) if key in scope else None
    return Problem(
        kind=ProblemKind.CONFIGURATION,
        key=key,
        file=origin.file if origin else None,
        line=origin.line if origin else None,
        cause=cause,
        hint="fix the value there" if origin else "fix the variable in the process environment",
    )


def to_int(text: str) -> int:
    """Return the whole number that `text` writes in decimal digits."""
    if not _INTEGER.fullmatch(text):
        raise ValueError
    return int(text)


def to_float(text: str) -> float:
    """Return the finite number that `text` writes in decimal notation."""
    number = float(text) if NUMBER.fullmatch(text) else _INFINITY
    if abs(number) == _INFINITY:  # 1e999 too
        raise ValueError
    return number


def to_bool(text: str) -> bool:
    """Return True for true, 1, yes, on and False for false, 0, no, off, in any case."""
    lowered = text.lower()
    if lowered not in _TRUE and lowered not in _FALSE:
        raise ValueError
    return lowered in _TRUE


def to_list(text: str, separator: str = ",") -> list[str]:
    """Return the items of a list as texts."""
    items = json_items(text)
    return split_items(text, separator) if items is None else [scalar_text(item) for item in items]


def json_items(text: str) -> list[Any] | None:
    """Return the items of a JSON list, with numbers as written, or None if `text` does not begin with `[`."""
    if not text.lstrip().startswith("["):
        return None
    items: list[Any] = parse_json(text)
    return items


def split_items(text: str, separator: str = ",") -> list[str]:
    """Return the items between separators, without white space at their edges. An empty text is an empty list."""
    if not text:
        return []
    items = [item.strip() for item in text.split(separator)]
    if not all(items):
        raise ValueError
    return items


def scalar_text(node: Any) -> str:
    """Return the text of a JSON string, number or boolean: numbers as written, `true`, `false`."""
    if isinstance(node, bool):
        return "true" if node else "false"
    if not isinstance(node, str):  # null, an object or a list
        raise TypeError
    return str(node)


def to_json(text: str) -> Any:
    """Return what the JSON document `text` contains, with numbers as int and float."""
    return parse_json(text, integer=int, decimal=_finite)


def _finite(digits: str) -> float:
    number = float(digits)
    if abs(number) == _INFINITY:
        raise NotJsonError("has a number in its JSON that is too large")
    return number


def to_path(text: str) -> Path:
    """Return the path as written: a relative path stays relative, and `~` is not replaced."""
    from pathlib import Path

    if not text:  # which would be the working directory
        raise ValueError
    return Path(text)


def to_duration(text: str) -> timedelta:
    """Return a length of time as bindings write it. Zero is allowed."""
    from datetime import timedelta

    seconds = parse_length(text)
    if seconds is None:
        raise ValueError
    return timedelta(seconds=seconds)


# What the getters of Config convert to. `bind` uses the same conversions.
BY_NAME = {
    "int": Conversion("a whole number", to_int),
    "float": Conversion("a number", to_float),
    "bool": Conversion("true, false, yes, no, on, off, 1 or 0", to_bool),
    "list": Conversion(
        "a list: items between separators, without empty items, or a JSON list of texts and numbers", to_list
    ),
    "json": Conversion("JSON", to_json),
    "path": Conversion("a path", to_path),
    "duration": Conversion("a duration such as 500ms, 30s, 12h, 90d or P90D", to_duration),
}
