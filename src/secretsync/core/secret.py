"""Values that hide themselves when they are printed: secrets, payloads and the process environment."""

from __future__ import annotations

import os
from _collections_abc import Mapping  # the home of collections.abc, without the import of collections

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from typing import Any, NoReturn

    from secretsync.core.lease import Lease

    _MappingToTypeCheckers = Mapping[str, str]
else:
    _MappingToTypeCheckers = object

MASK = "********"


class Hidden:
    """Base of everything that holds a secret: `repr`, `str` and `format` give a mask with the name of the type."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {MASK}>"

    def __str__(self) -> str:
        return repr(self)

    def __format__(self, format_spec: str) -> str:
        return repr(self)

    def __sentry_repr__(self) -> str:
        # Error reporters show the items of a frame's mappings. Sentry's reporter calls this method first.
        return repr(self)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        message = f"a {type(self).__name__} cannot be pickled: it would leave the process in plain text"
        raise TypeError(message)

    def __copy__(self) -> Hidden:
        return self

    def __deepcopy__(self, memo: object) -> Hidden:
        return self


class HiddenValue(Hidden):
    """Base of a single hidden value: it refuses each operation that would use the mask in place of the value.

    A library that takes a constant mask for a key signs with a key that anybody knows.
    """

    __slots__ = ()

    def __str__(self) -> str:
        raise self._refusal()

    def __format__(self, format_spec: str) -> str:
        raise self._refusal()

    def __bytes__(self) -> NoReturn:
        raise self._refusal()

    def __bool__(self) -> bool:
        return True  # as for any object; otherwise Python would ask `__len__`

    def _refusal(self) -> TypeError:
        name = type(self).__name__
        return TypeError(f"a {name} is not text, bytes or a number; call .reveal() for its value, repr() for a mask")

    if not TYPE_CHECKING:
        # Hidden from type checkers, so that they report these operations as errors too.

        def _refuse(self, *_: object) -> NoReturn:
            raise self._refusal()

        __add__ = __radd__ = __mod__ = __rmod__ = __mul__ = __rmul__ = _refuse
        # No `__getitem__`: `"text" % secret` would take the Secret for a mapping, and return the text.
        __len__ = __iter__ = __contains__ = _refuse
        __int__ = __float__ = __index__ = __fspath__ = _refuse
        del _refuse


class HiddenMapping(Hidden, _MappingToTypeCheckers):
    """A mapping that is not an instance of `collections.abc.Mapping`.

    Error reporters and test runners show every value of a Mapping.
    """

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]

    if not TYPE_CHECKING:
        get, keys, items, values = Mapping.get, Mapping.keys, Mapping.items, Mapping.values

    def __contains__(self, key: object) -> bool:
        return any(key == one for one in self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, HiddenMapping | Mapping):
            return NotImplemented
        return dict(self) == dict(other)


class Secret(HiddenValue):
    """A resolved value that only `reveal()` returns.

    `repr` returns a mask. TypeError that names `.reveal()` is raised by `str`, `format` (f-strings, `"{}".format`),
    `bytes`, `int`, `float` and `os.fspath`; by `+`, `%` and `*` on either side; by `len`, iteration and `in`.
    Indexing and functions that require text or bytes (`"".join`, `json.dumps`, `hmac.new`, `hashlib`,
    `urllib.parse.quote`, `os.environ[...] =`) raise TypeErrors of their own, and methods of text such as `.encode()` an
    AttributeError.
    `copy` returns the same object, and pickling raises TypeError.

    `==` compares two Secrets. A Secret never equals a `str` or `bytes`, whatever its value: compare `.reveal()`, with
    `hmac.compare_digest` if the other side is a guess. A Secret can be a key of a dictionary, found by an equal Secret
    only. `bool` is False if the value is empty.

    `log.info("%s", secret)` cannot be formatted: `logging` prints an error that shows the mask and not the record's
    text. Write `%r`, or install the log filter, which shows the mask.
    """

    __slots__ = ("__reveal",)

    def __init__(self, value: str) -> None:
        # A closure and not an attribute, because debuggers and error reporters show attributes.
        self.__reveal: Callable[[], str] = lambda: value

    def reveal(self) -> str:
        """Return the value."""
        try:
            return self.__reveal()
        except BaseException as error:
            from secretsync.core.frames import clear_frames

            clear_frames(error)
            raise

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return self.__reveal() == other.__reveal()

    def __hash__(self) -> int:
        return hash(self.__reveal())

    def __bool__(self) -> bool:
        return bool(self.__reveal())


class Payload(HiddenValue):
    """The complete value that a store returned for one secret: text, or bytes if the store does not have text."""

    __slots__ = ("__derived", "__reveal", "created", "ends_with", "from_file", "lease", "lifetime", "version")

    def __init__(
        self,
        value: str | bytes,
        *,
        version: str | None = None,
        created: datetime | None = None,
        from_file: bool = False,
        lifetime: float | None = None,
        ends_with: str = "its lease",
        lease: Lease | None = None,
    ) -> None:
        """Wrap `value`.

        `version`: the store's id of the version, or None. `created`: when that version was created, aware; None
        means unknown. `from_file`: the bytes of a file, whose one trailing line end is not part of the
        secret unless the reference says `trim=false`. `lifetime`: seconds after which the store ends the value; None
        means that it does not. `ends_with`: what ends then, for messages. `lease`: the lease of the value; None means
        that it has none that could be renewed.
        """
        self.__reveal: Callable[[], str | bytes] = lambda: value
        self.__derived: Callable[[], Any] | None = None
        self.version = version
        self.created = created
        self.from_file = from_file
        self.lifetime = lifetime
        self.ends_with = ends_with
        self.lease = lease

    def reveal(self) -> str | bytes:
        """Return the value."""
        return self.__reveal()

    def derive(self, make: Callable[[], Any]) -> Any:
        """Return what `make` makes of the value, such as its JSON document. It is called once for each payload."""
        if self.__derived is None:
            made = make()
            self.__derived = lambda: made
        return self.__derived()


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
