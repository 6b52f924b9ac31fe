"""Measure whole processes in turn, and compare them as ratios within a round.

Milliseconds do not carry over to other machines, and the load of a machine changes from second to second. So the
commands take turns, the ratio to another command is taken in each round, and the median of these ratios is shown.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self, cast

_SLOW, _VERY_SLOW = 1.5, 6.0  # seconds: such a command is measured in fewer rounds


@dataclass(frozen=True)
class Sample:
    """What one process cost."""

    wall: float  # seconds
    cpu: float  # seconds, of the process and of its children
    memory: int  # the highest resident size, in KiB
    requests: int = 0
    connections: int = 0


class CommandFailedError(Exception):
    """A command failed, or did not print what it should."""


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
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._tasks, self._results = cast("IO[str]", self._process.stdin), cast("IO[str]", self._process.stdout)
        self._folder = tempfile.TemporaryDirectory()
        self.output = b""  # of the last command

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._tasks.close()
        self._process.wait()
        self._results.close()
        self._folder.cleanup()

    def run(self, command: Command) -> Sample:
        """Run a command once. Raises CommandFailedError if it fails or prints something else than it should."""
        out, err = Path(self._folder.name, "out"), Path(self._folder.name, "err")
        task = (str(command.folder), str(out), str(err), list(command.argv), dict(command.environ))
        print(repr(task), file=self._tasks, flush=True)
        status, wall, cpu, memory = self._results.readline().split()
        self.output = out.read_bytes()
        if status != "0" or not _is_right(command, self.output):
            printed = err.read_text(errors="replace").strip()[-2000:] or "the output is wrong"
            raise CommandFailedError(f"{' '.join(command.argv)[:120]}: status {status}\n{printed}")
        return Sample(float(wall), float(cpu), int(memory))


def _is_right(command: Command, output: bytes) -> bool:
    try:
        return command.proves(output)
    except ValueError:  # no JSON
        return False


def take_turns(
    commands: Mapping[str, Command],
    rounds: int,
    counts: Callable[[], tuple[int, int]] = lambda: (0, 0),
    *,
    optional: Callable[[str], bool] = lambda _: False,
) -> tuple[dict[str, list[Sample]], dict[str, str]]:
    """Return the samples of each command, one a round, and the reason of each command that failed.

    The first round fills the caches of the file system and does not count. A command that is slow in it is measured in
    fewer rounds. `counts`: returns the requests and connections since its last call. `optional`: returns True for a
    command that may fail; the failure of another one is raised.
    """
    samples: dict[str, list[Sample]] = {name: [] for name in commands}
    failed: dict[str, str] = {}
    wanted = dict.fromkeys(commands, rounds)
    with Launcher() as launcher:
        for number in range(rounds + 1):
            for name, command in commands.items():
                if name in failed or number > wanted[name]:
                    continue
                counts()
                try:
                    taken = launcher.run(command)
                except CommandFailedError as error:
                    if not optional(name):
                        raise
                    failed[name] = str(error).strip().rpartition("\n")[2]
                    continue
                if number:
                    samples[name].append(Sample(taken.wall, taken.cpu, taken.memory, *counts()))
                elif taken.wall > _SLOW:
                    wanted[name] = 1 if taken.wall > _VERY_SLOW else max(2, rounds // 3)
    return {name: taken for name, taken in samples.items() if taken and name not in failed}, failed


def ratio(one: Sequence[Sample], other: Sequence[Sample], figure: str) -> float:
    """Return the median of one command's `figure` divided by the other's of the same round."""
    ratios = [getattr(a, figure) / getattr(b, figure) for a, b in zip(one, other, strict=False)]
    return float(statistics.median(ratios))


def median(samples: Sequence[Sample], figure: str) -> float:
    """Return the median of a figure."""
    return float(statistics.median(getattr(one, figure) for one in samples))
