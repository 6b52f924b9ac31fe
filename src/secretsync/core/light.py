"""Provide the few parts of `typing`, `enum`, `types` and `importlib` that each start needs, without their imports."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from enum import StrEnum as Choices
    from types import MappingProxyType, ModuleType
    from typing import Any, Generic, Protocol, TypeVar, cast, overload
else:
    MappingProxyType = type(type.__dict__)  # as `types` makes it

    class Generic:
        """Base of a class with a type parameter: `Found[Payload]` is `Found`."""

        __slots__ = ()

        def __class_getitem__(cls, _parameter: object) -> type:
            return cls

    def TypeVar(name: str, *_: object, **__: object) -> str:  # noqa: N802 - the name that type checkers know
        """Return the name of a type parameter."""
        return name

    class Protocol:
        """Base of an interface that only type checkers check."""

        __slots__ = ()

    def cast(_kind: object, value: object) -> object:
        """Return the value."""
        return value

    def overload(function: object) -> object:
        """Return the function: only type checkers use the signatures."""
        return function

    class _ChoicesType(type):
        """Make a member of each text in the body of the class."""

        def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> _ChoicesType:
            made = super().__new__(mcs, name, bases, namespace)
            made._members = tuple(key for key, text in namespace.items() if key[0] != "_" and isinstance(text, str))
            for key in made._members:
                setattr(made, key, made(namespace[key]))
            return made

        def __iter__(cls) -> Iterator[str]:
            return (getattr(cls, key) for key in cls._members)

    class Choices(str, metaclass=_ChoicesType):
        """Base of a closed choice of texts inside SecretSync. Type checkers take it for an enumeration."""

        __slots__ = ()


def import_module(name: str) -> ModuleType:
    """Import a module by its full name, as `importlib.import_module` does."""
    __import__(name)
    return sys.modules[name]


__all__ = ["Choices", "Generic", "MappingProxyType", "Protocol", "TypeVar", "cast", "import_module", "overload"]
