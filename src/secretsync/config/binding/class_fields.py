"""The fields of dataclasses, named tuples and typed dictionaries."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable
from typing import Any

from secretsync.config.binding.fields import ClassFields, class_of, field_of, hints_of

# What the classes of a library have, and the function of `library_fields` for them. pydantic's dataclasses are both.
_LIBRARIES = {"__pydantic_validator__": "of_pydantic", "__struct_fields__": "of_msgspec", "__attrs_attrs__": "of_attrs"}


def is_class_with_fields(kind: Any) -> bool:
    """Return True if `bind` fills classes of this kind."""
    return isinstance(kind, type) and _reader(kind) is not None


def fields_of(kind: type) -> ClassFields:
    """Return the fields of `kind`. Raises TypeError if `bind` does not fill classes of this kind."""
    read = _reader(kind) if isinstance(kind, type) else None
    if read is None:
        shown = f"the class {kind.__name__}" if isinstance(kind, type) else f"an object of type {type(kind).__name__}"
        message = (
            f"bind: {shown} is not a dataclass, attrs class, NamedTuple, TypedDict, msgspec Struct or pydantic model; "
            "give such a class"
        )
        raise TypeError(message)
    return read(kind)


def _reader(kind: type) -> Callable[[type], ClassFields] | None:
    if getattr(kind, "__pydantic_root_model__", False):  # one value without a name
        return None
    for mark, name in _LIBRARIES.items():
        if hasattr(kind, mark):
            from secretsync.config.binding import library_fields

            read: Callable[[type], ClassFields] = getattr(library_fields, name)
            return read
    if dataclasses.is_dataclass(kind):
        return _of_dataclass
    if issubclass(kind, tuple) and hasattr(kind, "_field_defaults"):
        return _of_named_tuple
    if dict in kind.__mro__ and hasattr(kind, "__required_keys__"):
        return _of_typed_dict
    return None


def _of_dataclass(kind: type) -> ClassFields:
    hints, fields = hints_of(kind), []
    own = {field.name for field in dataclasses.fields(kind)}
    for name, field in kind.__dataclass_fields__.items():  # type: ignore[attr-defined] # with InitVar and ClassVar
        if field.init and (name in own or isinstance(hints[name], dataclasses.InitVar)):
            missing = dataclasses.MISSING
            is_required = field.default is missing and field.default_factory is missing
            fields.append(field_of(name, hints[name], is_required=is_required, metadata=field.metadata))
    return class_of(kind, fields)


def _of_named_tuple(kind: Any) -> ClassFields:
    hints = hints_of(kind)
    names = kind._fields
    fields = [field_of(name, hints.get(name, str), is_required=name not in kind._field_defaults) for name in names]
    return class_of(kind, fields)


def _of_typed_dict(kind: Any) -> ClassFields:
    fields = []
    for name, hint in hints_of(kind).items():
        is_required = name in kind.__required_keys__
        # If annotations are texts, the class itself does not see these.
        origin = getattr(typing.get_origin(hint), "_name", None)
        if origin in ("Required", "NotRequired"):
            is_required = origin == "Required"
        fields.append(field_of(name, hint, is_required=is_required))
    return class_of(kind, fields, make=dict)
