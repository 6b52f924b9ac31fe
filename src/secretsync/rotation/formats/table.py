"""A table for terminals: the worst first, each age as a bar against its limit."""

from __future__ import annotations

from collections.abc import Sequence

from secretsync.core.durations import format_duration
from secretsync.core.errors import printable
from secretsync.core.text import count_of
from secretsync.core.timestamps import format_timestamp
from secretsync.rotation.age_rules import State
from secretsync.rotation.formats.document import Document, count_states
from secretsync.rotation.report import RotationReport, SecretAge, worst_first

_WIDTH = 12  # characters of a bar
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_RED, _YELLOW, _GREEN, _BLUE, _MAGENTA, _DIM, _BOLD = 31, 33, 32, 34, 35, 2, 1
_COLOURS = {
    State.MISSING: _MAGENTA,
    State.DENIED: _MAGENTA,
    State.ERROR: _MAGENTA,
    State.EXPIRED: _RED,
    State.OVERDUE: _RED,
    State.UNKNOWN: _YELLOW,
    State.DUE: _YELLOW,
    State.OK: _GREEN,
    State.DYNAMIC: _BLUE,
    State.EXEMPT: _DIM,
}
_HEAD = ("STATE", "AGE", "", "LIMIT", "LEFT", "KEY", "SECRET")


def render(document: Document) -> str:
    """Return a table for each environment, with the findings under the rows."""
    tables = [_environment(report, is_colourful=document.is_colourful) for report in document.worst_first]
    return "\n".join([*(_overview(document) if document.is_merged else []), *tables])


def _overview(document: Document) -> list[str]:
    """Return the totals of a merge, and a line for each report."""
    rows = [("PROJECT", "ENVIRONMENT", "REPORT OF", "SECRETS")]
    for report in document.worst_first:
        names = printable(report.project), printable(report.environment)
        rows.append((*names, f"{format_timestamp(report.at)}{_outdated(report)}", count_states(report.summary)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    counts = count_states(document.summary)
    totals = document.totals + (f": {counts}" if counts else "")
    head = _paint(f"{totals}, at {format_timestamp(document.at)}", _BOLD, document.is_colourful)
    return [head, "", *(_line(row, widths) for row in rows), ""]


def _outdated(report: RotationReport) -> str:
    return "" if report.outdated is None else f", out of date ({format_duration(report.outdated)} old)"


def _environment(report: RotationReport, *, is_colourful: bool) -> str:
    lines = [
        _paint(f"{printable(report.label)} at {format_timestamp(report.at)}{_outdated(report)}", _BOLD, is_colourful),
        "",
    ]
    secrets = list(worst_first(report.secrets))
    rows = [_cells(secret) for secret in secrets]
    widths = [max(len(row[column]) for row in (_HEAD, *rows)) for column in range(len(_HEAD))]
    if rows:
        lines.append(_paint(_line(_HEAD, widths), _DIM, is_colourful))
    for secret, row in zip(secrets, rows, strict=True):
        colour = _COLOURS[secret.state]
        text = _line(row, widths)
        # Only the state, the age and the bar are painted, so that the names stay readable.
        head = widths[0] + 2 + widths[1] + 2 + widths[2]
        lines.append(_paint(text[:head], colour, is_colourful) + text[head:])
        notes = [*(finding.advice for finding in secret.findings), *(["; ".join(secret.hints)] if secret.hints else [])]
        lines += [_paint(f"    {printable(note)}", _DIM, is_colourful) for note in notes]
    counts = count_states(report.summary)
    lines += ["", count_of(len(secrets), "secret") + (f": {counts}" if counts else ""), ""]
    return "\n".join(lines)


def _cells(secret: SecretAge) -> tuple[str, ...]:
    return (
        secret.state.value,
        "-" if secret.age is None else _length(secret.age),
        _bar(secret),
        "-" if secret.state is State.DYNAMIC else secret.limit.written,
        "-" if secret.seconds_left is None else _length(secret.seconds_left),
        printable(secret.key_names),
        printable(secret.reference),
    )


def _length(seconds: int) -> str:
    """Return whole days, whole hours below two days, or whole minutes below an hour."""
    sign, seconds = ("-" if seconds < 0 else ""), abs(seconds)
    if seconds >= 2 * 86400:
        return f"{sign}{seconds // 86400} d"
    return f"{sign}{seconds // 3600} h" if seconds >= 3600 else f"{sign}{seconds // 60} min"


def _bar(secret: SecretAge) -> str:
    """Return a bar of the age against the limit, with a mark behind it if the limit is exceeded."""
    if secret.age is None or not secret.limit.seconds:
        return ""
    share = secret.age / secret.limit.seconds
    eighths = min(int(share * _WIDTH * 8), _WIDTH * 8)
    full, rest = divmod(eighths, 8)
    filled = "█" * full + (_EIGHTHS[rest] if rest else "")
    return f"▕{filled:{_WIDTH}}▏" + ("▶" if share > 1 else "")


def _line(cells: Sequence[str], widths: list[int]) -> str:
    return "  ".join(f"{cell:{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()


def _paint(text: str, colour: int, is_colourful: bool) -> str:  # noqa: FBT001 - a switch that every caller passes on
    return f"\x1b[{colour}m{text}\x1b[0m" if is_colourful and text else text
