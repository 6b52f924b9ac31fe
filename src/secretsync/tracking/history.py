"""The recorded states of an environment, as records and as JSON, without the values of secrets and their hashes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from secretsync.core.records import Record as Frozen
from secretsync.core.timestamps import format_timestamp, parse_timestamp

SCHEMA = 1
_Kind = TypeVar("_Kind")


class RecordedPlaceholder(Frozen, kw_only=True):
    """One placeholder: the possible places of its secret, and the answer of the stores without the value."""

    references: tuple[str, ...]  # in the order in which they are asked
    answer: str | None = None  # the reference that decides
    version: str | None = None  # the store's own id
    status: str | None = None  # found, disabled, missing, unusable; None: no store was asked


class EntryState(Frozen, kw_only=True):
    """One entry. `value` is its text in the file, or None if the text may be a secret."""

    key: str
    service: str | None
    file: str  # relative to the environment's folder, so that two environments can be compared
    value: str | None
    sources: tuple[RecordedPlaceholder, ...] = ()


class StoreSetup(Frozen, kw_only=True):
    """One store with its settings. A setting that may be a secret is None."""

    name: str
    provider: str
    settings: tuple[tuple[str, str | None], ...] = ()


class EnvironmentState(Frozen, kw_only=True):
    """The state of an environment at one time."""

    environment: str
    entries: tuple[EntryState, ...]
    stores: tuple[StoreSetup, ...] = ()
    offline: bool = False  # the stores were not asked


class HistoryRecord(Frozen, kw_only=True):
    """A state, with the time and the actor of its recording."""

    time: datetime
    state: EnvironmentState
    actor: Mapping[str, str | int]
    message: str | None = None
    commit: str | None = None  # of the project's git repository
    uncommitted: bool = False  # env/ or providers/ differed from it


class DamagedError(Exception):
    """A text is not a history. `cause` ends a sentence that begins with the name of the file."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


# Writing


def history_as_json(environment: str, records: Sequence[HistoryRecord]) -> dict[str, Any]:
    """Return the document of a history file, with the oldest record first."""
    return {"schema": SCHEMA, "environment": environment, "records": [as_json(record) for record in records]}


def as_json(record: HistoryRecord) -> dict[str, Any]:
    """Return one record."""
    return {
        "time": format_timestamp(record.time),
        "actor": dict(record.actor),
        "message": record.message,
        "commit": record.commit,
        "uncommitted": record.uncommitted,
        "offline": record.state.offline,
        "entries": [entry_as_json(entry) for entry in record.state.entries],
        "stores": [setup_as_json(setup) for setup in record.state.stores],
    }


def entry_as_json(entry: EntryState) -> dict[str, Any]:
    """Return one entry of a record."""
    return {
        "key": entry.key,
        "service": entry.service,
        "file": entry.file,
        "value": entry.value,
        "sources": [
            {
                "references": list(source.references),
                "answer": source.answer,
                "version": source.version,
                "status": source.status,
            }
            for source in entry.sources
        ],
    }


def setup_as_json(setup: StoreSetup) -> dict[str, Any]:
    """Return one store of a record."""
    return {"name": setup.name, "provider": setup.provider, "settings": dict(setup.settings)}


# Reading. A file with any damage is refused, because a part of a history would look like the whole.


def parse_history(text: str) -> tuple[str, tuple[HistoryRecord, ...]]:
    """Return the environment of a history, and its records. Raises DamagedError if the text is not a history."""
    import json

    cause = None
    try:
        document = json.loads(text)
    except RecursionError:
        cause = "is nested too deeply"
    except ValueError:
        cause = "is not JSON" if text.strip() else "is empty"
    if cause is not None:
        raise DamagedError(cause)
    if not isinstance(document, dict) or "records" not in document:
        raise DamagedError("has no records in it")
    if document.get("schema") != SCHEMA:
        raise DamagedError(f"has another schema than {SCHEMA}: another version of SecretSync wrote it")
    environment = _member(document, "environment", str)
    return environment, tuple(_record(one, environment) for one in _member(document, "records", list))


def _record(document: Any, environment: str) -> HistoryRecord:
    time = parse_timestamp(_member(document, "time", str))
    actor = _member(document, "actor", dict)
    if time is None or not all(isinstance(value, str | int) for value in actor.values()):
        raise DamagedError("has a record without a valid time or actor")
    return HistoryRecord(
        time=time,
        actor=actor,
        message=_optional(document, "message"),
        commit=_optional(document, "commit"),
        uncommitted=_member(document, "uncommitted", bool),
        state=EnvironmentState(
            environment=environment,
            offline=_member(document, "offline", bool),
            entries=tuple(_entry(one) for one in _member(document, "entries", list)),
            stores=tuple(_setup(one) for one in _member(document, "stores", list)),
        ),
    )


def _entry(document: Any) -> EntryState:
    return EntryState(
        key=_member(document, "key", str),
        service=_optional(document, "service"),
        file=_member(document, "file", str),
        value=_optional(document, "value"),
        sources=tuple(_source(one) for one in _member(document, "sources", list)),
    )


def _source(document: Any) -> RecordedPlaceholder:
    references = _member(document, "references", list)
    if not all(isinstance(one, str) for one in references):
        raise DamagedError("has a reference that is not a text")
    return RecordedPlaceholder(
        references=tuple(references),
        answer=_optional(document, "answer"),
        version=_optional(document, "version"),
        status=_optional(document, "status"),
    )


def _setup(document: Any) -> StoreSetup:
    settings = _member(document, "settings", dict)
    if not all(value is None or isinstance(value, str) for value in settings.values()):
        raise DamagedError("has a store with settings that are not texts")
    return StoreSetup(
        name=_member(document, "name", str),
        provider=_member(document, "provider", str),
        settings=tuple(settings.items()),
    )


def _member(document: Any, name: str, kind: type[_Kind]) -> _Kind:
    """Return a member of an object. Raises DamagedError if it does not exist or is of another type."""
    member = document.get(name) if isinstance(document, dict) else None
    if not isinstance(member, kind):
        raise DamagedError(f"has a part without its {name!r}")
    return member


def _optional(document: Any, name: str) -> str | None:
    return None if isinstance(document, dict) and document.get(name, "") is None else _member(document, name, str)
