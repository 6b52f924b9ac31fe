"""The time of the next refresh."""

import pytest

from secretsync.refreshing.pace import LONGEST, Pace


class Clock:
    """A monotonic time that a test moves."""

    now = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def delays(interval: float, failures: int) -> list[float]:
    """Return the interval at the start and after each failure, without spread."""
    pace = Pace(interval, clock=Clock(), spread=lambda _low, _high: 1.0)
    found = [pace.remaining()]
    for _ in range(failures):
        pace.fail()
        found.append(pace.remaining())
    pace.succeed()
    assert (pace.failures, pace.remaining()) == (0, interval)
    return found


def test_intervals_grow_after_failures() -> None:
    """Each failure doubles the interval up to a limit, and a success makes it short again."""
    assert delays(60, 5) == [60, 120, 240, 480, LONGEST, LONGEST]


def test_a_long_interval_does_not_shrink() -> None:
    """An interval beyond the limit stays as it is, also after thousands of failures."""
    assert set(delays(3600, 5000)) == {3600}


def test_the_spread_is_a_tenth() -> None:
    """The spread is asked for a factor from 0.9 to 1.1, and the time until the refresh is never negative."""
    asked: list[tuple[float, float]] = []
    clock = Clock()

    def spread(low: float, high: float) -> float:
        asked.append((low, high))
        return high

    pace = Pace(10, clock=clock, spread=spread)
    assert asked == [(0.9, 1.1)]
    assert pace.remaining() == pytest.approx(11)
    clock.now += 50
    assert pace.remaining() == 0
