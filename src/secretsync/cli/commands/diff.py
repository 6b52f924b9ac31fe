"""Show what changed: added, removed, changed, re-pointed (another reference), rotated (another version of a secret).

Without names, the last record of `track` is compared with the present. A name is HEAD (the last record), HEAD~1 (the
one before), a moment, or, both of them, environments. No value of a secret is read or shown.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator

from secretsync.cli.console import print_json, say
from secretsync.cli.history import add_history, counted, short_commit
from secretsync.cli.loading import environment_of, store_access
from secretsync.cli.options import add_format, add_source
from secretsync.core.current_user import actor_name
from secretsync.core.environ import AnyEnviron, Environ
from secretsync.core.errors import ResolutionError, UsageError, printable
from secretsync.core.records import Record
from secretsync.core.secret import MASK
from secretsync.core.timestamps import format_timestamp
from secretsync.planning.request import ConfigRequest, load_plan, open_request
from secretsync.tracking.compare import Change, Comparison, StoreChange, compare
from secretsync.tracking.history import (
    EntryState,
    EnvironmentState,
    HistoryRecord,
    RecordedPlaceholder,
    entry_as_json,
    setup_as_json,
)
from secretsync.tracking.track import find_record, history_file, is_record_name, present_state, records_of

USAGE = "[RECORD [RECORD] | ENVIRONMENT ENVIRONMENT] [-e NAME] [--env-file FILE...] [OPTIONS]"
EXAMPLE = """  secretsync diff -e production
  secretsync diff -e production HEAD~2 HEAD
  secretsync diff staging production --exit-code"""

_COLOURS = {"-": "\x1b[31m", "+": "\x1b[32m", "@": "\x1b[36m"}


class _Side(Record, kw_only=True):
    """One of the two that are compared."""

    state: EnvironmentState
    name: str | None  # of the record; None: the present
    record: HistoryRecord | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `diff`."""
    parser.add_argument(
        "names",
        metavar="NAME",
        nargs="*",
        help="HEAD, HEAD~N, or a moment such as 2026-11-24T08:00:00Z; or two environments",
    )
    add_source(parser, services=False)
    add_history(parser)
    parser.add_argument("--exit-code", action="store_true", help="end with 1 where there is a difference")
    add_format(parser)


def execute(options: argparse.Namespace) -> int:
    """0; with --exit-code 1 where something differs."""
    if len(options.names) > 2:
        raise UsageError("diff takes two names at most")
    environ = Environ(os.environ)
    before, after = _sides(options, environ)
    comparison = compare(before.state, after.state)
    if options.format == "json":
        print_json(_document(before, after, comparison))
    else:
        _print_text(before, after, comparison, options)
    return 1 if comparison and options.exit_code else 0


def _sides(options: argparse.Namespace, environ: Environ) -> tuple[_Side, _Side]:
    names = options.names or ["HEAD"]
    are_records = [is_record_name(name) for name in names]
    if not any(are_records):
        return _environments(options, names, environ)
    if not all(are_records):
        raise UsageError("compare two records of one environment, or two environments as they are")
    source = environment_of(options, environ, must_be_named=False)
    project = open_request(source, environ)
    records = records_of(project, history_file(project, options.history))
    sides = [
        _Side(state=record.state, name=name, record=record)
        for name in names
        for record in [find_record(records, name, project.label)]
    ]
    if len(sides) == 1:
        state = _present(source, environ, options, is_offline=options.offline)
        sides.append(_Side(state=state, name=None))
    return sides[0], sides[1]


def _environments(options: argparse.Namespace, names: list[str], environ: Environ) -> tuple[_Side, _Side]:
    if len(names) == 1:
        raise UsageError(
            "one name is no record (HEAD, HEAD~1, a moment); to compare it with what was recorded of "
            "it, give -e; to compare two environments, name both"
        )
    if options.environment is not None or options.env_file is not None or options.history is not None:
        raise UsageError("two environments are compared as they are: without -e, --env-file and --history")
    # Their secrets are different ones: there is nothing to ask the stores.
    states = [
        _present(ConfigRequest(environment=name, root=options.root), environ, options, is_offline=True)
        for name in names
    ]
    return _Side(state=states[0], name=None), _Side(state=states[1], name=None)


def _present(
    source: ConfigRequest, environ: Environ, options: argparse.Namespace, *, is_offline: bool
) -> EnvironmentState:
    plan = load_plan(source, AnyEnviron(environ))
    try:
        return present_state(plan, None if is_offline else store_access(options, environ))
    except ResolutionError:
        say("--offline compares what the files say, without versions")
        raise


# Text


def _print_text(before: _Side, after: _Side, comparison: Comparison, options: argparse.Namespace) -> None:
    is_coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    lines: list[str] = []
    if comparison:
        lines += [f"--- {_title(before)}", f"+++ {_title(after)}"]
        for change in comparison.changes:
            lines += _change_lines(change)
        for store in comparison.stores:
            lines += _store_lines(store)
    elif not options.quiet:
        lines.append(f"{_title(after)}: no difference to {_title(before)}")
    for line in lines:
        text = printable(line)
        colour = _COLOURS.get(text[0]) if is_coloured else None
        print(f"{colour}{text}\x1b[0m" if colour else text)
    if not options.quiet:
        if comparison:
            print(f"\n{counted(comparison.counts)}")
        for note in comparison.not_compared:
            print(printable(f"not compared: {note}"))


def _title(side: _Side) -> str:
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
    yield f"@@ store {now.name}: configured anew @@"
    old = [("provider", was.provider), *was.settings]
    new = [("provider", now.provider), *now.settings]
    yield from (f"-{name} = {MASK if value is None else value}" for name, value in old if (name, value) not in new)
    yield from (f"+{name} = {MASK if value is None else value}" for name, value in new if (name, value) not in old)


# JSON


def _document(before: _Side, after: _Side, comparison: Comparison) -> dict[str, object]:
    return {
        "before": _side(before),
        "after": _side(after),
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


def _side(side: _Side) -> dict[str, object]:
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
