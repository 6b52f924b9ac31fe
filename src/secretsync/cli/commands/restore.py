"""Put env/ and providers/ back from an archive of `backup`, byte and mode exact: all of it, or nothing.

The archive is verified to its end first, then what would change is shown. Files that the archive does not have are left
alone unless --delete is given.
"""

from __future__ import annotations

import argparse
import os
import sys

from secretsync.backup.archive_folder import open_archive
from secretsync.backup.restore import apply, is_unfinished, resume
from secretsync.backup.restore_plan import Restore, What, plan_restore
from secretsync.backup.tree import read_trees
from secretsync.cli.console import say
from secretsync.core.environ import Environ
from secretsync.core.errors import UsageError, printable
from secretsync.core.text import path_or
from secretsync.project.layout import find_root

USAGE = "ARCHIVE [--dry-run | --yes] [--delete] [--root DIR] [OPTIONS]"
EXAMPLE = """  secretsync restore backups/secretsync-20261126T193850Z.tar.gz --dry-run
  secretsync restore backups/secretsync-20261126T193850Z.tar.gz --yes"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `restore`."""
    parser.add_argument("archive", metavar="ARCHIVE", nargs="?", help="a file that `secretsync backup` wrote")
    parser.add_argument(
        "--root",
        metavar="DIR",
        help="where to restore; else $SECRETSYNC_ROOT, else the nearest folder upwards with env/, else here",
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--dry-run", action="store_true", help="show what would change, and change nothing")
    how.add_argument("-y", "--yes", action="store_true", help="do not ask; needed where there is no terminal to ask on")
    how.add_argument("--resume", action="store_true", help="finish a restore that was cut short, and do nothing else")
    parser.add_argument("--delete", action="store_true", help="remove the files that the archive does not have")
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but what went wrong")


def execute(options: argparse.Namespace) -> int:
    """0, after everything is as in the archive, or would be."""
    root = _root(options.root)
    if options.resume != (options.archive is None) or (options.resume and options.delete):
        raise UsageError("name an archive, or give --resume alone")
    if options.resume or (is_unfinished(root) and not options.dry_run):
        is_needed = is_unfinished(root)
        resume(root)
        say("finished the restore that was cut short" if is_needed else "no restore was cut short here")
        if options.resume:
            return 0
    if is_unfinished(root):
        raise UsageError(f"{root}: a restore was cut short; `secretsync restore --resume` finishes it")
    archive = open_archive(options.archive)
    restore = plan_restore(read_trees(root), archive.nodes, delete=options.delete)
    if not options.quiet:
        print(f"{printable(options.archive)}, made {printable(archive.created)}, into {printable(root)}")
        _show(restore)
        sys.stdout.flush()
    if not restore.trees or options.dry_run:
        return 0
    if not options.yes and not _is_confirmed():
        say("nothing was changed")
        return 0
    apply(root, restore)
    if not options.quiet:
        say(f"restored {sum(change.what is not What.KEPT for change in restore.changes)} paths")
    return 0


def _root(given: str | None) -> str:
    """Where to restore. It need not have an env/: that may be what was lost."""
    environ = Environ(os.environ)
    if named := given or environ.get("SECRETSYNC_ROOT"):
        if not os.path.isdir(named):
            raise UsageError(f"{path_or(named, '--root')}: there is no such folder")
        return os.path.realpath(named)
    folder = os.path.realpath(os.curdir)
    while not is_unfinished(folder):
        parent = os.path.dirname(folder)
        if parent == folder:
            break
        folder = parent
    else:
        return folder
    try:
        return os.path.realpath(find_root(None, environ))
    except UsageError:
        return os.path.realpath(os.curdir)


def _show(restore: Restore) -> None:
    """One line for each path that is not as in the archive."""
    for change in restore.changes:
        detail = "not in the archive; --delete removes it" if change.what is What.KEPT else change.detail
        print(f"  {change.what:7}  {printable(change.path)}" + (f"  ({detail})" if detail else ""))
    if not restore.trees:
        print("  nothing is to be changed")


def _is_confirmed() -> bool:
    """Whether somebody at a terminal says yes. Raises UsageError where nobody can be asked."""
    if not sys.stdin.isatty():
        raise UsageError("nothing was changed: give --yes to restore, or --dry-run to look only")
    print("restore this? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
