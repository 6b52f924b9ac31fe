"""Read parts of the answers of AWS: lists and times."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def records(answer: Mapping[str, Any], name: str) -> list[dict[str, Any]] | None:
    """Return the objects of a list in an answer; None if it is not a list of objects. AWS leaves empty lists out."""
    found = answer.get(name) or []
    return found if isinstance(found, list) and all(isinstance(record, dict) for record in found) else None


def in_utc(moment: object) -> datetime | None:
    """Return a time of an answer in UTC; None if it is not a time.

    The SDK returns a datetime, and AWS itself seconds since the epoch.
    """
    if isinstance(moment, datetime):
        return moment.astimezone(UTC) if moment.tzinfo is not None else None
    if isinstance(moment, bool) or not isinstance(moment, int | float):
        return None
    try:
        return datetime.fromtimestamp(moment, UTC)
    except (ValueError, OverflowError, OSError):
        return None
