"""Suggest the field that a reference probably means: another spelling, or the same name at another level."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from secretsync.core.text import looks_like_value, name_or_none, other_spelling

_MOST = 100  # fields that are looked at, because thousands of references may have no field
_OTHERWISE = "fix the field's name, or the secret"


def field_hint(document: Any, field: str) -> str:
    """Return the next step for a field that `document` does not have.

    A name in the document is only shown if it is another spelling of the user's word, or the same name deeper in it.
    """
    paths = [path for path in _paths(document) if all(map(_is_shown, path))]
    if not field.startswith("/"):
        top = [path[0] for path in paths if len(path) == 1]
        if (close := other_spelling(field, top)) is not None:
            return f"did you mean #{close}?"
    wanted = _segments(field)
    # In the order of the levels: the whole path as it was meant, then its last name anywhere.
    for amount in dict.fromkeys((len(wanted), 1)):
        known = {"/".join(path[-amount:]): path for path in reversed(paths)}
        if (close := other_spelling("/".join(wanted[-amount:]), known)) is not None:
            return f"did you mean #{_written(known[close])}?"
    return _OTHERWISE


def _segments(field: str) -> tuple[str, ...]:
    """Return the names in a field: of a JSON pointer, else between dots, slashes and colons, as other tools have it."""
    if field.startswith("/"):
        return tuple(token.replace("~1", "/").replace("~0", "~") for token in field[1:].split("/"))
    text = field.removeprefix("$").replace("[", ".").replace("]", "")
    for separator in ("/", ":"):
        text = text.replace(separator, ".")
    return tuple(filter(None, text.split("."))) or (field,)


def _paths(document: Any) -> Iterator[tuple[str, ...]]:
    """Yield the paths of at most `_MOST` fields, the upper levels first."""
    waiting: list[tuple[tuple[str, ...], Any]] = [((), document)]
    for path, value in waiting:
        members: Iterable[tuple[Any, Any]] = ()
        if isinstance(value, dict):
            members = value.items()
        elif isinstance(value, list):
            members = enumerate(value)
        for key, one in islice(members, max(0, _MOST - len(waiting))):
            name = str(key)
            waiting.append(((*path, name), one))
            yield (*path, name)


def _is_shown(name: str) -> bool:
    # A field's name may be a value, such as the user of a table of passwords.
    return name.isdigit() or (name_or_none(name) is not None and not looks_like_value(name))


def _written(path: tuple[str, ...]) -> str:
    return path[0] if len(path) == 1 and not path[0].startswith("/") else f"/{'/'.join(path)}"
