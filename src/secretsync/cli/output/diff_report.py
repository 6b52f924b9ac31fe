"""Format the comparison of two states, for `diff`: as text in the manner of a patch, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator

from secretsync.cli.history import format_counts, short_commit
from secretsync.core.records import Record
from secretsync.core.reporting.layout import hanging, wrap
from secretsync.core.reporting.notes import note_lines
from secretsync.core.reporting.terminal import Colour, Look
from secretsync.core.secret import MASK
from secretsync.core.system.current_user import actor_name
from secretsync.core.text import printable
from secretsync.core.timestamps import format_timestamp
from secretsync.tracking.compare import Change, Comparison, StoreChange
from secretsync.tracking.history import (
    EntryState,
    EnvironmentState,
    HistoryRecord,
    RecordedPlaceholder,
    entry_as_json,
    setup_as_json,
)

_COLOURS = {"-": Colour.RED, "+": Colour.GREEN, "@": Colour.CYAN}


class Side(Record, kw_only=True):
    """One of the two compared states."""

    state: EnvironmentState
    name: str | None  # of the record; None: the present state
    record: HistoryRecord | None = None


def format_diff(before: Side, after: Side, comparison: Comparison, look: Look, *, is_quiet: bool) -> str:
    """Return the comparison as text. `is_quiet`: only the changes, so the text is empty without a change."""
    lines: list[str] = []
    if comparison:
        lines += [f"--- {_title(before)}", f"+++ {_title(after)}"]
        for change in comparison.changes:
            lines += _change_lines(change)
        for store in comparison.stores:
            lines += _store_lines(store)
    elif not is_quiet:
        lines.append(f"{_title(after)}: no difference to {_title(before)}")
    lines = [line for text in lines for line in patch_lines(printable(text), look)]
    if not is_quiet:
        for note in note_lines(comparison.not_compared, is_verbose=look.is_verbose):
            lines += hanging("not compared: ", printable(note), look)
        if comparison:
            lines += ["", *hanging("", format_counts(comparison.counts), look)]
    return "".join(f"{line}\n" for line in lines)


def patch_lines(text: str, look: Look) -> list[str]:
    """Return a line of a patch in its colour, wrapped; the other lines begin with the same mark."""
    mark = text[:1] if text[:1] in _COLOURS else " "
    lines = wrap(text, look.width, indent=f"{mark}    ")
    return [look.painted(line, _COLOURS.get(mark)) for line in lines]


def _title(side: Side) -> str:
    if side.record is None:
        return f"{side.state.environment} (now)"
    record = side.record
    details = [format_timestamp(record.time), f"by {actor_name(record.actor)}"]
    if commit := short_commit(record):
        details.append(f"commit {commit}")
    if record.message:
        details.append(record.message)
    name = side.name if side.name is not None and side.name.startswith("HEAD") else "record"
    return f"{side.state.environment} {name} ({', '.join(details)})"


def _change_lines(change: Change) -> Iterator[str]:
    entry = change.entry
    was, now = change.before, change.after
    moved = was is not None and now is not None and was.file != now.file
    files = f"{was.file} -> {now.file}" if moved and was and now else entry.file
    yield f"@@ {files}: {entry.key}: {', '.join(change.kinds)} @@"
    old, new = [] if was is None else _entry_lines(was), [] if now is None else _entry_lines(now)
    if old and new and old[0] == new[0]:
        yield f" {old[0]}"
        old, new = old[1:], new[1:]
    yield from (f"-{line}" for line in old if line not in new)
    yield from (f"+{line}" for line in new if line not in old)


def _entry_lines(entry: EntryState) -> list[str]:
    value = MASK if entry.value is None else entry.value
    return [f"{entry.key}={value}", *(f"  {_source_line(source)}" for source in entry.sources)]


def _source_line(source: RecordedPlaceholder) -> str:
    text = source.answer or " or ".join(source.references)
    if source.version is not None:
        text = f"{text} version {source.version}"
    return text if source.status in (None, "found") else f"{text} ({source.status})"


def _store_lines(change: StoreChange) -> Iterator[str]:
    was, now = change.before, change.after
    yield f"@@ store {now.name}: other settings @@"
    old = [("provider", was.provider), *was.settings]
    new = [("provider", now.provider), *now.settings]
    yield from (f"-{name} = {MASK if value is None else value}" for name, value in old if (name, value) not in new)
    yield from (f"+{name} = {MASK if value is None else value}" for name, value in new if (name, value) not in old)


def diff_as_json(before: Side, after: Side, comparison: Comparison) -> dict[str, object]:
    """Return the comparison as a document."""
    return {
        "before": _side_as_json(before),
        "after": _side_as_json(after),
        "summary": comparison.counts,
        "changes": [
            {
                "key": change.entry.key,
                "service": change.entry.service,
                "kinds": [kind.value for kind in change.kinds],
                "before": None if change.before is None else entry_as_json(change.before),
                "after": None if change.after is None else entry_as_json(change.after),
            }
            for change in comparison.changes
        ],
        "stores": [
            {"before": setup_as_json(change.before), "after": setup_as_json(change.after)}
            for change in comparison.stores
        ],
        "not_compared": list(comparison.not_compared),
    }


def _side_as_json(side: Side) -> dict[str, object]:
    record = side.record
    return {
        "environment": side.state.environment,
        "record": side.name,
        "time": None if record is None else format_timestamp(record.time),
        "actor": None if record is None else dict(record.actor),
        "message": None if record is None else record.message,
        "commit": None if record is None else record.commit,
        "uncommitted": None if record is None else record.uncommitted,
        "offline": side.state.offline,
    }
