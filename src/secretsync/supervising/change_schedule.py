"""Decide when the configuration is resolved again after a change."""

from __future__ import annotations

from collections.abc import Callable, Mapping

_FIRST = 1.0  # seconds until the second attempt if a lease ends
_SHARE = 1 / 8  # of the seconds that are left, for a wait
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

    def observe(self, changes: Mapping[str, str], now: float, *, within: float | None = None) -> None:
        """Take the differences between the stores and the running application.

        `within`: the seconds until the application cannot use its secrets any more; None means that it still can. Most
        of them are left for the attempt.

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
        wait = self._settle + self._splay * self._draw()
        self.due = now + (wait if within is None else min(wait, within * _SHARE)) if changes else None

    def begin(self) -> None:
        """Note that an attempt has begun."""
        self._is_trying, self.due = True, None

    def fail(self, now: float, *, within: float | None = None) -> float:
        """Note that the attempt failed. Return the seconds until the next one. `within`: as in `observe`."""
        self._is_trying = False
        first, longest = self._interval, max(self._interval, _LONGEST)
        if within is not None:  # The application needs the new values, so that the attempts do not become rare.
            first, longest = min(self._interval, _FIRST), max(self._interval, _FIRST)
        pause = min(first * 2.0 ** min(self._failures, 60), longest)
        if within:
            pause = min(pause, max(_FIRST, within) * _SHARE)
        self._failures += 1
        self.due = now + pause
        return pause

    def succeed(self) -> None:
        """Note that the application has all changes."""
        self._is_trying, self._failures = False, 0
        self.changes, self.due = {}, None
