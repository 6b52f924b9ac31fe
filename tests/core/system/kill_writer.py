"""Kill a writer at each of its steps and at random moments: `kill_writer.py FOLDER KILLS SEED` prints JSON.

A process of its own, because it forks: a test process may have threads.
"""

import contextlib
import json
import os
import random
import select
import signal
import sys
from pathlib import Path

from secretsync.core.system.atomic_write import write_file
from tests.backup.kill_restore import die_at


def content(number: int) -> bytes:
    """Return the content of the file in its `number`th version; each has a different length."""
    return (b"%06d\n" % number) * (2000 + number % 3000)


def is_whole(data: bytes) -> bool:
    """Return True if `data` is exactly one version."""
    return data == content(int(data[:6]))


def write_for_ever(target: str) -> None:
    """Write one version after the other, in a child that is going to be killed."""
    number = 1
    while True:
        write_file(target, content(number % 1_000_000))
        number += 1


def kill_at_step(target: str, step: int) -> bool:
    """Return True if a writer of one version was killed at `step`; False if it ended first."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            die_at(step)
            write_file(target, content(step + 1))
            os._exit(0)
        os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, (step, status)
    return os.WIFSIGNALED(status)


def kill_at_random(target: str, seconds: float) -> None:
    """Kill a writer of many versions so long after it began."""
    ready, child_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(child_end, b"x")
        with contextlib.suppress(BaseException):
            write_for_ever(target)
        os._exit(1)
    os.read(ready, 1)
    select.select([], [], [], seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(ready)
    os.close(child_end)


def main() -> None:
    """Kill at every step, then at random moments as often as asked, and count."""
    folder, kills, drawn = Path(sys.argv[1]), int(sys.argv[2]), random.Random(int(sys.argv[3]))
    target = folder / "file"
    write_file(str(target), content(0))
    counts = {"torn": 0, "left_behind": 0, "not_removed": 0}

    def look(version: int) -> None:
        """Count what a kill left, and write `version`."""
        counts["torn"] += not is_whole(target.read_bytes())
        counts["left_behind"] += len(os.listdir(folder)) - 1
        write_file(str(target), content(version))
        counts["torn"] += target.read_bytes() != content(version)
        counts["not_removed"] += len(os.listdir(folder)) - 1

    step = 0
    while kill_at_step(str(target), step):
        look(500_000 + step)
        step += 1
    for kill in range(kills):
        kill_at_random(str(target), drawn.uniform(0, 0.005))
        look(999_999 - kill)
    json.dump(counts, sys.stdout)


if __name__ == "__main__":
    main()
