"""The process environment as a mapping that prints none of its values."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping

from secretsync.core.secret import HiddenMapping

__all__ = ["AnyEnviron", "Environ", "variable_text"]


class Environ(HiddenMapping):
    """The process environment, as a mapping that prints none of its values."""

    __slots__ = ("__of",)

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.__of: Callable[[], Mapping[str, str]] = lambda: environ

    def __getitem__(self, key: str) -> str:
        return self.__of()[key]

    def __contains__(self, key: object) -> bool:
        return key in self.__of()

    def __iter__(self) -> Iterator[str]:
        return iter(self.__of())

    def __len__(self) -> int:
        return len(self.__of())


class AnyEnviron(Environ):
    """The process environment of which nobody knows what it lacks: plans made of it find every variable there.

    An audit before a deployment runs where the variables of the later process are not.
    """

    __slots__ = ()

    def __contains__(self, key: object) -> bool:
        return True


def variable_text(value: str) -> str:
    """A variable's value as UTF-8, whatever the locale says by which Python made text of its bytes.

    What is not UTF-8 stands in it as lone surrogates.
    """
    return value if value.isascii() else os.fsencode(value).decode("utf-8", "surrogateescape")
