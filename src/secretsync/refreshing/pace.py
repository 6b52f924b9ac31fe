"""Decide when a configuration is refreshed next."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

LONGEST = 600.0  # seconds; intervals do not grow beyond this after failures, unless `interval` itself is longer


class Pace:
    """The time of the next refresh: one interval after a success, and a longer one after each failure."""

    __slots__ = ("_clock", "_due", "_interval", "_spread", "failures")

    def __init__(
        self,
        interval: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        spread: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """Begin an interval of `interval` seconds.

        clock: returns the monotonic time in seconds.
        spread: returns a number between its two arguments, so that many processes do not ask a store at the same time.
        """
        self._interval, self._clock, self._spread = interval, clock, spread
        self.failures = 0  # in a row
        self.restart()

    def succeed(self) -> None:
        """Begin an interval after a success."""
        self.failures = 0
        self.restart()

    def fail(self) -> None:
        """Begin an interval after a failure."""
        self.failures += 1
        self.restart()

    def restart(self) -> None:
        """Begin an interval."""
        # The exponent is bounded, because a large power does not fit into a float.
        grown = min(self._interval * 2.0 ** min(self.failures, 40), max(self._interval, LONGEST))
        self._due = self._clock() + grown * self._spread(0.9, 1.1)

    def remaining(self) -> float:
        """Return the seconds until the next refresh, 0 or more."""
        return max(0.0, self._due - self._clock())
