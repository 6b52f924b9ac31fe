"""The values that pass between the parts: frozen, and silent about what is secret."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, NoReturn, TypeVar

from secretsync.core.errors import ProblemKind
from secretsync.core.records import Record

__all__ = [
    "AnyEnviron",
    "Clock",
    "Entry",
    "Environ",
    "Failed",
    "Found",
    "HiddenMapping",
    "HiddenValue",
    "Missing",
    "Origin",
    "Outcome",
    "Payload",
    "Secret",
    "SecretInfo",
    "SecretRef",
    "Selector",
    "variable_text",
]

if TYPE_CHECKING:
    from datetime import datetime

    _MappingToTypeCheckers = Mapping[str, str]
else:
    _MappingToTypeCheckers = object

MASK = "********"


def variable_text(value: str) -> str:
    """A variable's value as UTF-8, whatever the locale says by which Python made text of its bytes.

    What is not UTF-8 stands in it as lone surrogates.
    """
    return value if value.isascii() else os.fsencode(value).decode("utf-8", "surrogateescape")


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
        # Error reporters take a frame's mappings apart, and Sentry's asks for this method first.
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
    """A mapping in all that it does, but no instance of `collections.abc.Mapping`.

    Error reporters and test runners take mappings apart, and show every value of them.
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
        # A closure and not an attribute: what walks over objects (debuggers, error reporters) does not enter it.
        self.__reveal: Callable[[], str] = lambda: value

    def reveal(self) -> str:
        """The value itself."""
        return self.__reveal()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return self.__reveal() == other.__reveal()

    def __hash__(self) -> int:
        return hash(self.__reveal())

    def __bool__(self) -> bool:
        return bool(self.__reveal())


class Payload(HiddenValue):
    """What a store returned for one secret, whole: text, or bytes where the store has no text."""

    __slots__ = ("__reveal", "created", "from_file", "version")

    def __init__(
        self,
        value: str | bytes,
        *,
        version: str | None = None,
        created: datetime | None = None,
        from_file: bool = False,
    ) -> None:
        """Wrap `value`.

        `version`: the store's own id of the version, where it has one. `created`: when that version was made, aware,
        where the answer said so. `from_file`: the bytes of a file, whose one trailing line end is not part of the
        secret unless the reference says `trim=false`.
        """
        self.__reveal: Callable[[], str | bytes] = lambda: value
        self.version = version
        self.created = created
        self.from_file = from_file

    def reveal(self) -> str | bytes:
        """The value itself."""
        return self.__reveal()


class SecretRef(Record):
    """Which secret, and which version of it: all that a provider is asked."""

    store: str
    path: str
    version: str | None = None
    stage: str | None = None

    def __str__(self) -> str:
        options = "&".join(
            f"{name}={value}" for name, value in (("version", self.version), ("stage", self.stage)) if value is not None
        )
        return f"{self.store}:{self.path}?{options}" if options else f"{self.store}:{self.path}"


class Selector(Record):
    """Which part of a payload, and how it becomes text."""

    field: str | None = None  # a key, or a JSON pointer (RFC 6901) that begins with "/"
    decode: str | None = None  # "base64"
    as_: str | None = None  # "base64" or "json"
    trim: bool | None = None  # one trailing line end; None: only of files
    url: str | None = None  # "url": percent-encoded; "text": taken as it is, although it is part of a URL


class Clock(StrEnum):
    """Which of a store's dates an age is counted from."""

    VERSION_CREATED = "version created"
    LAST_ROTATED = "last rotated by the store"
    DECLARED = "declared in the bindings"
    NONE = "none"


class SecretInfo(Record, kw_only=True):
    """What a store says about a secret without giving its value. All times are aware, in UTC."""

    version: str | None = None
    created: datetime | None = None  # what the age is counted from; see `clock`
    clock: Clock = Clock.NONE
    expires: datetime | None = None
    not_before: datetime | None = None
    enabled: bool = True
    dynamic: bool = False  # leased: made for each reader
    newer_version: str | None = None  # where the reference pins an older one
    rotation_period: float | None = None  # seconds, where the store rotates by itself
    next_rotation: datetime | None = None
    pending_since: datetime | None = None  # a rotation that was begun and not ended
    deletion: datetime | None = None  # when the store will delete it
    modified: datetime | None = None  # a hint only, never an age: a file's modification time
    notes: tuple[str, ...] = ()  # what could not be found out, in words


T = TypeVar("T")


class Found(Record, Generic[T]):
    """The store has it."""

    value: T


class Missing(Record):
    """The store answered that no such secret is there."""

    cause: str = "there is no such secret"
    hint: str | None = None


class Failed(Record):
    """Everything that is neither a value nor a plain "not there". No text in it holds a part of a value."""

    kind: ProblemKind
    cause: str
    hint: str | None = None


Outcome = Found[T] | Missing | Failed


class Entry(Record, kw_only=True):
    """One `KEY=value` of an env file, as written."""

    key: str
    text: str  # the value as the env file's grammar gives it, placeholders unresolved
    literal: bool  # in single quotes: nothing in it is replaced
    file: str  # as it is shown to people: relative to the root where it is below it
    line: int  # of the key, from 1; 0: it stands in no file
    service: str | None  # None: common.env and security.env
    source: str  # the lines of the file that make the entry: columns are found in it
    comment: str | None = None  # the comment lines right above it
    column: int = 1  # of the text, where there is no source

    _unseen = ("source",)


class Origin(Record, kw_only=True):
    """Where a key's value came from. It has no room for the value."""

    key: str
    file: str
    line: int
    service: str | None
    is_secret: bool
    references: tuple[str, ...] = ()  # as written in messages: "aws:prod/app#password"
    stores: tuple[str, ...] = ()
    versions: tuple[str | None, ...] = ()


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
