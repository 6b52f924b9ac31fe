"""The processes that the supervisor forks, each as itself sees the supervisor."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
from collections.abc import Iterator, Mapping

from secretsync.core.model import LONGEST_WAIT

_PR_SET_PDEATHSIG = 1


class CandidateSide:
    """A process that resolves the configuration, then waits until the supervisor needs it."""

    def __init__(
        self, ready: int, turn: int, *, leases: int, number: int, is_first: bool, key: bytes, parent: int
    ) -> None:
        """`ready`: the pipe to the supervisor. `turn`: the pipe from it. `key`: for the digests of contents.

        `leases`: the pipe to the process that renews them. `number`: of this resolution.
        `is_first`: no application was started before. `parent`: the process id of the supervisor.
        """
        self._ready, self._turn, self._leases, self._number = ready, turn, leases, number
        self._parent = parent
        self.is_first = is_first
        self.key = key
        self.versions: Mapping[str, str] = {}  # those that the values were read with, or older ones

    def before_user_changes(self) -> None:
        """Send the versions, and wait for the supervisor. End this process if the supervisor does not need it."""
        with contextlib.suppress(BrokenPipeError), open(self._ready, "w", encoding="ascii") as pipe:
            pipe.write(_json(dict(self.versions)) if self.versions else "{}")
        if not os.read(self._turn, 1):
            os._exit(1)
        os.close(self._turn)

    def end_with_supervisor(self) -> None:
        """Let the kernel send SIGTERM to the application if the supervisor is killed. A change of the user undoes that.

        If the supervisor is process 1, the kernel kills all processes with it anyway.
        """
        if sys.platform != "linux" or self._parent == 1:
            return
        from secretsync.running.process_protection import prctl

        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != self._parent:  # The supervisor was killed before.
            os.kill(os.getpid(), signal.SIGTERM)

    def hand_over_leases(self, packed: str) -> None:
        """Send the leases of this resolution, in one line, to the process that renews them."""
        # The line end in front completes a line that a killed process began.
        data = f"\n{self._number} {packed}\n".encode()
        with contextlib.suppress(BrokenPipeError):  # That process was killed. The leases end by themselves.
            while data:
                data = data[os.write(self._leases, data) :]


class WatcherSide:
    """The process that watches the versions."""

    def __init__(self, reports: int, baseline: Mapping[str, str], key: bytes) -> None:
        """Keep the pipe. `reports`: the pipe to the supervisor. `baseline`: the versions of the application."""
        self.descriptor = reports
        self.baseline = baseline
        self.key = key

    def wait(self, seconds: float) -> bool:
        """Wait. Return True if the supervisor has ended."""
        poll = select.poll()
        poll.register(self.descriptor, 0)  # an error is reported as soon as the pipe has no reader
        return bool(poll.poll(seconds * 1000))

    def report(self, changes: Mapping[str, str]) -> None:
        """Send the differences from the baseline to the supervisor."""
        data = _json(dict(changes)).encode() + b"\n"
        while data:
            data = data[os.write(self.descriptor, data) :]


class KeeperSide:
    """The process that renews leases."""

    def __init__(self, sets: int, commands: int, reports: int) -> None:
        """Keep the pipes. `sets`: the leases of each resolution. `commands`, `reports`: pipes of the supervisor."""
        self._sets, self._commands, self._reports = sets, commands, reports
        self._waker = os.pipe()
        self._rest = {sets: b"", commands: b""}  # the beginnings of lines
        self.has_read_sets = False
        self.is_over = False  # the supervisor has ended
        for descriptor in (sets, commands, *self._waker):
            os.set_blocking(descriptor, False)

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The descriptors that must stay open."""
        return self._sets, self._commands, self._reports, *self._waker

    def wait(self, seconds: float | None) -> None:
        """Wait until there is something to read, or for some seconds."""
        poll = select.poll()
        for descriptor in (self._sets, self._commands, self._waker[0]):
            poll.register(descriptor, select.POLLIN)
        poll.poll(None if seconds is None else min(seconds, LONGEST_WAIT) * 1000)
        with contextlib.suppress(BlockingIOError):
            os.read(self._waker[0], 4096)

    def wake(self) -> None:
        """End the wait. For other threads."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._waker[1], b"x")

    def read_sets(self) -> Iterator[tuple[int, bytes]]:
        """Yield the leases of each resolution, after the number of the resolution."""
        for line in self._lines(self._sets):
            number, _, text = line.partition(b" ")
            # A process that was killed while it wrote leaves the beginning of a line in front of the next one.
            if number.isdigit() and text.endswith(b"]"):
                self.has_read_sets = True
                yield int(number), text

    def read_commands(self) -> Iterator[list[str]]:
        """Yield the words of each command of the supervisor."""
        for line in self._lines(self._commands):
            yield line.decode().split()

    def report(self, number: int, changes: Mapping[str, str], ends_in: float) -> None:
        """Send what the application loses to the supervisor.

        `number`: of the resolution whose values it has. `ends_in`: seconds.
        """
        data = _json([number, dict(changes), ends_in]).encode() + b"\n"
        while data:
            data = data[os.write(self._reports, data) :]

    def _lines(self, descriptor: int) -> list[bytes]:
        data = self._rest[descriptor]
        while True:
            try:
                more = os.read(descriptor, 65536)
            except BlockingIOError:
                break
            if not more:
                self.is_over = True
                break
            data += more
        *lines, self._rest[descriptor] = data.split(b"\n")
        return lines


def _json(document: object) -> str:
    import json  # Imported only if there is something to send, because the supervisor imports this module too.

    return json.dumps(document)
