"""Record the state of an environment: keys, files, settings, references, and the versions of secrets in their stores.

No value of a secret is read. A record contains no value and no hash or length of a value. `secretsync diff` compares
records.
"""

from __future__ import annotations

import argparse
import os

from secretsync.cli import console
from secretsync.cli.history import add_history, format_counts, short_commit
from secretsync.cli.loading import environment_of, store_access
from secretsync.cli.options import add_format, add_source, whole_number
from secretsync.core.errors import ResolutionError, UsageError
from secretsync.core.secret import AnyEnviron, Environ
from secretsync.core.system.current_user import actor_name
from secretsync.core.text import count_of, printable
from secretsync.core.timestamps import format_timestamp
from secretsync.planning.request import load_plan, open_request, project_name
from secretsync.project.layout import Project
from secretsync.tracking.history import HistoryRecord, as_json
from secretsync.tracking.track import KEPT, Purged, Tracked, history_file, purge, records_of, shown_path, track

USAGE = "[-e NAME] [--env-file FILE...] [OPTIONS]"

EXAMPLE = """  secretsync track -e production --message "before release 42"
  secretsync track -e production --list"""

_MOST_KEPT = 1000

_LONGEST_MESSAGE = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `track`."""
    add_source(parser, services=False)
    add_history(parser)
    parser.add_argument("--message", "-m", metavar="TEXT", help="a note for the record: the reason, the ticket")
    parser.add_argument(
        "--keep",
        metavar="N",
        type=whole_number(_MOST_KEPT),
        default=KEPT,
        help=f"the number of records in the history (default: {KEPT})",
    )
    parser.add_argument("--always", action="store_true", help="add a record even if nothing has changed")
    parser.add_argument("--list", action="store_true", help="list the records, and do nothing else")
    parser.add_argument(
        "--purge", action="store_true", help="remove recorded text that may be a secret, and do nothing else"
    )
    add_format(parser)


def execute(options: argparse.Namespace) -> int:
    """Return 0, with or without a new record."""
    environ = Environ(os.environ)
    source = environment_of(options, environ)
    if options.list and options.purge:
        raise UsageError("--list and --purge exclude each other; run them one after the other")
    if options.list:
        return _list(options, open_request(source, environ))
    if options.purge:
        return _purge(options, open_request(source, environ))
    if options.message is not None and len(options.message) > _LONGEST_MESSAGE:
        raise UsageError(f"--message takes {_LONGEST_MESSAGE} characters at most")
    # The state does not include the variables of the application's process, because they are unknown here.
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
            on_purge=_warn_of_purge,
        )
    except ResolutionError:
        console.info("nothing was recorded; --offline records the files without versions")
        raise
    if options.format == "json":
        counts = None if tracked.changes is None else tracked.changes.counts
        document = {
            "project": plan.project_name,
            "environment": plan.project.label,
            "recorded": tracked.is_new,
            "history": path,
        }
        print(console.format_json({**document, "changes": counts, "record": as_json(tracked.record)}))
    elif not options.quiet:
        console.print_lines(printable(f"{plan.project.label}: {_format_result(tracked)}"))
    if options.verbose:
        console.info(f"the history is {shown_path(plan.project, path)}")
    return 0


def _format_result(tracked: Tracked) -> str:
    record = tracked.record
    if not tracked.is_new:
        return f"nothing has changed since {format_timestamp(record.time)}; nothing recorded"
    entries = record.state.entries
    count = sum(len(entry.sources) for entry in entries)
    text = f"recorded at {format_timestamp(record.time)}: {count_of(len(entries), 'entry', 'entries')}, "
    text += "offline, without versions" if record.state.offline else count_of(count, "reference")
    if tracked.changes is None:
        return f"{text}; the first record"
    return f"{text}; {format_counts(tracked.changes.counts)}"


def _purge(options: argparse.Namespace, project: Project) -> int:
    path = history_file(project, options.history)
    purged = purge(project, path)
    if purged is not None:
        _warn_of_purge(purged)
    if options.format == "json":
        keys, files = ([], []) if purged is None else (list(purged.keys), list(purged.other_files))
        document: dict[str, object] = {
            "project": project_name(project),
            "environment": project.label,
            "history": path,
            "purged": keys,
            "other_files": files,
        }
        print(console.format_json(document))
    elif not options.quiet:
        count = 0 if purged is None else len(purged.keys)
        result = f"the values of {count_of(count, 'key')} removed" if count else "no value had to be removed"
        console.print_lines(printable(f"{project.label}: {result}"))
    return 0


def _warn_of_purge(purged: Purged) -> None:
    """Name the keys whose values were removed, and the files that may still hold the values."""
    console.warn(
        f"{purged.history}: an earlier version of SecretSync recorded values that may be secrets, which were "
        f"removed now: {', '.join(purged.keys)}; rotate them"
    )
    files = ", ".join(purged.other_files) or "none was found in this project, look in other folders"
    console.warn(
        "archives of `secretsync backup` and files of `secretsync audit --save` may hold these values too; "
        f"delete them, or protect them as secrets: {files}"
    )


def _list(options: argparse.Namespace, project: Project) -> int:
    records = records_of(project, history_file(project, options.history))
    if options.format == "json":
        rows_of_json = [as_json(record) for record in records]
        print(
            console.format_json(
                {"project": project_name(project), "environment": project.label, "records": rows_of_json}
            )
        )
        return 0
    rows = [_row(back, record) for back, record in enumerate(reversed(records))]
    if rows:
        print(console.format_table(("RECORD", "TIME", "BY", "COMMIT", "ENTRIES", "MESSAGE"), rows))
    else:
        print("no record yet")
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
