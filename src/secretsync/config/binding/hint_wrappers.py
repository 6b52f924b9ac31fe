"""What is around the type in a type hint: Annotated, NewType, Required, Final, `| None`."""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any

_WRAPPERS = {"Final", "NotRequired", "ReadOnly", "Required"}  # of typing and of typing_extensions


def bare_hint(hint: Any) -> Any:
    """Return the type inside Annotated, NewType, Required, NotRequired, ReadOnly, Final, InitVar and `type X = ...`."""
    while True:
        origin = typing.get_origin(hint)
        if origin is typing.Annotated or getattr(origin, "_name", None) in _WRAPPERS:
            hint = typing.get_args(hint)[0]
        elif isinstance(hint, typing.NewType):
            hint = hint.__supertype__
        elif isinstance(hint, dataclasses.InitVar):
            hint = hint.type
        elif type(hint).__name__ == "TypeAliasType":  # from Python 3.12 on
            hint = hint.__value__
        else:
            return hint


def without_none(hint: Any) -> tuple[Any, bool]:
    """Return the type without `| None`, and whether None was one of its types."""
    hint = bare_hint(hint)
    if typing.get_origin(hint) not in (typing.Union, types.UnionType):
        return hint, False
    parts = typing.get_args(hint)
    rest = tuple(part for part in parts if part is not type(None))
    kept = bare_hint(rest[0]) if len(rest) == 1 else typing.Union[rest]  # noqa: UP007 - of a tuple
    return kept, len(rest) < len(parts)


def annotations_of(hint: Any) -> tuple[Any, ...]:
    """Return what Annotated holds, also inside Required, NotRequired, ReadOnly and Final."""
    while hint is not bare_hint(hint):
        if typing.get_origin(hint) is typing.Annotated:
            return tuple(hint.__metadata__)
        arguments = typing.get_args(hint)
        if not arguments:
            break
        hint = arguments[0]
    return ()
