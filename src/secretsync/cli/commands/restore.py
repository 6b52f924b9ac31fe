"""Restore env/ and providers/ from an archive of `backup`, with exact bytes and modes, all of it or nothing.

The whole archive is verified first, then the changes are shown. Files that are not in the archive are kept, unless
--delete is given.
"""

from __future__ import annotations

import argparse
import os
import sys

from secretsync.backup.archive_folder import open_archive
from secretsync.backup.restore import apply, is_unfinished, remove_leftovers, resume
from secretsync.backup.restore_plan import Restore, What, plan_restore
from secretsync.backup.tree import read_trees
from secretsync.cli import console
from secretsync.cli.options import add_option
from secretsync.core.errors import UsageError
from secretsync.core.secret import Environ
from secretsync.core.text import path_or, printable
from secretsync.project.layout import find_root

USAGE = "ARCHIVE [--dry-run | --yes] [--delete] [--root DIR] [OPTIONS]"
EXAMPLE = """  secretsync restore backups/archive.tar.gz --dry-run
  secretsync restore backups/archive.tar.gz --yes"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `restore`."""
    parser.add_argument("archive", metavar="ARCHIVE", nargs="?", help="a file that `secretsync backup` wrote")
    root_help = (
        "restore to this folder; else $SECRETSYNC_ROOT, else the nearest folder upwards with env/, else this folder"
    )
    add_option(parser, "--root", help=root_help)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--dry-run", action="store_true", help="show the changes, and change nothing")
    how.add_argument(
        "-y", "--yes", action="store_true", help="do not ask for confirmation; required without a terminal"
    )
    how.add_argument("--resume", action="store_true", help="finish an interrupted restore, and do nothing else")
    parser.add_argument("--delete", action="store_true", help="remove the files that are not in the archive")
    add_option(parser, "--quiet")


def execute(options: argparse.Namespace) -> int:
    """Return 0 after everything is restored, or after the changes are shown."""
    root = _root(options.root)
    if options.resume != (options.archive is None) or (options.resume and options.delete):
        raise UsageError("name an archive, or give --resume alone")
    if options.resume or (is_unfinished(root) and not options.dry_run):
        is_needed = is_unfinished(root)
        resume(root)
        console.info("finished the interrupted restore" if is_needed else "there is no interrupted restore here")
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
    if options.dry_run:
        return 0
    if not restore.trees:
        remove_leftovers(root)
        return 0
    if not options.yes and not _is_confirmed():
        console.info("nothing was changed")
        return 0
    apply(root, restore)
    if not options.quiet:
        console.info(f"restored {sum(change.what is not What.KEPT for change in restore.changes)} paths")
    return 0


def _root(option: str | None) -> str:
    """Return the folder to restore to. It needs no env/, because env/ may be lost."""
    environ = Environ(os.environ)
    if named := option or environ.get("SECRETSYNC_ROOT"):
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
    """Print one line for each path that differs from the archive."""
    for change in restore.changes:
        detail = "not in the archive; --delete removes it" if change.what is What.KEPT else change.detail
        print(f"  {change.what:7}  {printable(change.path)}" + (f"  ({detail})" if detail else ""))
    if not restore.trees:
        print("  nothing would change")


def _is_confirmed() -> bool:
    """Ask for confirmation at the terminal. Raises UsageError if there is no terminal."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError("nothing was changed; give --yes to restore, or --dry-run to see the changes")
    print("restore this? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
