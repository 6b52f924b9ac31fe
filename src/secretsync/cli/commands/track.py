"""Record the state of an environment: keys, files, settings, references, and the versions of secrets in their stores.

No value of a secret is read, and neither one nor its hash or length is recorded. `secretsync diff` compares records.
"""

from __future__ import annotations

import argparse
import os

from secretsync.cli.console import print_json, say, table
from secretsync.cli.history import add_history, counted, short_commit
from secretsync.cli.loading import environment_of, store_access
from secretsync.cli.options import add_format, add_source
from secretsync.core.current_user import actor_name
from secretsync.core.environ import AnyEnviron, Environ
from secretsync.core.errors import ResolutionError, UsageError, printable
from secretsync.core.text import count_of
from secretsync.core.timestamps import format_timestamp
from secretsync.planning.request import load_plan, open_request
from secretsync.project.layout import Project
from secretsync.tracking.history import HistoryRecord, as_json
from secretsync.tracking.track import KEPT, Purged, Tracked, history_file, purge, records_of, shown_path, track

__all__ = []

USAGE = "[-e NAME] [--env-file FILE...] [OPTIONS]"

EXAMPLE = """  secretsync track -e production --message "before release 42"
  secretsync track -e production --list"""

_MOST_KEPT = 1000

_LONGEST_MESSAGE = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `track`."""
    add_source(parser, services=False)
    add_history(parser)
    parser.add_argument("--message", "-m", metavar="TEXT", help="what is said of the record: why, which ticket")
    parser.add_argument(
        "--keep", metavar="N", type=_number, default=KEPT, help=f"how many records the history keeps (default: {KEPT})"
    )
    parser.add_argument("--always", action="store_true", help="record it where nothing has changed, too")
    parser.add_argument("--list", action="store_true", help="list the records, and do nothing else")
    parser.add_argument(
        "--purge", action="store_true", help="remove recorded text that may be a secret, and do nothing else"
    )
    add_format(parser)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= _MOST_KEPT):
        message = f"it must be a number from 1 to {_MOST_KEPT}"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def execute(options: argparse.Namespace) -> int:
    """0, recorded or not."""
    environ = Environ(os.environ)
    source = environment_of(options, environ, must_be_named=False)
    if options.list and options.purge:
        raise UsageError("--list and --purge exclude each other; run one after the other")
    if options.list:
        return _list(options, open_request(source, environ))
    if options.purge:
        return _purge(options, open_request(source, environ))
    if options.message is not None and len(options.message) > _LONGEST_MESSAGE:
        raise UsageError(f"--message takes {_LONGEST_MESSAGE} characters at most")
    # The variables of the process that will run are not known here, and no part of the state.
    plan = load_plan(source, AnyEnviron(environ))
    path = history_file(plan.project, options.history)
    try:
        tracked = track(
            plan,
            environ,
            path=path,
            message=options.message,
            keep=options.keep,
            always=options.always,
            access=None if options.offline else store_access(options, environ),
            on_purge=_warn_of,
        )
    except ResolutionError:
        say("nothing was recorded; --offline records what the files say, without versions")
        raise
    if options.format == "json":
        counts = None if tracked.changes is None else tracked.changes.counts
        document = {"environment": plan.project.label, "recorded": tracked.is_new, "history": path}
        print_json({**document, "changes": counts, "record": as_json(tracked.record)})
    elif not options.quiet:
        print(printable(f"{plan.project.label}: {_told(tracked)}"))
    if options.verbose:
        say(f"the history is {shown_path(plan.project, path)}")
    return 0


def _told(tracked: Tracked) -> str:
    record = tracked.record
    if not tracked.is_new:
        return f"nothing has changed since {format_timestamp(record.time)}; nothing recorded"
    entries = record.state.entries
    count = sum(len(entry.sources) for entry in entries)
    told = f"recorded at {format_timestamp(record.time)}: {count_of(len(entries), 'entry', 'entries')}, "
    told += "offline, without versions" if record.state.offline else count_of(count, "reference")
    if tracked.changes is None:
        return f"{told}; the first record"
    return f"{told}; {counted(tracked.changes.counts)}"


def _purge(options: argparse.Namespace, project: Project) -> int:
    path = history_file(project, options.history)
    purged = purge(project, path)
    if purged is not None:
        _warn_of(purged)
    if options.format == "json":
        keys, files = ([], []) if purged is None else (list(purged.keys), list(purged.other_files))
        print_json({"environment": project.label, "history": path, "purged": keys, "other_files": files})
    elif not options.quiet:
        count = 0 if purged is None else len(purged.keys)
        told = f"the values of {count_of(count, 'key')} removed" if count else "no value had to be removed"
        print(printable(f"{project.label}: {told}"))
    return 0


def _warn_of(purged: Purged) -> None:
    """Name the keys whose values were removed, and the files that may still hold the values."""
    say(
        f"warning: {purged.history}: an earlier version of SecretSync recorded values that may be secrets, which were "
        f"removed now: {', '.join(purged.keys)}; rotate them"
    )
    where = ", ".join(purged.other_files) or "none was found in this project, look in other folders"
    say(
        "warning: archives of `secretsync backup` and files of `secretsync audit --save` may hold these values too; "
        f"delete them, or protect them as secrets: {where}"
    )


def _list(options: argparse.Namespace, project: Project) -> int:
    records = records_of(project, history_file(project, options.history))
    if options.format == "json":
        print_json({"environment": project.label, "records": [as_json(record) for record in records]})
        return 0
    rows = [_row(back, record) for back, record in enumerate(reversed(records))]
    print(table(("RECORD", "TIME", "BY", "COMMIT", "ENTRIES", "MESSAGE"), rows) if rows else "no record yet")
    return 0


def _row(back: int, record: HistoryRecord) -> tuple[str, ...]:
    return (
        f"HEAD~{back}" if back else "HEAD",
        format_timestamp(record.time),
        actor_name(record.actor),
        short_commit(record) or "-",
        str(len(record.state.entries)),
        record.message or "",
    )
