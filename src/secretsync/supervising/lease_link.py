"""The side of the supervisor towards the process that renews leases."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable

from secretsync.supervising.sides import KeeperSide

REVOCATION = 5.0  # seconds for all revocations at the end
_MORE = 1.0  # seconds that the process gets for the report about them
_CHUNK = 65536


class LeaseLink:
    """Starts the process as soon as a resolution has leases, passes commands to it, and reads its reports.

    The ids of the leases go past the supervisor: through a pipe that only the two processes read and write.
    """

    def __init__(self, fork: Callable[[], int], inform: Callable[[str], None]) -> None:
        """`fork`: returns a process id, or 0 in the new process. `inform`: prints a message."""
        self._fork, self._inform = fork, inform
        self._sets: int | None = None  # the reading end, until the process is started
        self._open_sets()
        self._commands: int | None = None
        self._reports: int | None = None
        self._line = b""
        self._number = 0
        self._accepted = 0  # the resolution whose values the application has
        self._pending: list[str] = []  # commands for a process that is not started yet
        self.process: int | None = None
        self.changes: dict[str, str] = {}  # what the application loses
        self.ends_in = 0.0  # seconds from the last report

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The pipes from processes."""
        return tuple(number for number in (self._sets, self._reports) if number is not None)

    @property
    def kept(self) -> tuple[int, ...]:
        """The descriptors that must stay open."""
        return (*self.descriptors, self.writer, *(() if self._commands is None else (self._commands,)))

    @property
    def is_needed(self) -> bool:
        """True if there are leases."""
        return self.process is not None or (self._sets is not None and is_readable(self._sets))

    def begin(self) -> int:
        """Return the number of the next resolution."""
        self._number += 1
        return self._number

    def start_if_needed(self) -> KeeperSide | None:
        """Start the process if there are leases and it does not run. The new process returns its side."""
        if self._sets is None or not is_readable(self._sets):
            return None
        (commands, self._commands), (self._reports, reports) = os.pipe(), os.pipe()
        child = self._fork()
        if child == 0:
            os.close(self._commands)
            os.close(self._reports)
            return KeeperSide(self._sets, commands, reports)
        for number in (self._sets, commands, reports):
            os.close(number)
        self._sets, self.process, self._line = None, child, b""
        pending, self._pending = self._pending, []
        for command in pending:
            self._send(command)
        return None

    def read(self) -> bool:
        """Read the reports. Return True if there was one."""
        is_new = False
        while self._reports is not None and is_readable(self._reports):
            data = os.read(self._reports, _CHUNK)
            if not data:  # `ended` is called for the process.
                os.close(self._reports)
                self._reports = None
                break
            import json  # Imported only if there are leases.

            *lines, self._line = (self._line + data).split(b"\n")
            for line in lines:
                number, changes, ends_in = json.loads(line)
                if number == self._accepted:  # otherwise it is about leases that are replaced already
                    self.changes, self.ends_in = changes, ends_in
                    is_new = True
        return is_new

    def replace(self) -> None:
        """Let the leases of the last resolution replace the older ones, which are revoked."""
        self._accept()
        self._send(f"replace {self._number}")

    def retire(self) -> None:
        """Do the same, but let the older leases end by themselves, because the application may still use them."""
        self._accept()
        self._send(f"retire {self._number}")

    def drop(self) -> None:
        """Revoke the leases of the last resolution."""
        self._send(f"drop {self._number}")

    def ended(self, code: int) -> None:
        """Take the end of the process. `code`: negative for a signal."""
        self._forget()
        self._open_sets()
        self.changes = {}
        if code:
            self.changes = {"leases": "the process that renews the leases has ended"}
            self.ends_in = 0.0

    def finish(self, wait: Callable[[float, int], bool]) -> None:
        """Let the process revoke the leases, and wait for its end.

        `wait`: waits for some seconds until a descriptor can be read; returns True if the wait shall end at once.
        """
        if self.process is None:
            return
        self._send(f"end {REVOCATION:g}")
        until, is_cut = time.monotonic() + REVOCATION + _MORE, False
        while self._reports is not None and not is_cut and (left := until - time.monotonic()) > 0:
            is_cut = wait(left, self._reports)
            self.read()
        if self._reports is not None:
            reason = "a second signal asked for the end" if is_cut else "the store did not answer in time"
            self._inform(f"warning: leases are not revoked, because {reason}; they end by themselves")
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self.process, signal.SIGKILL)
            os.waitpid(self.process, 0)
        self._forget()

    def close(self) -> None:
        """Close the pipes, if there are no leases and will be none."""
        if self.process is None:
            for number in (*self.descriptors, self.writer):
                os.close(number)
            self._sets = None

    def _accept(self) -> None:
        self._accepted, self.changes = self._number, {}

    def _open_sets(self) -> None:
        if self._sets is None:
            self._sets, self.writer = os.pipe()

    def _send(self, command: str) -> None:
        if self._commands is None:
            if self.is_needed:
                self._pending.append(command)
        else:
            with contextlib.suppress(BrokenPipeError):  # The process was killed. `ended` is called for it.
                os.write(self._commands, command.encode() + b"\n")

    def _forget(self) -> None:
        for number in (self._commands, self._reports, self.writer):
            if number is not None:
                os.close(number)
        self._commands = self._reports = self.process = None


def is_readable(descriptor: int) -> bool:
    """Return True if a read of the descriptor does not wait."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
