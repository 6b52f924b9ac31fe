"""Putting restored trees in place: whole, or not at all, whenever the process ends.

1. The new trees are built beside the present ones, in the root, and brought to disk.
2. A journal is written. A restore that is cut short from here on is finished by the next one.
3. Each tree is swapped by two renamings. Where one fails, those before it are taken back.
4. The journal is removed, then the old trees.

Whatever finds the journal refuses to read the project until `resume` has finished the work.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from secretsync.backup.restore_plan import Restore
from secretsync.backup.tree import TREES, read_trees
from secretsync.backup.tree_writer import build, remove
from secretsync.core.errors import OutputError
from secretsync.core.files import Input, read_file, sync, take_lock
from secretsync.core.system.atomic_write import write_file
from secretsync.project.layout import UNFINISHED_RESTORE

_NEW, _OLD = ".secretsync-new-", ".secretsync-old-"
_JOURNAL = UNFINISHED_RESTORE


class _Step(NamedTuple):
    """One tree that a restore replaces."""

    tree: str
    had: bool  # it was there before
    gets: bool  # there is a new one

    @property
    def new(self) -> str:
        return f"{_NEW}{self.tree}"

    @property
    def old(self) -> str:
        return f"{_OLD}{self.tree}"


def apply(root: str, restore: Restore) -> None:
    """Make the trees below `root` what `restore` says. Raises OutputError, and then the old ones are there."""
    steps = [_Step(tree, tree in restore.present, tree in restore.result) for tree in restore.trees]
    with _locked(root) as folder:
        if is_unfinished(root):
            raise OutputError(f"{root}: another restore was cut short; `secretsync restore --resume` finishes it")
        failure = None
        try:
            _clean_up(folder)
            _prepare(root, restore, steps)
        except OSError as error:
            failure = error.strerror
        except BaseException:
            _clean_up(folder)
            raise
        if failure is not None:
            with contextlib.suppress(OSError):
                _clean_up(folder)
            raise OutputError(f"{root}: the new files cannot be written there: {failure}; nothing was changed")
        _swap_or_undo(root, folder, steps)
        _clean_up_or_say(root, folder)


def is_unfinished(root: str) -> bool:
    """Return True if a restore below `root` was interrupted, or is running."""
    return os.path.lexists(os.path.join(root, _JOURNAL))


def resume(root: str) -> None:
    """Finish the restore that was cut short below `root`, and remove what it left. Raises OutputError."""
    with _locked(root) as folder:
        failure = None
        try:
            for step in _read_journal(root):
                _swap(folder, step)
            _end_journal(folder)
        except OSError as error:
            failure = error.strerror
        if failure is not None:
            raise OutputError(
                f"{root}: the restore cannot be finished: {failure}; to keep env/ and providers/ as "
                f"they are now, remove {_JOURNAL}, {_NEW}* and {_OLD}* there"
            )
        _clean_up_or_say(root, folder)


def remove_leftovers(root: str) -> None:
    """Remove the trees that a killed restore left below `root` after its journal. Raises OutputError."""
    with _locked(root) as folder:
        _clean_up_or_say(root, folder)


def _prepare(root: str, restore: Restore, steps: Sequence[_Step]) -> None:
    """Build the new trees and write the journal, unless something changed since `restore` was planned."""
    for step in steps:
        build(root, step.tree, _NEW, restore.result, restore.present)
    if read_trees(root) != restore.present:
        raise OutputError("env/ or providers/ was changed meanwhile; nothing was restored, run this again")
    journal = json.dumps({"schema": 1, "trees": [step._asdict() for step in steps]})
    write_file(os.path.join(root, _JOURNAL), journal.encode(), mode=0o600)


def _read_journal(root: str) -> list[_Step]:
    data = read_file(os.path.join(root, _JOURNAL), Input.JOURNAL)
    if not isinstance(data, bytes):
        if data.is_absent:
            return []
        raise OutputError(f"{_JOURNAL}: {data.cause}, so the restore cannot be finished; look at it by hand")
    try:
        steps = [_Step(**step) for step in json.loads(data)["trees"]]
    except (ValueError, KeyError, TypeError):
        steps = []
    if not steps or any(step.tree not in TREES for step in steps):
        raise OutputError(f"{_JOURNAL}: it is damaged, so the restore cannot be finished; look at it by hand")
    return steps


def _end_journal(folder: int) -> None:
    """Remove the journal after the trees are on disk."""
    sync(folder)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_JOURNAL, dir_fd=folder)
    sync(folder)


@contextlib.contextmanager
def _locked(root: str) -> Iterator[int]:
    """Lock the root for one restore, and return its descriptor."""
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        failure = None
        try:
            if not take_lock(folder, 0):
                failure = "another restore is under way"
        except OSError as error:
            failure = f"it cannot be locked: {error.strerror}"
        if failure is not None:
            raise OutputError(f"{root}: {failure}")
        yield folder
    finally:
        os.close(folder)


def _swap_or_undo(root: str, folder: int, steps: Sequence[_Step]) -> None:
    """Put the new trees in place and remove the journal; where that fails, put the old ones back."""
    failure, is_undone = None, True
    try:
        for step in steps:
            _swap(folder, step)
        _end_journal(folder)
    except OSError as error:
        failure = error.strerror
    if failure is None:
        return
    try:
        for step in reversed(steps):
            _undo(folder, step)
        _end_journal(folder)
        _clean_up(folder)
    except OSError:
        is_undone = False
    state = "the old ones are as they were" if is_undone else "`secretsync restore --resume` tries again"
    raise OutputError(f"{root}: the new files cannot be put in place: {failure}; {state}")


def _swap(folder: int, step: _Step) -> None:
    """Put one new tree in place of the old one; what is done already is left."""
    is_waiting = _exists(folder, step.new if step.gets else step.tree)
    if step.had and is_waiting and not _exists(folder, step.old):
        os.rename(step.tree, step.old, src_dir_fd=folder, dst_dir_fd=folder)
    if step.gets and is_waiting:
        os.rename(step.new, step.tree, src_dir_fd=folder, dst_dir_fd=folder)


def _undo(folder: int, step: _Step) -> None:
    """Put one old tree back in place of the new one; what is not done is left."""
    if step.gets and not _exists(folder, step.new):
        os.rename(step.tree, step.new, src_dir_fd=folder, dst_dir_fd=folder)
    if _exists(folder, step.old):
        os.rename(step.old, step.tree, src_dir_fd=folder, dst_dir_fd=folder)


def _exists(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _clean_up(folder: int) -> None:
    """Remove the trees that are not used any more, of this restore or of one that was cut short."""
    for name in (f"{prefix}{tree}" for prefix in (_NEW, _OLD) for tree in TREES):
        if _exists(folder, name):
            remove(folder, name)


def _clean_up_or_say(root: str, folder: int) -> None:
    failure = None
    try:
        _clean_up(folder)
    except OSError as error:
        failure = error.strerror
    if failure is not None:
        raise OutputError(f"{root}: everything is restored; the old files in {_OLD}* cannot be removed: {failure}")
