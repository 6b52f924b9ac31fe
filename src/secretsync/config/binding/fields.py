"""The fields of an application's class as `bind` sees them, whatever kind of class it is."""

from __future__ import annotations

import re
import typing
from collections.abc import Callable, Mapping
from typing import Any

from secretsync.config.binding.hint_wrappers import annotations_of
from secretsync.config.binding.type_hints import conversion_of
from secretsync.config.convert import Conversion
from secretsync.core.records import Record

_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9_]")


class Key(Record):
    """Names the key of a field in a class of any kind: `url: Annotated[str, Key("DB_URL", service="database")]`."""

    name: str | None = None  # None: the key that the field's name gives
    service: str | None = None  # None: the scope that `bind` reads


class Field(Record, kw_only=True):
    """One field: where its value is, and what it becomes."""

    name: str
    argument: str  # what the class calls it when it is made
    names: tuple[str, ...]  # of keys, without the prefix of the class; the first that exists
    hint: Any
    is_required: bool
    key: Key
    conversion: Conversion | None  # None: no text becomes this type


class ClassFields(Record, kw_only=True):
    """The fields of one class, and how an instance is made."""

    name: str
    fields: tuple[Field, ...]
    make: Callable[[dict[str, Any]], Any]
    # Which values the class refuses, by argument, each with a reason that holds no value; the argument None is the
    # class as a whole. The exception is what `make` raised, or None if the values are incomplete.
    refusals: Callable[[dict[str, Any], Exception | None], Mapping[str | None, str]]


def capitals(name: str) -> str:
    """Return a field's name or alias as a part of a key: `pool_size`, `poolSize` and `pool-size` are POOL_SIZE."""
    return _WORDS.sub("_", name).upper()


def keys_of_alias(alias: str) -> tuple[str, ...]:
    """Return the keys that an alias names: its words in capitals, then a name with dots or hyphens as it is written."""
    return (capitals(alias), alias) if "." in alias or "-" in alias else (capitals(alias),)


def field_of(name: str, hint: Any, *, is_required: bool, **known: Any) -> Field:
    """Return a Field. `known`: what its kind of class decides; `metadata` or `annotations` may name its key."""
    metadata: Mapping[Any, Any] = known.pop("metadata", {})
    annotations = known.pop("annotations", None) or annotations_of(hint)
    key = next((mark for mark in annotations if isinstance(mark, Key)), Key())
    if "key" in metadata or "service" in metadata:
        key = Key(metadata.get("key"), metadata.get("service"))
    known = {"argument": name, "names": (capitals(name),), "key": key, "conversion": conversion_of(hint), **known}
    return Field(name=name, hint=hint, is_required=is_required, **known)


def _none_by_field(_values: dict[str, Any], _error: Exception | None) -> Mapping[str | None, str]:
    return {}


def hints_of(kind: type) -> dict[str, Any]:
    """Return the type of each annotated name."""
    return typing.get_type_hints(kind, include_extras=True)


def class_of(kind: type, fields: list[Field], **known: Any) -> ClassFields:
    """Return ClassFields. `known`: how the class is made and refuses values, if not as Python's own classes."""
    known = {"make": lambda values: kind(**values), "refusals": _none_by_field, **known}
    return ClassFields(name=kind.__qualname__, fields=tuple(fields), **known)
