"""What an environment was at a moment, as records and as JSON: no value of a secret, no hash or length of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from secretsync.core.records import Record as Frozen
from secretsync.core.timestamps import format_timestamp, parse_timestamp

__all__ = ["DamagedError", "EntryState", "EnvironmentState", "HistoryRecord", "RecordedPlaceholder", "StoreSetup"]
__all__ += ["as_json", "entry_as_json", "history_as_json", "parse_history", "setup_as_json"]

SCHEMA = 1


class RecordedPlaceholder(Frozen, kw_only=True):
    """One placeholder: where its secret may be, and what the stores said of it without giving its value."""

    references: tuple[str, ...]  # in the order in which they are asked
    answer: str | None = None  # the one of them that decides
    version: str | None = None  # the store's own id
    status: str | None = None  # found, disabled, missing, unusable; None: no store was asked


class EntryState(Frozen, kw_only=True):
    """One entry. `value` is the text that the file has; None where that may be a secret."""

    key: str
    service: str | None
    file: str  # in the environment's folder, so that those of two environments can be compared
    value: str | None
    sources: tuple[RecordedPlaceholder, ...] = ()


class StoreSetup(Frozen, kw_only=True):
    """One store as the bindings configure it. A setting that may be a secret is None."""

    name: str
    provider: str
    settings: tuple[tuple[str, str | None], ...] = ()


class EnvironmentState(Frozen, kw_only=True):
    """All that is compared."""

    environment: str
    entries: tuple[EntryState, ...]
    stores: tuple[StoreSetup, ...] = ()
    offline: bool = False  # the stores were not asked


class HistoryRecord(Frozen, kw_only=True):
    """A state, when it was recorded, and by whom."""

    time: datetime
    state: EnvironmentState
    actor: Mapping[str, str | int]
    message: str | None = None
    commit: str | None = None  # of the project's git repository
    uncommitted: bool = False  # env/ or providers/ differed from it


class DamagedError(Exception):
    """Why something is no history, as the end of a sentence that begins with what it is."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


# Writing


def history_as_json(environment: str, records: Sequence[HistoryRecord]) -> dict[str, Any]:
    """The document that a history file holds, the oldest record first."""
    return {"schema": SCHEMA, "environment": environment, "records": [as_json(record) for record in records]}


def as_json(record: HistoryRecord) -> dict[str, Any]:
    """One record."""
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
    """One entry of a record."""
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
    """One store of a record."""
    return {"name": setup.name, "provider": setup.provider, "settings": dict(setup.settings)}


# Reading: a file that is not just so is damaged, since a part of a history would be taken for all of it.


def parse_history(text: str) -> tuple[str, tuple[HistoryRecord, ...]]:
    """The environment that a history is of, and its records. Raises DamagedError for everything else."""
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
    environment = _text(document, "environment")
    return environment, tuple(_record(one, environment) for one in _list(document, "records"))


def _record(document: Any, environment: str) -> HistoryRecord:
    time = parse_timestamp(_text(document, "time"))
    actor = _member(document, "actor", dict)
    if time is None or not all(isinstance(value, str | int) for value in actor.values()):
        raise DamagedError("has a record whose time or actor is none")
    return HistoryRecord(
        time=time,
        actor=actor,
        message=_optional(document, "message"),
        commit=_optional(document, "commit"),
        uncommitted=_member(document, "uncommitted", bool),
        state=EnvironmentState(
            environment=environment,
            offline=_member(document, "offline", bool),
            entries=tuple(_entry(one) for one in _list(document, "entries")),
            stores=tuple(_setup(one) for one in _list(document, "stores")),
        ),
    )


def _entry(document: Any) -> EntryState:
    return EntryState(
        key=_text(document, "key"),
        service=_optional(document, "service"),
        file=_text(document, "file"),
        value=_optional(document, "value"),
        sources=tuple(_source(one) for one in _list(document, "sources")),
    )


def _source(document: Any) -> RecordedPlaceholder:
    references = _list(document, "references")
    if not all(isinstance(one, str) for one in references):
        raise DamagedError("has a reference that is none")
    return RecordedPlaceholder(
        references=tuple(references),
        answer=_optional(document, "answer"),
        version=_optional(document, "version"),
        status=_optional(document, "status"),
    )


def _setup(document: Any) -> StoreSetup:
    settings = _member(document, "settings", dict)
    if not all(value is None or isinstance(value, str) for value in settings.values()):
        raise DamagedError("has a store whose settings are none")
    return StoreSetup(
        name=_text(document, "name"), provider=_text(document, "provider"), settings=tuple(settings.items())
    )


def _member(document: Any, name: str, kind: type) -> Any:
    if not isinstance(document, dict) or name not in document or not isinstance(document[name], kind):
        raise DamagedError(f"has a part without its {name!r}")
    return document[name]


def _text(document: Any, name: str) -> str:
    text: str = _member(document, name, str)
    return text


def _list(document: Any, name: str) -> list[Any]:
    items: list[Any] = _member(document, name, list)
    return items


def _optional(document: Any, name: str) -> str | None:
    text: str | None = _member(document, name, str | None)  # type: ignore[arg-type]
    return text
