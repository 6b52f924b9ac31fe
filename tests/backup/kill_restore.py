"""Kill a restore at every step that it takes on disk, and look at what it leaves: `kill_restore.py ROOT OLD ARCHIVE`.

ROOT is brought to the state of the folder OLD before each. Prints JSON. A process of its own, because it forks: a test
process may have threads.
"""

import contextlib
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from secretsync.backup.archive_folder import open_archive
from secretsync.backup.restore import apply, is_unfinished, resume
from secretsync.backup.restore_plan import Restore, plan_restore
from secretsync.backup.tree import read_trees
from secretsync.core.errors import UsageError
from secretsync.project.layout import find_root
from tests.backup.samples import State, lose, state

# What Python tells of before it asks the kernel for a change.
STEPS = {"os.rename", "os.link", "os.mkdir", "os.rmdir", "os.remove", "os.chmod", "os.chown", "os.utime", "os.symlink"}


def die_at(step: int) -> None:
    """Let this process be killed right before its `step`th change on disk."""
    left = step

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if event in STEPS or (event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_CREAT):
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def planned(root: str, archive: str) -> Restore:
    """Return the plan of a restore with --delete."""
    return plan_restore(read_trees(root), open_archive(archive).nodes, delete=True)


def fork_and_die(root: str, archive: str, step: int, *, resuming: bool = False) -> bool:
    """Return True if a process that restores, or resumes, was killed at `step`; False if it ended first."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            restore = None if resuming else planned(root, archive)
            die_at(step)
            if restore is None:
                resume(root)
            else:
                apply(root, restore)
            os._exit(0)
        os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, (step, status)
    return os.WIFSIGNALED(status)


def reset(root: Path, old: Path) -> None:
    """Bring `root` to the state of `old`."""
    root.mkdir(exist_ok=True)
    for path in root.iterdir():
        lose(path) if path.is_dir() else path.unlink()
    shutil.copytree(old, root, symlinks=True, dirs_exist_ok=True)


def is_refused(root: str) -> bool:
    """Return True if other commands refuse to read the project."""
    try:
        find_root(root, {})
    except UsageError:
        return True
    return False


def check(root: Path, before: State, after: State, archive: str) -> str:
    """Return the state after a kill: "old", "new", or "journal" if resuming made it new. Fail for any other."""
    if is_unfinished(str(root)):
        assert is_refused(str(root))
        resume(str(root))
        left = "journal"
        assert state(root) == after
    else:
        now = state(root)
        assert now in (before, after)
        left = "old" if now == before else "new"
        apply(str(root), planned(str(root), archive))
        assert state(root) == after
    assert sorted(os.listdir(root)) == sorted({path.split("/")[0] for path in after})
    return left


def main() -> None:
    """Kill at each step, the resuming of what a kill left at each of its steps too, and count."""
    root, old, archive = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    reset(root, old)
    before = state(root)
    after: State = {path: (node.kind, node.mode, node.data) for path, node in open_archive(archive).nodes.items()}
    counts = {"old": 0, "new": 0, "journal": 0, "resumed": 0}
    step = 0
    while fork_and_die(str(root), archive, step):
        was_unfinished = is_unfinished(str(root))
        counts[check(root, before, after, archive)] += 1
        resumed = 0
        while was_unfinished:
            reset(root, old)
            assert fork_and_die(str(root), archive, step)
            if not fork_and_die(str(root), archive, resumed, resuming=True):
                break
            check(root, before, after, archive)
            counts["resumed"] += 1
            resumed += 1
        reset(root, old)
        step += 1
    assert state(root) == after
    json.dump(counts, sys.stdout)


if __name__ == "__main__":
    main()
