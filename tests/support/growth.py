"""The check that time and memory grow linearly with size, for code that reads what an attacker may have written."""

import time
import tracemalloc
from collections.abc import Callable
from functools import partial

import pytest

FACTOR = 16
MOST = 48  # times as much time and memory for FACTOR times the size; quadratic growth takes 256 times as much
NOISE = 0.02  # seconds, for inputs so short that their time is not exact
SPARE = 100_000  # bytes, for caches that the first call fills
TRIES = 3

Action = Callable[[], object]
AssertLinear = Callable[[Callable[[int], Action], int], None]  # the fixture `assert_linear`


def _seconds(action: Action) -> float:
    """Return the processor time of this thread, because other processes and threads do not count."""
    begin = time.thread_time()
    action()
    return time.thread_time() - begin


def _peak(action: Action) -> int:
    """Return the most bytes that the action held at one time."""
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def check_growth(prepare: Callable[[int], Action], size: int, *, has_memory: bool = True) -> None:
    """Fail if `FACTOR` times the size takes more than `MOST` times as long, or `MOST` times as much memory.

    `prepare`: returns the action for a size; only the action is measured. The shortest of three times counts.
    `has_memory`: memory is measured too, which takes several times as long as the action.
    """
    _check_time(prepare, size)
    if not has_memory:
        return
    limit = MOST * _peak(prepare(size)) + SPARE
    taken = _peak(prepare(size * FACTOR))
    if taken > limit:
        pytest.fail(f"{FACTOR} times {size} takes {taken} bytes, more than {limit} bytes")


def _check_time(prepare: Callable[[int], Action], size: int) -> None:
    small, large = prepare(size), prepare(size * FACTOR)
    limit = MOST * min(_seconds(small) for _ in range(TRIES)) + NOISE
    taken: list[float] = []
    while len(taken) < TRIES:
        taken.append(_seconds(large))
        if taken[-1] < limit:
            return
    pytest.fail(f"{FACTOR} times {size} takes {min(taken):.3f} s, more than {limit:.3f} s")


@pytest.fixture
def assert_linear(request: pytest.FixtureRequest) -> AssertLinear:
    """`assert_linear(prepare, size)` is `check_growth`; a test that uses it is not part of a fast run.

    Memory is measured in a long run.
    """
    return partial(check_growth, has_memory=request.config.getoption("--amount") == "long")
