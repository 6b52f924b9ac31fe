"""The process environment as a mapping that prints none of its values."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping

from secretsync.core.secret import HiddenMapping


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
    """A process environment that is not known completely: a plan finds every variable in it.

    An audit before a deployment does not have the variables of the later process.
    """

    __slots__ = ()

    def __contains__(self, key: object) -> bool:
        return True


def variable_text(value: str) -> str:
    """Return a variable's value decoded as UTF-8, whatever locale Python used to decode it.

    Bytes that are not UTF-8 become lone surrogates.
    """
    return value if value.isascii() else os.fsencode(value).decode("utf-8", "surrogateescape")
