"""Annotations of a GitHub workflow: workflow commands on stdout, which GitHub shows at the lines of the files."""

from __future__ import annotations

from collections.abc import Iterable

from secretsync.core.reporting.rows import ReportRow
from secretsync.core.text import printable


def write_annotations(rows: Iterable[ReportRow], *, title: str, summary: str) -> str:
    """Return one annotation a row, and a last one, a notice, with `title` and `summary`."""
    lines = [_annotation(row) for row in rows if row.ignored_because is None]
    lines.append(f"::notice title={_property(title)}::{_data(summary)}")
    return "\n".join(lines) + "\n"


def _annotation(row: ReportRow) -> str:
    message = row.advice
    if len(row.keys) > 1:
        message += f" (also: {', '.join(row.keys[1:])})"
    properties = []
    if row.places:
        first = row.places[0]
        known = (("file", first.file), ("line", first.line))
        properties = [f"{name}={_property(str(part))}" for name, part in known if part is not None]
    properties.append(f"title={_property(row.title)}")
    return f"::{'error' if row.is_error else 'warning'} {','.join(properties)}::{_data(message)}"


def _data(text: str) -> str:
    """Return the text of a workflow command. Control characters are escaped before the percent signs."""
    return printable(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
