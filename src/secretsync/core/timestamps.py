"""Points in time as text: RFC 3339 and plain dates, always in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

_MOMENT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d)))?", re.ASCII
)


def parse_timestamp(text: str) -> datetime | None:
    """Return the time in UTC of an RFC 3339 text or a date (its first instant in UTC), or None for other texts.

    Fractions are cut to microseconds. A leap second, `23:59:60`, is the first second after it, as in Unix time.
    """
    match = _MOMENT.fullmatch(text)
    if match is None:
        return None
    year, month, day = int(match[1]), int(match[2]), int(match[3])
    hour, minute, second = (int(match[group] or 0) for group in (4, 5, 6))
    leap = second == 60 and minute == 59
    offset = timedelta(hours=int(match[9] or 0), minutes=int(match[10] or 0))
    if int(match[10] or 0) > 59:
        return None
    try:
        zone = timezone(-offset if match[8] == "-" else offset)
        microsecond = int((match[7] or "0").ljust(9, "0")[:6])
        moment = datetime(year, month, day, hour, minute, 59 if leap else second, microsecond, tzinfo=zone)
        return (moment + timedelta(seconds=1 if leap else 0)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def format_timestamp(moment: datetime) -> str:
    """Return an aware time in UTC, to the second: `2026-11-24T08:00:00Z`."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
