"""An application's own typed settings: a dataclass filled from a configuration."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable
from typing import Any, TypeVar

from secretsync.config import Config
from secretsync.errors import ConfigurationError, MissingKeyError, Problem, ProblemKind, SecretSyncError
from secretsync.model import Secret

__all__ = ["bind"]

T = TypeVar("T")


def bind(config: Config, kind: type[T], *, service: str | None = None) -> T:
    """An instance of the dataclass `kind`, each field from the key of its name in capitals.

    A field is `str`, `int`, `float`, `bool`, `list[str]`, `Secret` (which hides itself, also in the instance's repr),
    one of these `| None`, or another dataclass. `field(metadata={"key": "DB_URL"})` names another key,
    `metadata={"service": "database"}` another service's view. A default, or None for `| None`, stands in for a key
    that is not there.

    Raises ConfigurationError with every key that is missing or of another type; TypeError where `kind` is no dataclass
    or a field's type is none of these.
    """
    if not (isinstance(kind, type) and dataclasses.is_dataclass(kind)):
        message = f"{kind!r} is not a dataclass"
        raise TypeError(message)
    hints = typing.get_type_hints(kind)
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for field in dataclasses.fields(kind):
        if not field.init:
            continue
        found = _value(config, field, hints[field.name], service)
        if isinstance(found, list) and found and isinstance(found[0], Problem):
            problems += found
        elif found is not _ABSENT:
            values[field.name] = found
    if problems:
        del values
        raise ConfigurationError(problems)
    return typing.cast("T", kind(**values))


_ABSENT: Any = object()  # the dataclass has a default


def _value(config: Config, field: dataclasses.Field[Any], hint: Any, service: str | None) -> Any:
    """The field's value, `_ABSENT` where its default stands in, or a list of problems."""
    service = field.metadata.get("service", service)
    key = field.metadata.get("key", field.name.upper())
    hint, is_optional = _without_none(hint)
    try:
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            return bind(config, hint, service=service)
        return _read(config, key, hint, service, field.name)
    except MissingKeyError as error:
        if field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING:
            return _ABSENT
        if is_optional:
            return None
        problem = error.problems[0]
        cause, kind = "it is required and there is no such key", ProblemKind.CONFIGURATION
        return [Problem(kind=kind, key=problem.key, cause=cause, hint=problem.hint)]
    except SecretSyncError as error:
        return list(error.problems)


def _without_none(hint: Any) -> tuple[Any, bool]:
    """`X` and True for `X | None`; other types as they are."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        rest = [part for part in typing.get_args(hint) if part is not type(None)]
        if len(rest) == 1:
            return rest[0], True
    return hint, False


def _read(config: Config, key: str, hint: Any, service: str | None, name: str) -> Any:
    if hint is str:
        text = config.get(key, service=service)
        if text is None:
            scope = config if service is None else config.service(service)
            return scope[key]  # raises, with the nearest keys
        return text
    if hint is Secret:
        scope = config if service is None else config.service(service)
        return scope.secret(key)
    if hint == list[str]:
        return config.get_list(key, service=service)
    getters: dict[Any, Callable[..., Any]] = {int: config.get_int, float: config.get_float, bool: config.get_bool}
    if hint not in getters:
        message = f"{name}: a field is str, int, float, bool, list[str], Secret, one of these | None, or a dataclass"
        raise TypeError(message)
    return getters[hint](key, service=service)
