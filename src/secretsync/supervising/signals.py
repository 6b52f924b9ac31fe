"""Take all signals of this process as numbers from a pipe, so that none is lost."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable
from typing import Any

from secretsync.core.model import LONGEST_WAIT

# The kernel sends the first four for an error of this process itself. Python ignores SIGPIPE and SIGXFSZ.
_NOT_TAKEN = {
    *(signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL),
    *(signal.SIGPIPE, signal.SIGXFSZ, signal.SIGKILL, signal.SIGSTOP),
}
# Ignored here, because this process must be able to use the terminal from the background.
_OF_TERMINAL = (signal.SIGTTIN, signal.SIGTTOU)


class Signals:
    """The signals that this process receives.

    A pipe keeps the order, and a signal that arrives before `wait` is called is not lost. A handler writes to the pipe
    in whichever thread the signal arrives.
    """

    def __init__(self) -> None:
        """Begin to take signals. Call it before the child process is created."""
        self._reader, self._writer = os.pipe()
        for descriptor in self.descriptors:
            os.set_blocking(descriptor, False)
        self._before: dict[int, Any] = {}
        for taken in signal.valid_signals() - _NOT_TAKEN:
            handler = signal.getsignal(taken)
            if handler is not None:  # None: a handler that is not of Python, and cannot be restored
                self._before[taken] = handler
        self.ignored = frozenset(number for number, handler in self._before.items() if handler is signal.SIG_IGN)
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for number in self._before:
            signal.signal(number, signal.SIG_IGN if number in _OF_TERMINAL else _take)

    @property
    def descriptors(self) -> tuple[int, ...]:
        """Return the descriptors that must stay open."""
        return self._reader, self._writer

    def fork(self, begin: Callable[[], None]) -> int:
        """Fork, and return the process id of the child, or 0 in the child. The child has the handlers from before.

        All signals are blocked meanwhile, because a signal for the child must not get into the pipe of the parent.
        `begin`: called in the child while all signals are blocked.
        """
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            child = os.fork()
            if child == 0:
                begin()
                signal.set_wakeup_fd(-1)
                for number in self.descriptors:
                    os.close(number)
                for number, handler in self._before.items():
                    signal.signal(number, handler)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        return child

    def wait(self, timeout: float | None, *others: int) -> bytes:
        """Wait until a signal arrives, one of `others` can be read, or `timeout` seconds are over. Return the signals.

        None means no limit. A long wait may end earlier.
        """
        poll = select.poll()
        for descriptor in (self._reader, *others):
            poll.register(descriptor, select.POLLIN)
        poll.poll(None if timeout is None else min(timeout, LONGEST_WAIT) * 1000)
        numbers = bytearray()
        while True:
            try:
                numbers += os.read(self._reader, 4096)
            except BlockingIOError:
                return bytes(numbers)

    def stop(self) -> bytes:
        """Stop the process group of this process as Ctrl-Z does. Return the signals that arrived until it continued.

        The kernel does not stop this process if nothing could continue it: as process 1, and if no shell of its
        session waits for it. Then this method returns at once.
        """
        handler = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(0, signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, handler)
        return self.wait(0)


def _take(_number: int, _frame: object) -> None:
    """Do nothing, because the number of the signal is in the pipe already."""
