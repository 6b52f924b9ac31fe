"""The check that time grows linearly with size, for code that reads what an attacker may have written."""

import time
from collections.abc import Callable

import pytest

FACTOR = 16
MOST = 48  # times as long for FACTOR times as much; quadratic growth takes 256 times as long
NOISE = 0.02  # seconds, for inputs so short that their time is not exact
TRIES = 3

Action = Callable[[], object]
AssertLinear = Callable[[Callable[[int], Action], int], None]  # the fixture `assert_linear`


def _seconds(action: Action) -> float:
    """Return the processor time of this thread, because other processes and threads do not count."""
    begin = time.thread_time()
    action()
    return time.thread_time() - begin


def check_growth(prepare: Callable[[int], Action], size: int) -> None:
    """Fail if `FACTOR` times the size takes more than `MOST` times as long.

    `prepare`: returns the action for a size; only the action is measured. The shortest of three times counts.
    """
    small, large = prepare(size), prepare(size * FACTOR)
    limit = MOST * min(_seconds(small) for _ in range(TRIES)) + NOISE
    taken: list[float] = []
    while len(taken) < TRIES:
        taken.append(_seconds(large))
        if taken[-1] < limit:
            return
    pytest.fail(f"{FACTOR} times {size} takes {min(taken):.3f} s, more than {limit:.3f} s")


@pytest.fixture
def assert_linear() -> AssertLinear:
    """`assert_linear(prepare, size)` is `check_growth`; a test that uses it is not part of a fast run."""
    return check_growth
