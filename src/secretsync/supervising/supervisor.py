"""Wait for the application: forward signals to it, reap processes, end it after the grace period."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from secretsync.supervising.signals import Signals
from secretsync.supervising.terminal import Terminal, is_group

T = TypeVar("T")
_ENDING = (signal.SIGTERM, signal.SIGINT)
_POLL = 0.02  # seconds; the end of a process that is not a child of this process sends no signal
_AFTER_KILL = 1.0  # seconds until this process ends although a process of the group is not gone


class Output(Protocol):
    """The output of the application that goes through this process."""

    def drain(self) -> None:
        """Begin to end: copy what is in the pipes, without waiting for processes that still hold them."""

    def is_done(self) -> bool:
        """Return True if everything is written."""


class Helpers(Protocol[T]):
    """The other child processes of this process, which prepare the next application."""

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The pipes from these processes."""

    @property
    def due(self) -> float | None:
        """When `step` has something to do without a message from a pipe, on the monotonic clock; None means never."""

    def step(self, supervisor: Supervisor[T]) -> T | None:
        """Read the pipes and do what is due. A new process returns what it is for; this process returns None."""

    def ended(self, supervisor: Supervisor[T], process: int, code: int) -> None:
        """Take the end of a process, which may be another than one of these. `code`: negative for a signal."""

    def continue_successor(self) -> None:
        """Let the process that waits become the application."""

    def close(self, supervisor: Supervisor[T]) -> T | None:
        """End all of them, after the end of the application. A new process returns what it is for."""


class Supervisor(Generic[T]):
    """The parent of the application. The application is the leader of a process group of its own."""

    def __init__(
        self,
        child: int,
        *,
        signals: Signals,
        terminal: Terminal,
        grace: float,
        started: int | None,
        on_start: Callable[[], None],
        on_kill: Callable[[str], None],
        output: Output | None = None,
        helpers: Helpers[T] | None = None,
    ) -> None:
        """`grace`: seconds between SIGTERM and SIGKILL.

        `started`: the descriptor of a pipe that ends if the application becomes another user or starts; then `on_start`
        is called. `on_kill`: called with a message before SIGKILL is sent.
        `output`: None means that it goes past this process. `helpers`: other child processes; None means that there are
        none.
        """
        self._child = child
        self._successor: int | None = None  # the process that becomes the application after this one has ended
        self._signals = signals
        self._terminal = terminal
        self._grace = grace
        self._reason = f"the command did not end within {grace:g} s"
        self._started = started
        if started is not None:
            os.set_blocking(started, False)  # Otherwise a signal before the start would end all work until the start.
        self._on_start, self._on_kill = on_start, on_kill
        self._output = output
        self._helpers = helpers
        self._ending = {number for number in _ENDING if number not in signals.ignored}
        self._status: int | None = None
        self._kill_at: float | None = None  # when SIGKILL is sent
        self._give_up_at: float | None = None  # when this process ends in any case
        self._unsent: list[int] = []  # signals that this user could not send
        self._is_asked_to_end = False
        self._is_draining = False

    @property
    def is_going_on(self) -> bool:
        """Return True if the application runs and was not asked to end."""
        return self._status is None and not self._is_asked_to_end and self._successor is None

    def run(self) -> int | T:
        """Return the exit status of the application, or 128 and the number of the signal that ended it.

        A process that `helpers` started returns what the process is for.
        """
        self._terminal.give(self._child)
        helpers = self._helpers
        while not self._is_finished():
            started = () if self._started is None else (self._started,)
            others = () if helpers is None else helpers.descriptors
            for number in self._signals.wait(self._timeout(), *started, *others):
                self._receive(number)
            self._look_for_start()
            self._reap()
            self._kill_in_time()
            if helpers is not None and (task := helpers.step(self)) is not None:
                return task
        if helpers is not None and (task := helpers.close(self)) is not None:
            return task
        self._terminal.take_back(self._child)
        assert self._status is not None  # noqa: S101 - for the type checker
        return self._status

    def _is_finished(self) -> bool:
        if self._status is None:
            return False
        if self._give_up_at is not None and time.monotonic() >= self._give_up_at:
            return not self._succeed()
        if is_group(self._child):
            return False
        if self._succeed():
            return False
        if self._output is None:
            return True
        if not self._is_draining:
            self._is_draining = True
            if not self._is_asked_to_end:
                self._kill_at = None  # No signal asks for a quick end, so that a slow reader gets all output.
            self._output.drain()
        return self._output.is_done()

    def _timeout(self) -> float | None:
        """Return the seconds until something has to be done without a signal; None means never."""
        if self._status is not None and not self._is_draining:
            return _POLL
        due = None if self._helpers is None or not self.is_going_on else self._helpers.due
        times = [at for at in (self._kill_at, self._give_up_at, due) if at is not None]
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _receive(self, number: int) -> None:
        """Do what a signal to this process asks for."""
        if number == signal.SIGCHLD:
            return
        if number in self._ending:
            is_repeated = self._is_asked_to_end or self._successor is None
            self._is_asked_to_end = True
            if self._kill_at is None:
                self._kill_at = time.monotonic() + self._grace
            elif is_repeated:
                self._kill_at = time.monotonic()
                self._reason = "a second signal asked the command to end"
                return
        self._terminal.give(self._child)  # because `fg` of a shell gives the terminal to this process
        self._send(number)

    def restart(self, successor: int) -> None:
        """End the application as SIGTERM does. After its end the process `successor` becomes the application."""
        self._successor = successor
        if self._kill_at is None:
            self._kill_at = time.monotonic() + self._grace
        self._send(signal.SIGTERM)
        self._send(signal.SIGCONT)

    def wait_at_end(self, seconds: float, descriptor: int) -> bool:
        """Wait until `descriptor` can be read. Return True if a signal asks for the end a second time."""
        for number in self._signals.wait(seconds, descriptor):
            if number in self._ending and self._is_asked_to_end:
                return True
            self._is_asked_to_end = self._is_asked_to_end or number in self._ending
        return False

    def notify(self, number: int) -> None:
        """Send a signal to the application alone. Its workers may end at a signal that is meant for it, such as HUP."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(self._child, number)

    def _succeed(self) -> bool:
        """Let the successor become the application. Return False without a successor, or if this process is to end."""
        if self._successor is None or self._is_asked_to_end or self._helpers is None:
            return False
        self._terminal.take_back(self._child)
        self._child, self._successor = self._successor, None
        self._status = self._kill_at = self._give_up_at = None
        self._terminal.give(self._child)
        self._helpers.continue_successor()
        return True

    def _send(self, number: int) -> None:
        """Send a signal to the process group of the application."""
        try:
            os.killpg(self._child, number)
        except ProcessLookupError:
            return
        except PermissionError:
            # The application is another user already, and this process will be soon.
            self._unsent.append(number)

    def _look_for_start(self) -> None:
        """Call `on_start` once if the pipe `started` has ended."""
        if self._started is None:
            return
        try:
            os.read(self._started, 1)
        except BlockingIOError:  # The application has not started.
            return
        os.close(self._started)
        self._started = None
        self._on_start()
        unsent, self._unsent = self._unsent, []
        for number in unsent:
            self._send(number)

    def _reap(self) -> None:
        """Take the exit status of each child and each orphan that has ended."""
        while True:
            try:
                process, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
            except ChildProcessError:
                return
            if process == 0:
                return
            if process != self._child:
                if self._helpers is not None and not os.WIFSTOPPED(status):
                    self._successor = None if process == self._successor else self._successor
                    self._helpers.ended(self, process, os.waitstatus_to_exitcode(status))
                continue
            if os.WIFSTOPPED(status):
                self._stop(os.WSTOPSIG(status))
                continue
            code = os.waitstatus_to_exitcode(status)
            self._status = code if code >= 0 else 128 - code
            self._end_group()

    def _end_group(self) -> None:
        """End the processes that the application left in its group."""
        if is_group(self._child) and self._kill_at is None:
            self._kill_at = time.monotonic() + self._grace
            self._send(signal.SIGTERM)
            self._send(signal.SIGCONT)

    def _stop(self, number: int) -> None:
        """Stop together with the application, so that the shell of the terminal notices that.

        `number`: the signal that stopped the application. Without a terminal this process stays awake, so that it can
        forward SIGCONT.
        """
        if self._terminal.descriptor is None:
            return
        if number in (signal.SIGTTIN, signal.SIGTTOU) and self._terminal.give(self._child):
            self._send(signal.SIGCONT)
            return
        self._terminal.take_back(self._child)
        received = self._signals.stop()
        for one in received:
            self._receive(one)
        if signal.SIGCONT not in received:  # this process could not stop
            self._terminal.give(self._child)
            if number != signal.SIGSTOP:
                self._send(signal.SIGCONT)

    def _kill_in_time(self) -> None:
        """Send SIGKILL if the grace period is over."""
        if self._kill_at is None or time.monotonic() < self._kill_at:
            return
        self._kill_at = None
        self._give_up_at = time.monotonic() + _AFTER_KILL
        if self._status is None:
            self._on_kill(f"{self._reason}; SIGKILL ends it")
            with contextlib.suppress(PermissionError):
                os.kill(self._child, signal.SIGKILL)  # also if it has changed its group
        self._send(signal.SIGKILL)
