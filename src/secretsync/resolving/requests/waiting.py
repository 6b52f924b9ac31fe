"""Report what SecretSync waits for while requests to stores are sent again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from secretsync.providers.interface import Deadline

_log = logging.getLogger(__name__)

_FIRST = 2.0  # seconds until the first report


class WaitDisplay(Protocol):
    """Shows what is waited for."""

    @property
    def interval(self) -> float:
        """The seconds between two reports."""
        ...

    def show(self, lines: Sequence[str]) -> None:
        """Show one line for each store."""
        ...

    def end(self) -> None:
        """Remove what is shown, if that is possible."""
        ...


class LogDisplay:
    """Logs the lines."""

    interval = 10.0

    def show(self, lines: Sequence[str]) -> None:
        """Log each line."""
        for line in lines:
            _log.warning("%s", line)

    def end(self) -> None:
        """Leave the log as it is."""


class WaitReporter:
    """Reports the waits of one round of requests: first after two seconds, then at the interval of the display."""

    def __init__(self, deadline: Deadline, display: WaitDisplay, now: Callable[[], float] = time.monotonic) -> None:
        self._deadline = deadline
        self._display = display
        self._now = now
        elapsed = deadline.seconds - deadline.remaining()
        self._next = now() - elapsed + _FIRST

    def report(self, causes: Mapping[str, str]) -> None:
        """Show the cause of the wait for each store, if it is time for it."""
        if not causes or self._now() < self._next:
            return
        self._next = self._now() + self._display.interval
        left = f"{self._deadline.remaining():.0f} s left"
        self._display.show([f"{store}: waiting: {cause} ({left})" for store, cause in sorted(causes.items())])

    def end(self) -> None:
        """End the reports."""
        self._display.end()
