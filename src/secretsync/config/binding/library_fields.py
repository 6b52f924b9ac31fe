"""The fields of the classes of attrs, msgspec and pydantic.

Each library is imported only if the application's class is made with it.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any

from secretsync.config.binding.fields import ClassFields, Field, capitals, class_of, field_of, hints_of, keys_of_alias
from secretsync.config.binding.hint_wrappers import annotations_of, bare_hint
from secretsync.config.binding.type_hints import conversion_of, has_pydantic_schema
from secretsync.config.convert import Conversion, scalar_text


def of_attrs(kind: Any) -> ClassFields:
    """Return the fields of an attrs class. Its converters take typed values, or the text if they are annotated so."""
    import attrs

    hints, fields = hints_of(kind), []
    for one in attrs.fields(kind):
        if one.init:
            hint = hints.get(one.name, one.type or (str if one.converter else None))
            known: dict[str, Any] = {"argument": one.alias, "metadata": one.metadata}
            if one.converter and (conversion_of(hint) is None or _takes_text(one.converter)):
                known["conversion"] = Conversion(f"what the converter of {one.name} takes", scalar_text)
            # `_level` is LEVEL, as the argument is `level`.
            known["names"] = (capitals(one.name.lstrip("_")),)
            fields.append(field_of(one.name, hint, is_required=one.default is attrs.NOTHING, **known))

    def refusals(values: dict[str, Any], _error: Exception | None) -> Mapping[str | None, str]:
        """Return the validators that refuse, because the class itself stops at the first."""
        probe, found = object.__new__(kind), {}
        checked = [one for one in attrs.fields(kind) if one.alias in values]
        for one in checked:
            object.__setattr__(probe, one.name, values[one.alias])
        for one in checked:
            if one.validator and not one.converter:
                try:
                    one.validator(probe, one, values[one.alias])
                except Exception as error:  # noqa: BLE001 - its message may hold the value
                    found[one.alias] = type(error).__name__
        return found

    return class_of(kind, fields, refusals=refusals)


def _takes_text(converter: Any) -> bool:
    """Return True if the converter's argument is annotated as `str`."""
    annotations = {**getattr(converter, "__annotations__", {})}
    annotations.pop("return", None)
    return next(iter(annotations.values()), None) in (str, "str")


def of_msgspec(kind: Any) -> ClassFields:
    """Return the fields of a Struct. `Struct(...)` checks nothing, so that each value is checked by `convert`."""
    import msgspec

    def checked(hint: Any) -> Conversion:
        known = conversion_of(hint)
        if known is None:  # a type that msgspec alone knows
            return Conversion(f"a valid {_name_of(hint)}", lambda text: _by_msgspec(text, hint))
        expected = " with ".join([known.expected, *(repr(mark) for mark in annotations_of(hint) if _is_meta(mark))])
        return Conversion(expected, lambda text: _checked_by_msgspec(known.convert(text), hint))

    fields = [
        field_of(
            one.name,
            one.type,
            is_required=one.required,
            names=keys_of_alias(one.encode_name),
            conversion=checked(one.type),
        )
        for one in msgspec.structs.fields(kind)
    ]
    return class_of(kind, fields)


def _checked_by_msgspec(value: Any, hint: Any) -> Any:
    import msgspec

    try:
        return msgspec.convert(value, hint)
    except TypeError:  # msgspec does not know the type, therefore it has no constraints for it
        return value


def _by_msgspec(text: str, hint: Any) -> Any:
    import msgspec

    if text.lstrip()[:1] in ("[", "{"):
        return msgspec.json.decode(text, type=hint, strict=False)
    return msgspec.convert(text, hint, strict=False)


def _is_meta(mark: Any) -> bool:
    return type(mark).__module__.split(".")[0] == "msgspec"


def _name_of(hint: Any) -> str:
    return getattr(bare_hint(hint), "__name__", "value of its type")


def of_pydantic(kind: Any) -> ClassFields:
    """Return the fields of a model or of a pydantic dataclass, which checks typed values by its own rules."""
    from pydantic_core import ValidationError, core_schema

    if not kind.__pydantic_complete__ and hasattr(kind, "model_rebuild"):
        kind.model_rebuild()
    known_reasons = typing.get_args(core_schema.ErrorType)
    is_model = hasattr(kind, "model_validate")
    declared = kind.__pydantic_fields__ if hasattr(kind, "__pydantic_fields__") else kind.model_fields
    fields = [_pydantic_field(kind, name, one) for name, one in declared.items()]

    make = kind.model_validate if is_model else lambda values: kind(**values)

    def refusals(values: dict[str, Any], error: Exception | None) -> Mapping[str | None, str]:
        if error is None:
            try:
                make(values)
            except Exception as raised:  # noqa: BLE001 - also of the application's validators
                error = raised
        found: dict[str | None, str] = {}
        if isinstance(error, ValidationError):
            for one in error.errors(include_url=False, include_context=False, include_input=False):
                place = str(next(iter(one["loc"]), ""))
                # The name of another error is the application's own text.
                reason = one["type"] if one["type"] in known_reasons else "value_error"
                found[place if place in values else None] = reason
        return found

    return class_of(kind, [one for one in fields if one], make=make, refusals=refusals)


def _pydantic_field(kind: Any, name: str, one: Any) -> Field | None:
    if getattr(one, "init", None) is False:  # from pydantic 2.7 on
        return None
    alias = one.validation_alias or one.alias
    aliases = [choice for choice in getattr(alias, "choices", [alias]) if isinstance(choice, str)]
    config = getattr(kind, "model_config", None) or getattr(kind, "__pydantic_config__", {})
    conversion = conversion_of(one.annotation)
    if conversion is None or _is_given_text(kind, name, one.metadata):
        conversion = Conversion(f"a valid {_name_of(one.annotation)}", scalar_text)
    return field_of(
        name,
        one.annotation,
        is_required=one.is_required(),
        argument=aliases[0] if aliases and config.get("validate_by_alias", True) else name,
        names=tuple(key for word in aliases or [name] for key in keys_of_alias(word)),
        annotations=one.metadata,
        metadata=getattr(getattr(kind, "__dataclass_fields__", {}).get(name), "metadata", {}),
        conversion=conversion,
    )


def _is_given_text(kind: Any, name: str, metadata: list[Any]) -> bool:
    """Return True if a validator of the field wants the text itself: mode before, plain or wrap, Json, FilePath."""
    if any(has_pydantic_schema(mark) and type(mark).__name__ != "AfterValidator" for mark in metadata):
        return True
    decorators = kind.__pydantic_decorators__
    infos = [one.info for one in (*decorators.field_validators.values(), *decorators.validators.values())]
    return any(info.mode != "after" and (name in info.fields or "*" in info.fields) for info in infos)
