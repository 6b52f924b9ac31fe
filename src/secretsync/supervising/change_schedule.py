"""Decide when the configuration is resolved again after a change."""

from __future__ import annotations

from collections.abc import Callable, Mapping

_LONGEST = 3600.0  # seconds between two attempts, unless the interval is longer


class ChangeSchedule:
    """The changes that the application does not have yet, and the time of the next attempt.

    All times are seconds of one clock, which the caller reads.
    """

    def __init__(self, *, interval: float, settle: float, splay: float, draw: Callable[[], float]) -> None:
        """`settle`: seconds from the first change to the attempt. `splay`: up to as many seconds more.

        `interval`: the wait after the first failure; each further one doubles it. `draw`: returns a number from 0 to 1.
        """
        self._interval, self._settle, self._splay, self._draw = interval, settle, splay, draw
        self._failures = 0
        self._is_trying = False
        self.changes: Mapping[str, str] = {}  # from a secret to the text of its change
        self.due: float | None = None  # the time of the next attempt; None if no attempt is due

    def observe(self, changes: Mapping[str, str], now: float) -> None:
        """Take the differences between the stores and the running application.

        The first one starts the wait, and later ones do not extend it. Other differences after a failed attempt start
        a new wait, because they may be the correction.
        """
        if changes == self.changes:
            return
        is_waiting = self.due is not None and self._failures == 0
        self.changes = changes
        if self._is_trying or (changes and is_waiting):
            return
        self._failures = 0
        self.due = now + self._settle + self._splay * self._draw() if changes else None

    def begin(self) -> None:
        """Note that an attempt has begun."""
        self._is_trying, self.due = True, None

    def fail(self, now: float) -> float:
        """Note that the attempt failed. Return the seconds until the next one."""
        self._is_trying = False
        pause = min(self._interval * 2.0 ** min(self._failures, 60), max(self._interval, _LONGEST))
        self._failures += 1
        self.due = now + pause
        return pause

    def succeed(self) -> None:
        """Note that the application has all changes."""
        self._is_trying, self._failures = False, 0
        self.changes, self.due = {}, None
