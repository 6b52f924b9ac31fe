"""Conversions from a text to the types of one value: numbers, dates and times, UUIDs, addresses, paths."""

from __future__ import annotations

import datetime as dt
import pathlib
import re
from collections.abc import Callable
from typing import Any

from secretsync.config.convert import BY_NAME, NUMBER, Conversion, scalar_text
from secretsync.core.secret import Secret

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?", re.ASCII)
_DATETIME = re.compile(rf"{_DATE.pattern}[Tt ]{_TIME.pattern}(?:[Zz]|[+-]\d\d:\d\d)?", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32}", re.IGNORECASE | re.ASCII)
_ANYTHING = re.compile(r".*", re.DOTALL)


# Classes that are made of a text, by name, so that their modules are imported by the application only.
_MADE_OF_TEXT = {
    "decimal.Decimal": ("a decimal number", NUMBER),
    "uuid.UUID": ("a UUID", _UUID),
    "zoneinfo.ZoneInfo": ("the name of a time zone", _ANYTHING),
    **{
        f"ipaddress.IPv{version}{what}": (f"an IPv{version} {what.lower()}", _ANYTHING)
        for version in (4, 6)
        for what in ("Address", "Network", "Interface")
    },
}


def of_text(conversion: Conversion) -> Conversion:
    """Return a conversion that also takes the scalars of JSON."""
    return Conversion(conversion.expected, lambda node: conversion.convert(scalar_text(node)))


def _matching(shape: re.Pattern[str], text: str) -> str:
    if not shape.fullmatch(text):
        raise ValueError
    return text


def _datetime(text: str) -> dt.datetime:
    """Return a time with the offset as written; without an offset it is naive."""
    return dt.datetime.fromisoformat(_matching(_DATETIME, text).upper())


_SCALARS: dict[Any, Conversion] = {
    str: Conversion("text", str),
    bytes: Conversion("text", lambda text: text.encode("utf-8", "surrogateescape")),
    Secret: Conversion("text", Secret),
    **{kind: BY_NAME[kind.__name__] for kind in (int, float, bool)},
    dt.timedelta: BY_NAME["duration"],
    dt.datetime: Conversion("a date and time such as 2026-11-24T08:00:00Z", _datetime),
    dt.date: Conversion("a date such as 2026-11-24", lambda text: dt.date.fromisoformat(_matching(_DATE, text))),
    dt.time: Conversion("a time such as 08:00:00", lambda text: dt.time.fromisoformat(_matching(_TIME, text))),
}


def text_conversion(kind: type) -> Conversion | None:
    """Return the conversion for exactly this type, or None."""
    if kind in _SCALARS:
        return of_text(_SCALARS[kind])
    found = _MADE_OF_TEXT.get(f"{kind.__module__}.{kind.__qualname__}")
    if found is None:
        return None
    expected, shape = found
    made: Callable[[str], Any] = kind
    return of_text(Conversion(expected, lambda text: made(_matching(shape, text))))


def subclass_conversion(kind: type) -> Conversion | None:
    """Return the conversion for a path, or for a subclass of an application such as `class Url(str)`, or None."""
    made: Callable[[Any], Any] = kind
    if issubclass(kind, pathlib.PurePath):
        return of_text(Conversion("a path", lambda text: made(BY_NAME["path"].convert(text))))
    base = next((base for base in (str, bytes, int, float) if issubclass(kind, base)), None)
    if base is None:
        return None
    known = _SCALARS[base]
    return of_text(Conversion(f"{known.expected} for {kind.__name__}", lambda text: made(known.convert(text))))
