"""Entries, references and outcomes: the values that pass between the packages."""

from __future__ import annotations

from secretsync.core.light import Generic, TypeVar
from secretsync.core.records import Record
from secretsync.core.secret import Hidden, Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from secretsync.core.metadata import Clock, SecretInfo, SecretOutline
    from secretsync.core.problems.kinds import ProblemKind

# Locks, sockets and polls raise OverflowError for a wait of more than some weeks.
LONGEST_WAIT = 7 * 86400.0  # seconds

__all__ = [
    "LONGEST_WAIT",
    "Clock",
    "Entry",
    "Failed",
    "Found",
    "Missing",
    "Origin",
    "Outcome",
    "Resolved",
    "SecretInfo",
    "SecretOutline",
    "SecretRef",
    "Selector",
]


def __getattr__(name: str) -> Any:
    """Import the classes of metadata only if they are used, because `enum` slows each start."""
    if name not in ("Clock", "SecretInfo", "SecretOutline"):
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    from secretsync.core import metadata

    return getattr(metadata, name)


class SecretRef(Record):
    """A secret and its version: all that a provider is asked for."""

    store: str
    path: str
    version: str | None = None
    stage: str | None = None

    def __hash__(self) -> int:
        return hash((self.store, self.path, self.version, self.stage))  # as in Record, but a secret is looked up often

    def __str__(self) -> str:
        options = "&".join(
            f"{name}={value}" for name, value in (("version", self.version), ("stage", self.stage)) if value is not None
        )
        return f"{self.store}:{self.path}?{options}" if options else f"{self.store}:{self.path}"


class Selector(Record):
    """The part of a payload that is used, and how it becomes text."""

    field: str | None = None  # a key, or a JSON pointer (RFC 6901) that begins with "/"
    decode: str | None = None  # "base64"
    as_: str | None = None  # "base64" or "json"
    trim: bool | None = None  # one trailing line end; None: only of files
    url: str | None = None  # "url": percent-encoded; "text": taken as it is, although it is part of a URL


T = TypeVar("T")


class Found(Record, Generic[T]):
    """The store returned the value or the metadata."""

    value: T


class Missing(Record):
    """The store answered that it does not have the secret.

    `detail`: why the store has none, if it is more than that; the message of a lookup in several stores has it too.
    """

    cause: str = "there is no such secret"
    hint: str | None = None
    detail: str | None = None


class Failed(Record):
    """Every other answer or failure. Its texts do not hold a part of a value."""

    kind: ProblemKind
    cause: str
    hint: str | None = None


if TYPE_CHECKING:
    Outcome = Found[T] | Missing | Failed
else:

    class Outcome:
        """What a store answered for one reference. `Outcome[Payload]` is a union of the three classes."""

        def __class_getitem__(cls, _parameter: object) -> object:
            return Found | Missing | Failed


class Entry(Record, kw_only=True):
    """One `KEY=value` of an env file, as written."""

    key: str
    text: str  # the value as the env file's grammar gives it, placeholders unresolved
    literal: bool  # in single quotes: nothing in it is replaced
    file: str  # as it is shown to people: relative to the root if it is below it
    line: int  # of the key, from 1; 0: not in a file
    service: str | None  # None: common.env and security.env
    source: str  # the lines of the file that make the entry: columns are found in it
    comment: str | None = None  # the comment lines right above it
    column: int = 1  # of the text, if there is no source

    _unseen = ("source",)


class Origin(Record, kw_only=True):
    """The origin of a key's value, without the value."""

    key: str
    file: str
    line: int
    service: str | None
    is_secret: bool
    references: tuple[str, ...] = ()  # as written in messages: "aws:prod/app#password"
    stores: tuple[str, ...] = ()
    versions: tuple[str | None, ...] = ()


class Resolved(Hidden):
    """The value of one entry, its origin, and the secrets that were inserted into it."""

    __slots__ = ("_origin", "contents", "entry", "inserted", "is_from_store", "value")

    def __init__(
        self,
        entry: Entry,
        value: Secret,
        origin: Origin | None,
        inserted: tuple[Secret, ...],
        *,
        is_from_store: bool,
        contents: tuple[Secret | None, ...] = (),
    ) -> None:
        """`origin`: None for a setting whose value is written in its file.

        `contents`: for each reference of the origin the secret that it gave if its store has files without versions,
        else None. Empty if no reference gave one.
        """
        self.entry = entry
        self.value = value
        self._origin = origin
        self.inserted = inserted
        self.contents = contents
        self.is_from_store = is_from_store  # a part comes from a store other than the process environment

    @property
    def is_secret(self) -> bool:
        """True for a secret entry."""
        return self._origin is not None and self._origin.is_secret

    @property
    def origin(self) -> Origin:
        """Where the value comes from. Most settings are never asked for it, so it is made then."""
        if self._origin is None:
            entry = self.entry
            self._origin = Origin(
                key=entry.key, file=entry.file, line=entry.line, service=entry.service, is_secret=False
            )
        return self._origin
