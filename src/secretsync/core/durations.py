"""Lengths of time as people write them: `30s`, `12h`, `90d`, `26w`, ISO `P90D`."""

from __future__ import annotations

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_SHORT = r"(?a)(\d{1,9})(ms|s|m|h|d|w)"
# ISO 8601-2:2019 durations of whole units; months and years do not have a fixed length and are refused.
_ISO = r"(?a)P(?:(\d{1,6})W|(?=\d|T\d)(?:(\d{1,6})D)?(?:T(?=\d)(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,6})S)?)?)"


def parse_duration(text: str) -> float | None:
    """Return the seconds, more than 0, or None if `text` is not such a duration."""
    return parse_length(text) or None


def parse_length(text: str) -> float | None:
    """Return the seconds, 0 or more, or None if `text` is not a length of time."""
    import re  # Imported only for a duration.

    if short := re.fullmatch(_SHORT, text):
        return float(int(short[1]) * _UNITS[short[2]])
    if iso := re.fullmatch(_ISO, text):
        weeks, days, hours, minutes, rest = (int(group or 0) for group in iso.groups())
        return float(weeks * 604800 + days * 86400 + hours * 3600 + minutes * 60 + rest)
    return None


def format_duration(seconds: float) -> str:
    """Return a length of time for people, in whole units, at least two if possible: `90 days`, `36 hours`."""
    whole = int(abs(seconds))
    for unit, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if whole >= 2 * unit:
            return f"{whole // unit} {name}"
    return "1 second" if whole == 1 else f"{whole} seconds"
