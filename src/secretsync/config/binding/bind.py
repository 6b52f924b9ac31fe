"""An application's own typed settings: a class filled from a configuration."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeVar, cast

from secretsync.config.binding.class_fields import fields_of, is_class_with_fields
from secretsync.config.binding.fields import ClassFields, Field
from secretsync.config.binding.hint_wrappers import without_none
from secretsync.config.convert import UNFIT, Conversion, attempt, value_problem
from secretsync.core.errors import ConfigurationError, MissingKeyError, Problem, ProblemKind
from secretsync.core.records import Record

if TYPE_CHECKING:
    from secretsync.config.config import Config

T = TypeVar("T")

_PACKAGE = os.path.join(os.path.dirname(os.path.dirname(__file__)), "")  # secretsync.config
_ABSENT: Any = object()  # the class has a default, or there is a problem


def bind(config: Config, kind: type[T], *, service: str | None = None) -> T:
    """Return an instance of `kind`: a dataclass, attrs class, NamedTuple, TypedDict, msgspec Struct or pydantic model.

    Each field comes from the key of its name in capitals. The fields of a class in the field `database` come from
    keys that begin with DATABASE_. `field(metadata={"key": ..., "service": ...})` of dataclasses and attrs, and
    `Annotated[..., Key(name, service=...)]` in classes of every kind, name another key and another service's scope.
    A default, or None for `| None`, is taken if the key does not exist. docs/library.md has the types of fields.

    `service`: read the scope of that service.
    Raises ConfigurationError with every key that is missing or has a value of another type, and with what the class
    itself refuses; TypeError if `kind` is another class or a field has a type that no text becomes; UsageError if
    there is no such service. No message and no exception that is chained holds a value.
    """
    # Everything that may raise is done before the first value is read, so that no traceback has a frame with one.
    plan = _plan(config if service is None else config.service(service), kind, "", ())
    problems: list[Problem] = []
    instance = _instance(plan, problems)
    if problems:
        del instance
        raise ConfigurationError(problems)
    return cast("T", instance)


class _Leaf(Record):
    """A field that one key gives."""

    field: Field
    scope: Config
    keys: tuple[str, ...]  # the first that exists
    conversion: Conversion
    takes_none: bool
    place: str


class _Branch(Record):
    """A class, and where its fields are."""

    field: Field | None  # None: the outermost class
    made: ClassFields
    members: tuple[_Leaf | _Branch, ...]
    takes_none: bool
    whole: _Leaf | None = None  # the key that may have all fields as a JSON object


def _plan(
    scope: Config,
    kind: Any,
    prefix: str,
    outer: tuple[Any, ...],
    field: Field | None = None,
    whole: _Leaf | None = None,
) -> _Branch:
    """Find the keys of all fields, without reading a value."""
    if kind in outer:
        message = f"{kind.__qualname__} contains itself: settings have a fixed depth"
        raise TypeError(message)
    made = fields_of(kind)
    members = tuple(_member(scope, made, one, prefix, (*outer, kind)) for one in made.fields)
    return _Branch(field, made, members, field is not None and without_none(field.hint)[1], whole)


def _member(scope: Config, made: ClassFields, field: Field, prefix: str, outer: tuple[Any, ...]) -> _Leaf | _Branch:
    service, name = field.key.service, field.key.name
    if service is not None:
        scope, prefix = scope.service(service), ""  # the service's file is the name space
    keys = tuple(prefix + word for word in field.names) if name is None else (name,)
    kind, takes_none = without_none(field.hint)
    place = f"{made.name}.{field.name}"
    if is_class_with_fields(kind):
        inner = "" if keys[0] == "" or (service is not None and name is None) else f"{keys[0]}_"
        return _plan(scope, kind, inner, outer, field, _whole(field, scope, keys, place) if inner else None)
    if field.conversion is None:
        message = f"{place}: {field.hint!r} is not a type that the text of a value becomes; see docs/library.md"
        raise TypeError(message)
    return _Leaf(field, scope, keys, field.conversion, takes_none, place)


def _whole(field: Field, scope: Config, keys: tuple[str, ...], place: str) -> _Leaf | None:
    return _Leaf(field, scope, keys, field.conversion, False, place) if field.conversion else None  # noqa: FBT003


def _instance(branch: _Branch, problems: list[Problem]) -> Any:
    """Return the instance, or _ABSENT with its problems added. This never raises: its variables are values."""
    values: dict[str, Any] = {}
    before = len(problems)
    for member in branch.members:
        value = _branch_value(member, problems) if isinstance(member, _Branch) else _leaf_value(member, problems)
        if value is not _ABSENT and member.field is not None:
            values[member.field.argument] = value
    if len(problems) > before:
        problems += _refused(branch, values, None)
        return _ABSENT
    try:
        return branch.made.make(values)
    except Exception as error:  # noqa: BLE001 - of the application or a library; the message may hold a value
        problems += _refused(branch, values, error)
        return _ABSENT


def _branch_value(branch: _Branch, problems: list[Problem]) -> Any:
    field, whole = branch.field, branch.whole
    if whole is not None and not _is_there(branch):
        key = _found_key(whole)
        if key is not None and str(whole.scope.get(key)).lstrip().startswith("{"):
            return _leaf_value(whole, problems)
    if field is not None and (branch.takes_none or not field.is_required) and not _is_there(branch):
        return _ABSENT if not field.is_required else None
    return _instance(branch, problems)


def _is_there(branch: _Branch) -> bool:
    return any(_is_there(one) if isinstance(one, _Branch) else _found_key(one) is not None for one in branch.members)


def _found_key(leaf: _Leaf) -> str | None:
    return next((key for key in leaf.keys if leaf.scope.get(key) is not None), None)


def _leaf_value(leaf: _Leaf, problems: list[Problem]) -> Any:
    key = _found_key(leaf)
    if key is None:
        if not leaf.field.is_required:
            return _ABSENT
        if leaf.takes_none:
            return None
        problems.append(_missing(leaf))
        return _ABSENT
    value = attempt(leaf.conversion.convert, leaf.scope.get(key))
    if value is UNFIT:
        problems.append(value_problem(leaf.scope, key, f"its value is not {leaf.conversion.expected}"))
        return _ABSENT
    return value


def _missing(leaf: _Leaf) -> Problem:
    hint = None
    try:
        leaf.scope.origin(leaf.keys[0])
    except MissingKeyError as error:
        hint = error.problems[0].hint  # with the nearest key
    cause = f"there is no such key, and {leaf.place} requires {leaf.conversion.expected}"
    return Problem(kind=ProblemKind.CONFIGURATION, key=leaf.keys[0], cause=cause, hint=hint)


def _refused(branch: _Branch, values: dict[str, Any], error: Exception | None) -> Iterator[Problem]:
    """Return what the class refuses. `error` is None if some fields have problems already."""
    refusals = dict(branch.made.refusals(values, error))
    is_of_fields = any(argument is not None for argument in refusals)
    for member in branch.members:
        reason = refusals.pop(member.field.argument, None) if member.field else None
        if reason and isinstance(member, _Leaf):
            key = _found_key(member) or member.keys[0]
            cause = f"its value, {member.conversion.expected}, is refused by {member.place}: {reason}"
            yield value_problem(member.scope, key, cause)
        elif reason:
            refusals[None] = reason
    if error is not None and (refusals or not is_of_fields):
        reason = refusals.get(None, type(error).__name__)
        cause = f"{branch.made.name} refuses the values: {reason}"
        yield Problem(kind=ProblemKind.CONFIGURATION, cause=cause, hint=_raised_at(error))


def _raised_at(error: Exception) -> str | None:
    """Return the place in the application's own code that raised the exception, without its message."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if "site-packages" not in frame.filename and not frame.filename.startswith(("<", _PACKAGE)):
            return f"raised at {frame.filename}:{frame.lineno}"
    return None
