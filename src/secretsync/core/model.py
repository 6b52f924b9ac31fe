"""Entries, references and outcomes: the values that pass between the packages."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Generic, TypeVar

from secretsync.core.errors import ProblemKind
from secretsync.core.records import Record
from secretsync.core.secret import Hidden, Secret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class SecretRef(Record):
    """A secret and its version: all that a provider is asked for."""

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
    """The part of a payload that is used, and how it becomes text."""

    field: str | None = None  # a key, or a JSON pointer (RFC 6901) that begins with "/"
    decode: str | None = None  # "base64"
    as_: str | None = None  # "base64" or "json"
    trim: bool | None = None  # one trailing line end; None: only of files
    url: str | None = None  # "url": percent-encoded; "text": taken as it is, although it is part of a URL


class Clock(StrEnum):
    """The date of a store from which an age is counted."""

    VERSION_CREATED = "version created"
    LAST_ROTATED = "last rotated by the store"
    DECLARED = "declared in the bindings"
    NONE = "none"


class SecretInfo(Record, kw_only=True):
    """The metadata of a secret in its store, without its value. All times are aware, in UTC."""

    version: str | None = None
    created: datetime | None = None  # what the age is counted from; see `clock`
    clock: Clock = Clock.NONE
    expires: datetime | None = None
    not_before: datetime | None = None
    enabled: bool = True
    dynamic: bool = False  # leased: made for each reader
    newer_version: str | None = None  # if the reference pins an older version
    rotation_period: float | None = None  # seconds, if the store rotates the secret itself
    next_rotation: datetime | None = None
    pending_since: datetime | None = None  # the start of a rotation that has not ended
    deletion: datetime | None = None  # when the store will delete it
    modified: datetime | None = None  # a hint only, never an age: a file's modification time
    notes: tuple[str, ...] = ()  # for people: what the store did not answer


class SecretOutline(Record, kw_only=True):
    """The structure of a secret without its values, and the right to read it.

    `fields`: the JSON object of the secret with None in place of each value that is not an object; None means unknown.
    `is_readable`: this process may read the value; None means unknown.
    """

    fields: Mapping[str, object] | None = None
    is_readable: bool | None = None


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


Outcome = Found[T] | Missing | Failed


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

    __slots__ = ("_origin", "entry", "inserted", "is_from_store", "value")

    def __init__(
        self, entry: Entry, value: Secret, origin: Origin | None, inserted: tuple[Secret, ...], *, is_from_store: bool
    ) -> None:
        """`origin`: None for a setting whose value is written in its file."""
        self.entry = entry
        self.value = value
        self._origin = origin
        self.inserted = inserted
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
