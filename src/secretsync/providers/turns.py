"""The order in which requests are tried again while their store does not answer."""

from __future__ import annotations

import threading
from collections import deque


class Turns:
    """A row of failed requests, of which the first tries again. An answer of the store releases all of them.

    Without it each request of each thread would try again by itself, so that a store that is down, or that has too many
    requests, would get many times as many. A first request that fails again goes to the end of the row, because its
    failure may be its own. Used from many threads.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._row: deque[object] = deque()
        self.answers = 0  # of the store, until now
        self.failures = 0  # of first requests, since the last answer
        self.began = 0.0  # seconds before the deadline at which the last try began

    def wait(self, request: object, answers: int, seconds: float) -> bool:
        """Return True as soon as `request` is the first of the row; `end` is called after its try.

        False if the store answers before, or if it has already given more than `answers`, or after `seconds`.
        """
        with self._changed:
            self._row.append(request)
            self._changed.wait_for(lambda: self.answers != answers or self._row[0] is request, seconds)
            if self.answers == answers and self._row[0] is request:
                return True
            self._remove(request)
            return False

    def end(self, request: object, *, is_answered: bool) -> None:
        """Take `request` out of the row if it is in it. `is_answered`: the store answered, so that all are released."""
        with self._changed:
            if is_answered:
                self.answers += 1
                self.failures = 0
                self._changed.notify_all()
            if request in self._row:
                self.failures += not is_answered
                self._remove(request)

    def _remove(self, request: object) -> None:
        self._row.remove(request)
        self._changed.notify_all()
