"""A table for terminals: the worst first, each age as a bar against its limit."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence

from secretsync.core.durations import format_duration
from secretsync.core.problems.grouping import cause_of, first_of, grouped, is_one_cause
from secretsync.core.reporting.layout import format_table, hanging, table_blocks, wrap
from secretsync.core.reporting.terminal import Colour, Look
from secretsync.core.text import count_of, printable
from secretsync.core.timestamps import format_timestamp
from secretsync.rotation.age_rules import State
from secretsync.rotation.formats.document import Document, count_states
from secretsync.rotation.report import RotationReport, SecretAge, describe, worst_first

_WIDTH, _NARROW_WIDTH = 12, 6  # characters of a bar
_NARROW = 100  # columns of a terminal in which names need the room of the bar
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_COLOURS = {
    State.MISSING: Colour.MAGENTA,
    State.DENIED: Colour.MAGENTA,
    State.ERROR: Colour.MAGENTA,
    State.STALE: Colour.RED,
    State.EXPIRED: Colour.RED,
    State.OVERDUE: Colour.RED,
    State.UNKNOWN: Colour.YELLOW,
    State.DUE: Colour.YELLOW,
    State.OK: Colour.GREEN,
    State.DYNAMIC: Colour.BLUE,
    State.EXEMPT: Colour.DIM,
}
_HEAD = ("STATE", "AGE", "", "LIMIT", "LEFT", "KEY", "SECRET")
_NOTE = "    "


def render(document: Document) -> str:
    """Return a table for each environment, with the findings under the rows, and the counts at the end.

    A merge begins with the totals and a line for each report.
    """
    look = document.look
    lines = list(_overview(document)) if document.is_merged else []
    lines += [line for report in document.worst_first for line in _environment(report, look)]
    if len(document.reports) > 1 and not document.is_merged:
        total = f"{len(document.reports)} environments, {_counts(document.summary)}"
        lines += [*wrap(total, look.width, indent=_NOTE), ""]
    return "\n".join(lines)


def _overview(document: Document) -> Iterator[str]:
    """Yield the totals of a merge, and a line for each report."""
    look = document.look
    counts = count_states(document.summary)
    totals = document.totals + (f": {counts}" if counts else "") + f", at {format_timestamp(document.at)}"
    yield from (look.painted(line, Colour.BOLD) for line in wrap(totals, look.width))
    yield ""
    rows = [
        (
            report.project,
            report.environment,
            f"{format_timestamp(report.at)}{_outdated(report)}",
            count_states(report.summary),
        )
        for report in document.worst_first
    ]
    yield format_table(("PROJECT", "ENVIRONMENT", "REPORT OF", "SECRETS"), rows, look.width)
    yield ""


def _outdated(report: RotationReport) -> str:
    return "" if report.outdated is None else f", out of date ({format_duration(report.outdated)} old)"


def _environment(report: RotationReport, look: Look) -> Iterator[str]:
    title = f"{printable(report.label)} at {format_timestamp(report.at)}{_outdated(report)}"
    yield from (look.painted(line, Colour.BOLD) for line in wrap(title, look.width))
    yield ""
    secrets = list(worst_first(report.secrets))
    groups = [[secret] for secret in secrets] if look.is_verbose else _groups(secrets)
    head, *blocks = table_blocks(
        _HEAD,
        [_cells(group, _bar_width(look)) for group in groups],
        look.width,
        # Only the state, the age and the bar are painted, so that the names stay readable.
        colours=[dict.fromkeys(range(3), _COLOURS[group[0].state]) for group in groups] if look.is_coloured else None,
    )
    if groups:
        yield from head
    for group, block in zip(groups, blocks, strict=True):
        yield from block
        for note in _notes(group):
            yield from (look.painted(line, Colour.DIM) for line in hanging(_NOTE, printable(note), look))
        if not head and group is not groups[-1]:
            yield ""
    yield ""
    for state in report.processes:
        yield from wrap(printable(describe(state)), look.width, indent=_NOTE)
    yield from wrap(_counts(report.summary), look.width, indent=_NOTE)
    yield ""


def _groups(secrets: Iterable[SecretAge]) -> list[list[SecretAge]]:
    """Return the secrets of one cause at one store together, if there are many or if it is a failure of the store."""
    return grouped(secrets, _cause, lambda group: is_one_cause(len(group), group[0].findings[0].kind))


def _cause(secret: SecretAge) -> Hashable | None:
    """Return what is equal in secrets with one cause at one store; None for a secret whose age counts."""
    if len(secret.findings) != 1:
        return None
    finding = secret.findings[0]
    if finding.kind is None and finding.state is not State.UNKNOWN:
        return None
    return cause_of(finding.kind, secret.store, secret.reference, (finding.cause, finding.hint))


def _notes(group: Sequence[SecretAge]) -> list[str]:
    first = group[0]
    notes = [finding.advice for finding in first.findings]
    if len(group) > 1:
        return [*notes, "-v lists all of them"]
    return [*notes, "; ".join(first.hints)] if first.hints else notes


def _counts(summary: dict[State, int]) -> str:
    counts = count_states(summary)
    return count_of(sum(summary.values()), "secret") + (f": {counts}" if counts else "")


def _cells(group: Sequence[SecretAge], width: int) -> tuple[str, ...]:
    secret = group[0]
    if len(group) > 1:
        keys = list(dict.fromkeys(key.name for one in group for key in one.keys))
        secrets = f"{secret.store}: {count_of(len(group), 'secret')}"
        return (secret.state.value, "-", "", "-", "-", first_of(keys), secrets)
    return (
        secret.state.value,
        "-" if secret.age is None else _length(secret.age),
        _bar(secret, width),
        "-" if secret.state is State.DYNAMIC else secret.limit.written,
        "-" if secret.seconds_left is None else _length(secret.seconds_left),
        secret.key_names,
        secret.reference,
    )


def _length(seconds: int) -> str:
    """Return whole days, whole hours below two days, or whole minutes below an hour."""
    sign, seconds = ("-" if seconds < 0 else ""), abs(seconds)
    if seconds >= 2 * 86400:
        return f"{sign}{seconds // 86400} d"
    return f"{sign}{seconds // 3600} h" if seconds >= 3600 else f"{sign}{seconds // 60} min"


def _bar_width(look: Look) -> int:
    return _NARROW_WIDTH if look.width is not None and look.width < _NARROW else _WIDTH


def _bar(secret: SecretAge, width: int) -> str:
    """Return a bar of the age against the limit, with a mark behind it if the limit is exceeded."""
    if secret.age is None or not secret.limit.seconds:
        return ""
    share = secret.age / secret.limit.seconds
    eighths = min(int(share * width * 8), width * 8)
    full, rest = divmod(eighths, 8)
    filled = "█" * full + (_EIGHTHS[rest] if rest else "")
    # No spaces, because a bar is one word.
    return f"▕{filled:·<{width}}▏" + ("▶" if share > 1 else "")
