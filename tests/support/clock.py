"""A clock for deadlines that goes forward only if a test moves it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import pytest

from secretsync.providers import interface


@dataclass(slots=True)
class StoppedClock:
    """The monotonic time that every Deadline of this process reads."""

    now: float = field(default_factory=time.monotonic)

    def monotonic(self) -> float:
        """Return the time, as time.monotonic does."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Move the time forward, so that deadlines come."""
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    """Stop the time of all deadlines; `clock.advance(seconds)` moves it."""
    stopped = StoppedClock()
    monkeypatch.setattr(interface, "time", stopped)
    return stopped
