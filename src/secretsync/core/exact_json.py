"""JSON whose numbers keep their digits as they were written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Number(str):
    """A JSON number with its digits as written: 1.10 stays 1.10, and 2^63+1 loses nothing."""

    __slots__ = ()


class NotJsonError(Exception):
    """A text is not JSON. `cause` is a clause without its subject, and repeats nothing of the text."""

    def __init__(self, cause: str) -> None:
        self.cause = cause
        super().__init__(cause)


def parse_json(text: str, *, integer: Callable[[str], Any] = Number, decimal: Callable[[str], Any] = Number) -> Any:
    """Return what `text` contains. `integer` and `decimal` make the numbers of their digits.

    Raises NotJsonError, also if an object has one key twice, and RecursionError if the nesting is too deep.
    Neither repeats a part of the text.
    """
    import json

    bad = object()
    document: Any = bad
    cause = "is not JSON"
    try:
        document = json.loads(
            text, parse_int=integer, parse_float=decimal, parse_constant=_refuse_constant, object_pairs_hook=_object
        )
    except NotJsonError as error:
        cause = error.cause
    except ValueError:
        pass  # its `doc` is the whole text
    if document is bad:
        raise NotJsonError(cause)
    return document


def format_json(value: Any) -> str:
    """Return compact JSON with numbers as they were written."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{format_json(key)}:{format_json(member)}" for key, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(format_json(item) for item in value) + "]"
    import json

    return json.dumps(value, ensure_ascii=False)


def _refuse_constant(_name: str) -> Any:
    """Refuse NaN and infinities, which Python's parser accepts and RFC 8259 does not."""
    raise NotJsonError("has a number in its JSON that JSON has not: NaN or an infinity")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise NotJsonError("has one key twice in its JSON")
    return members
