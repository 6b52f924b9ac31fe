"""Entries, references and outcomes: the values that pass between the packages."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Generic, TypeVar

from secretsync.core.errors import ProblemKind
from secretsync.core.records import Record

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["Clock", "Entry", "Failed", "Found", "Missing", "Origin", "Outcome", "SecretInfo", "SecretRef", "Selector"]


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
