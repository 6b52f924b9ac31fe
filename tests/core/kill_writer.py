"""Kill a writer at random moments, and look at what it leaves: `kill_writer.py FOLDER KILLS SEED` prints JSON.

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

from secretsync.core.atomic_write import write_file


def content(number: int) -> bytes:
    """What the file holds in its `number`th version; each has a length of its own."""
    return (b"%06d\n" % number) * (2000 + number % 3000)


def is_whole(data: bytes) -> bool:
    """Whether `data` is one version, from its beginning to its end."""
    return data == content(int(data[:6]))


def write_for_ever(target: str) -> None:
    """Write one version after the other, in a child that is going to be killed."""
    number = 1
    while True:
        write_file(target, content(number % 1_000_000))
        number += 1


def main() -> None:
    """Kill as often as asked, and count."""
    folder, kills, drawn = Path(sys.argv[1]), int(sys.argv[2]), random.Random(int(sys.argv[3]))
    target = folder / "file"
    write_file(str(target), content(0))
    torn = left_behind = not_removed = 0
    for kill in range(kills):
        ready, child_end = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(child_end, b"x")
            with contextlib.suppress(BaseException):
                write_for_ever(str(target))
            os._exit(1)
        os.read(ready, 1)
        select.select([], [], [], drawn.uniform(0, 0.005))  # the random moment
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(ready)
        os.close(child_end)
        torn += not is_whole(target.read_bytes())
        left_behind += len(os.listdir(folder)) - 1
        write_file(str(target), content(999_999 - kill))
        torn += target.read_bytes() != content(999_999 - kill)
        not_removed += len(os.listdir(folder)) - 1
    json.dump({"torn": torn, "left_behind": left_behind, "not_removed": not_removed}, sys.stdout)


if __name__ == "__main__":
    main()
