"""Read a JSON report of `check-rotation` back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NoReturn, TypeVar

from secretsync.core.durations import parse_duration
from secretsync.core.errors import ProblemKind
from secretsync.core.exact_json import NotJsonError, parse_json
from secretsync.core.model import Clock
from secretsync.core.timestamps import parse_timestamp
from secretsync.project.bindings import Limit
from secretsync.rotation.age_rules import State
from secretsync.rotation.report import AgeFinding, Key, RotationReport, SecretAge
from secretsync.rotation.secret_dates import age_at

SCHEMA = 1
T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


class ReportFileError(Exception):
    """A file is not a report. Neither text repeats a part of the file."""

    def __init__(self, cause: str, hint: str) -> None:
        self.cause, self.hint = cause, hint
        super().__init__(cause)


def parse_reports(data: bytes) -> list[RotationReport]:
    """Return the reports in the bytes of a file, one for each environment. Raises ReportFileError."""
    document = _document(data)
    if type(document.get("schema")) is not int:
        _foreign()
    if document["schema"] > SCHEMA:
        cause = "this report has a newer schema than this version of SecretSync can read"
        raise ReportFileError(cause, "update SecretSync here")
    if "environments" not in document:
        return [_report(document)]
    return [_report(one) for one in _list(document, "environments")]


def _document(data: bytes) -> Mapping[str, Any]:
    document = cause = None
    try:
        document = parse_json(data.decode("utf-8-sig"), integer=_integer, decimal=float)
    except UnicodeDecodeError:
        cause = "this file is not UTF-8"
    except NotJsonError as error:
        cause = f"this file {error.cause}"
    except RecursionError:
        cause = "this file is nested too deeply"
    if cause is not None:
        raise ReportFileError(cause, "create it with check-rotation --format json --output FILE")
    return document if isinstance(document, dict) else _foreign()


def _integer(digits: str) -> int | None:
    return int(digits) if len(digits) <= 15 else None


def _foreign() -> NoReturn:
    cause = "this file is not a report of check-rotation"
    raise ReportFileError(cause, "create it with check-rotation --format json --output FILE")


def _malformed(name: str) -> NoReturn:
    cause = f"this report does not have the member {name}, or with another type"
    raise ReportFileError(cause, "create it again with this version of SecretSync")


def _report(document: Any) -> RotationReport:
    if not isinstance(document, dict) or not {"environment", "secrets"} <= set(document):
        _foreign()
    at = _time(document, "at")
    if _value(document, "forecast", bool):
        cause = "this report is a forecast, because check-rotation had --at with a time in the future"
        raise ReportFileError(cause, "create it without --at")
    rows = [_secret(row, at) for row in _list(document, "secrets")]
    return RotationReport(
        project=_value(document, "project", str),
        environment=_value(document, "environment", str),
        at=at,
        # An earlier merge added this row to a report that was out of date. Whether it still is, is decided again.
        secrets=tuple(row for row in rows if row.store or row.state is not State.UNKNOWN),
    )


def _secret(row: Any, at: datetime) -> SecretAge:
    if not isinstance(row, dict):
        _malformed("secrets")
    created = _time_or_none(row, "created")
    is_dated = _value_or_none(row, "age_days", int) is not None and created is not None
    reference = _value(row, "reference", str)
    return SecretAge(
        reference=reference,
        store=_value(row, "store", str),
        provider=_value(row, "provider", str),
        keys=_keys(row),
        state=_member(row, "state", State),
        limit=_limit(row),
        limit_from=_value(row, "limit_from", str),
        version=_value_or_none(row, "version", str),
        clock=_member(row, "clock", Clock),
        created=created,
        age=age_at(created, at) if is_dated and created is not None else None,
        expires=_time_or_none(row, "expires"),
        findings=tuple(_finding(one, reference) for one in _list(row, "findings")),
        hints=tuple(note if isinstance(note, str) else _malformed("notes") for note in _list(row, "notes")),
    )


def _limit(row: Mapping[str, Any]) -> Limit:
    written = _value(row, "limit", str)
    seconds = parse_duration(written)
    if seconds is None and written not in ("never", "-"):
        _malformed("limit")
    return Limit(seconds=seconds, written=written)


def _finding(document: Any, reference: str) -> AgeFinding:
    if not isinstance(document, dict):
        _malformed("findings")
    return AgeFinding(
        state=_member(document, "state", State),
        reference=reference,
        keys=_keys(document),
        cause=_value(document, "cause", str),
        hint=_value_or_none(document, "hint", str),
        kind=None if document.get("kind") is None else _member(document, "kind", ProblemKind),
        counts=_value(document, "counts", bool),
    )


def _keys(document: Mapping[str, Any]) -> tuple[Key, ...]:
    places = [place if isinstance(place, dict) else _malformed("places") for place in _list(document, "places")]
    return tuple(
        Key(_value(place, "key", str), _value(place, "file", str), _value(place, "line", int)) for place in places
    )


def _value(document: Mapping[str, Any], name: str, kind: type[T]) -> T:
    """Return a member of this type, which a subtype such as bool is not."""
    value = document.get(name)
    return value if type(value) is kind else _malformed(name)


def _value_or_none(document: Mapping[str, Any], name: str, kind: type[T]) -> T | None:
    return None if document.get(name) is None else _value(document, name, kind)


def _list(document: Mapping[str, Any], name: str) -> list[Any]:
    return _value(document, name, list)


def _member(document: Mapping[str, Any], name: str, kind: type[E]) -> E:
    text = _value(document, name, str)
    return kind(text) if text in {member.value for member in kind} else _malformed(name)


def _time(document: Mapping[str, Any], name: str) -> datetime:
    return parse_timestamp(_value(document, name, str)) or _malformed(name)


def _time_or_none(document: Mapping[str, Any], name: str) -> datetime | None:
    return None if document.get(name) is None else _time(document, name)
