"""The metadata of a secret in its store. Imported only if a store is asked for metadata."""

from __future__ import annotations

from enum import StrEnum

from secretsync.core.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


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
