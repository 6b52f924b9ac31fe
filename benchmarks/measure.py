"""Measure whole processes in turn, and compare them as ratios within a round.

Milliseconds do not carry over to other machines, and the load of a machine changes from second to second. So the
commands take turns, the ratio to the first command is taken in each round, and the median of these ratios is shown.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast


@dataclass(frozen=True)
class Sample:
    """What one process cost."""

    wall: float  # seconds
    cpu: float  # seconds, of the process and of its children
    memory: int  # the highest resident size, in KiB
    requests: int = 0
    connections: int = 0


@dataclass(frozen=True)
class Command:
    """A command that is measured."""

    argv: Sequence[str]
    folder: Path
    environ: Mapping[str, str]
    proves: Callable[[bytes], bool] = lambda _: True  # returns True if this output is right


# The peak memory of a process includes that of the process which forked it. So a small process forks the commands.
_LAUNCHER = """
import posix, sys, time
for line in sys.stdin:
    folder, out, err, argv, environ = eval(line)
    begin = time.perf_counter()
    pid = posix.fork()
    if not pid:
        try:
            posix.chdir(folder)
            for number, path in ((1, out), (2, err)):
                posix.dup2(posix.open(path, posix.O_WRONLY | posix.O_CREAT | posix.O_TRUNC), number)
            posix.execve(argv[0], argv, environ)
        finally:
            posix._exit(127)
    _, status, used = posix.wait4(pid, 0)
    wall = time.perf_counter() - begin
    print(status, wall, used.ru_utime + used.ru_stime, used.ru_maxrss, flush=True)
"""


class Launcher:
    """A process that runs commands and measures them."""

    def __init__(self) -> None:
        argv = [sys.executable, "-I", "-S", "-c", _LAUNCHER]
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._tasks, self._results = cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)
        self._folder = tempfile.TemporaryDirectory()

    def run(self, command: Command) -> Sample:
        """Run a command once. It ends this program if the command fails or prints something else than it should."""
        out, err = Path(self._folder.name, "out"), Path(self._folder.name, "err")
        task = (str(command.folder), str(out), str(err), list(command.argv), dict(command.environ))
        print(repr(task), file=self._tasks, flush=True)
        status, wall, cpu, memory = self._results.readline().split()
        if status != "0" or not command.proves(out.read_bytes()):
            told = err.read_text(errors="replace")[-2000:]
            sys.exit(f"{' '.join(command.argv)[:120]}: status {status}\n{told}")
        return Sample(float(wall), float(cpu), int(memory))


def take_turns(
    commands: Mapping[str, Command], rounds: int, counts: Callable[[], tuple[int, int]] = lambda: (0, 0)
) -> dict[str, list[Sample]]:
    """Return the samples of each command, one a round.

    `counts`: returns the requests and connections since its last call.
    """
    launcher = Launcher()
    samples: dict[str, list[Sample]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            counts()
            taken = launcher.run(command)
            if number:  # the first round fills the caches of the file system
                samples[name].append(Sample(taken.wall, taken.cpu, taken.memory, *counts()))
    return samples


def ratio(one: Sequence[Sample], other: Sequence[Sample], figure: str) -> float:
    """Return the median of one command's `figure` divided by the other's of the same round."""
    ratios = [getattr(a, figure) / getattr(b, figure) for a, b in zip(one, other, strict=True)]
    return float(statistics.median(ratios))
