"""Conversions for type hints: what a field of an application's class declares, and how a text becomes that."""

from __future__ import annotations

import collections.abc
import enum
import functools
import operator
import pathlib
import types
import typing
from collections.abc import Callable
from typing import Any

from secretsync.config.binding.hint_wrappers import bare_hint, without_none
from secretsync.config.binding.text_types import of_text, subclass_conversion, text_conversion
from secretsync.config.convert import (
    UNFIT,
    Conversion,
    attempt,
    json_items,
    split_items,
    to_json,
)
from secretsync.core.exact_json import format_json, parse_json
from secretsync.core.secret import Secret

_MOST_NAMED = 12  # members of an Enum in a message


def has_pydantic_schema(thing: Any) -> bool:
    """Return True for types and annotations that bring their own conversion for pydantic."""
    return hasattr(thing, "__get_pydantic_core_schema__")


def conversion_of(hint: Any) -> Conversion | None:
    """Return the conversion from a text to `hint`, or None if `hint` is not a type that a text becomes.

    Inside lists and objects the conversion also takes what JSON has there.
    """
    hint, takes_none = without_none(hint)
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        found = _union(typing.get_args(hint))
    elif origin is typing.Literal:
        found = _literal(typing.get_args(hint))
    elif isinstance(origin or hint, type) and (origin or hint) in _CONTAINERS:
        known: Any = {"is_bare": origin is None} if tuple in (origin, hint) else {}
        found = _CONTAINERS[origin or hint](typing.get_args(hint), **known)
    else:
        found = _scalar(hint)
    return _or_none(found) if found and takes_none else found


def _scalar(hint: Any) -> Conversion | None:
    if hint in (Any, object):
        return Conversion("text or JSON", lambda node: node if type(node) is str else to_json(format_json(node)))
    if not isinstance(hint, type):
        return None
    if found := text_conversion(hint):
        return found
    if getattr(hint, "__pydantic_root_model__", False):
        return _root_model(hint)
    if has_pydantic_schema(hint):
        return _by_pydantic(hint)
    if issubclass(hint, enum.Enum):
        return _enum(hint)
    from secretsync.config.binding.class_fields import is_class_with_fields

    return _object(hint) if is_class_with_fields(hint) else subclass_conversion(hint)


def _object(kind: type) -> Conversion:
    """Return an instance of a class with fields from a JSON object that has the names of the fields.

    The fields are looked up when an object is converted, because a class may have a list of itself.
    """

    def convert(node: Any) -> Any:
        from secretsync.config.binding.class_fields import fields_of

        made = fields_of(kind)
        rest = dict(parse_json(node) if isinstance(node, str) else node)
        values = {}
        for field in made.fields:
            name = field.argument if field.argument in rest else field.name
            if name in rest and field.conversion is not None:
                values[field.argument] = field.conversion.convert(rest.pop(name))
            elif field.is_required and without_none(field.hint)[1]:
                values[field.argument] = None
            elif field.is_required:
                raise ValueError
        if rest:
            raise ValueError
        return made.make(values)

    return Conversion(f"a JSON object with the fields of {kind.__name__}", convert)


def _or_none(conversion: Conversion) -> Conversion:
    """Return a conversion that also takes the `null` of JSON."""
    return Conversion(conversion.expected, lambda node: None if node is None else conversion.convert(node))


_TAKE_EVERYTHING = (str, bytes, Secret, pathlib.Path, Any)


def _by_pydantic(hint: Any) -> Conversion | None:
    """Types of pydantic (SecretStr, AnyUrl, PostgresDsn, models in lists), in classes of every kind."""
    try:
        from pydantic import TypeAdapter
    except ImportError:
        return None
    validate = TypeAdapter(hint).validate_python
    if not hasattr(hint, "model_fields"):
        return Conversion(f"a valid {hint.__name__}", validate)
    return Conversion(
        f"a valid {hint.__name__}", lambda node: validate(parse_json(node) if isinstance(node, str) else node)
    )


def _root_model(kind: Any) -> Conversion | None:
    """Return a model of pydantic that is made of one value without a name."""
    inner = conversion_of(kind.model_fields["root"].annotation)
    return inner and Conversion(inner.expected, lambda node: kind.model_validate(inner.convert(node)))


def _enum(kind: type[enum.Enum]) -> Conversion:
    """Return a member by its value, then by its name, then as the class's own `_missing_` finds it."""

    def convert(text: str) -> enum.Enum:
        for member in kind:
            if _writes(text, member.value):
                return member
        if issubclass(kind, enum.Flag):
            return _flags(kind, text)
        named = kind.__members__.get(text)
        return kind(text) if named is None else named

    names = [str(member.value) if isinstance(member.value, str | int) else member.name for member in kind]
    short = f"one of {', '.join(names)}" if len(names) <= _MOST_NAMED else f"a member of {kind.__name__}"
    return of_text(Conversion(short, convert))


def _flags(kind: type[enum.Flag], text: str) -> enum.Flag:
    """Return the combination that `text` writes as a number, or as names with `|` or commas between them."""
    if text.isascii() and text.isdigit():
        return kind(int(text))
    names = text.replace("|", ",").split(",") if text.strip() else ()
    return functools.reduce(operator.or_, (kind[name.strip()] for name in names), kind(0))


def _literal(values: tuple[Any, ...]) -> Conversion:
    def convert(text: str) -> Any:
        # Texts first: Literal[1, "1"] has both.
        for value in sorted(values, key=lambda value: not isinstance(value, str)):
            if _writes(text, value.value if isinstance(value, enum.Enum) else value):
                return value
        for value in values:
            if isinstance(value, enum.Enum) and value.name == text:
                return value
        raise ValueError

    return of_text(Conversion(f"one of {', '.join(map(_shown, values))}", convert))


def _shown(value: Any) -> str:
    return str(value.value if isinstance(value, enum.Enum) else value)


def _writes(text: str, value: Any) -> bool:
    """Return True if `text` is `value` as its type is written."""
    conversion = conversion_of(type(value)) if value is not None else None
    return conversion is not None and attempt(conversion.convert, text) == value


def _union(parts: tuple[Any, ...]) -> Conversion | None:
    """Return the first type that takes the text, in the order written, but types that take every text are the last."""
    ordered = sorted(parts, key=lambda part: bare_hint(part) in _TAKE_EVERYTHING)
    found = [conversion_of(part) for part in ordered]
    conversions = [conversion for conversion in found if conversion]
    if len(conversions) < len(found):
        return None

    def convert(node: Any) -> Any:
        for conversion in conversions:
            value = attempt(conversion.convert, node)
            if value is not UNFIT:
                return value
        raise ValueError

    return Conversion(" or ".join(conversion.expected for conversion in conversions), convert)


def _collection(make: Callable[[list[Any]], Any], arguments: tuple[Any, ...]) -> Conversion | None:
    item = conversion_of(arguments[0] if arguments else Any)
    if item is None:
        return None
    return Conversion(_list_of([item]), lambda node: make([item.convert(part) for part in _items(node)]))


def _tuple(arguments: tuple[Any, ...], *, is_bare: bool = False) -> Conversion | None:
    if is_bare or arguments[-1:] == (Ellipsis,):
        return _collection(tuple, arguments)
    found = [conversion_of(part) for part in arguments]
    items = [item for item in found if item]
    if len(items) < len(found):
        return None

    def convert(node: Any) -> tuple[Any, ...]:
        return tuple(item.convert(part) for item, part in zip(items, _items(node), strict=True))

    return Conversion(f"{_list_of(items)} ({len(items)} items)" if items else "an empty list", convert)


def _items(node: Any) -> list[Any]:
    if isinstance(node, list):
        return node
    items = json_items(node)  # raises for what is not a text
    return split_items(node) if items is None else items


def _list_of(items: list[Conversion]) -> str:
    kinds = dict.fromkeys(item.expected for item in items)
    return f"a list, by commas or in JSON, with each item {', '.join(kinds)}"


def _mapping(arguments: tuple[Any, ...]) -> Conversion | None:
    key, value = (conversion_of(part) for part in arguments or (str, Any))
    if key is None or value is None:
        return None

    def convert(node: Any) -> dict[Any, Any]:
        members = parse_json(node or "{}") if isinstance(node, str) else node
        made = {key.convert(name): value.convert(member) for name, member in members.items()}
        if len(made) < len(members):  # "1" and "01" are one key of dict[int, ...]
            raise ValueError
        return made

    return Conversion(f"a JSON object with each value {value.expected}", convert)


def _making(make: Callable[[list[Any]], Any]) -> Callable[[tuple[Any, ...]], Conversion | None]:
    return lambda arguments: _collection(make, arguments)


_CONTAINERS: dict[Any, Callable[..., Conversion | None]] = {
    **dict.fromkeys((list, collections.abc.Sequence, collections.abc.MutableSequence), _making(list)),
    **dict.fromkeys((collections.abc.Iterable, collections.abc.Collection), _making(list)),
    **dict.fromkeys((set, collections.abc.MutableSet), _making(set)),
    **dict.fromkeys((frozenset, collections.abc.Set), _making(frozenset)),
    collections.deque: _making(collections.deque),
    tuple: _tuple,
    **dict.fromkeys((dict, collections.abc.Mapping, collections.abc.MutableMapping), _mapping),
}
