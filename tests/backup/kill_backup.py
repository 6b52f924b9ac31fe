"""Kill a backup at every step that it takes on disk: `kill_backup.py ROOT` prints how often, as JSON.

A process of its own, because it forks: a test process may have threads.
"""

import contextlib
import json
import os
import sys
from datetime import timedelta

from secretsync.backup.archive import write_archive
from secretsync.backup.archive_folder import open_archive, store
from secretsync.backup.tree import read_trees
from tests.backup.kill_restore import die_at
from tests.backup.samples import AT


def fork_and_die(folder: str, data: bytes, step: int) -> bool:
    """Return True if a process that writes an archive was killed at `step`; False if it ended first."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            die_at(step)
            store(folder, data, AT + timedelta(seconds=step))
            os._exit(0)
        os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, (step, status)
    return os.WIFSIGNALED(status)


def main() -> None:
    """Check that each archive is complete, and that the next backup removes the rest of a killed one."""
    root = sys.argv[1]
    folder, data = os.path.join(root, "backups"), write_archive(read_trees(root), project=root, at=AT)
    kills = left_behind = 0
    while fork_and_die(folder, data, kills):
        kills += 1
        for name in os.listdir(folder) if os.path.isdir(folder) else ():
            if name.endswith(".tar.gz"):
                open_archive(os.path.join(folder, name))
            else:
                left_behind += 1
    names = os.listdir(folder)
    assert all(name.endswith(".tar.gz") for name in names), names
    json.dump({"kills": kills, "left_behind": left_behind, "archives": len(names)}, sys.stdout)


if __name__ == "__main__":
    main()
