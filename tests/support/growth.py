"""Measure how time and memory grow with the size of an input."""

import gc
import time
import tracemalloc
from collections.abc import Callable
from typing import NamedTuple, TypeVar

FACTOR = 16  # times as much
MOST = 48  # times as long, or times as many bytes, at most; quadratic growth gives 256
_SECONDS = 0.02  # below this, the clock and the interpreter decide
_BYTES = 1_000_000

Input = TypeVar("Input")


class Cost(NamedTuple):
    """What one action takes."""

    seconds: float  # of this thread's processor time; the shortest of three runs
    peak: int  # bytes


def cost(action: Callable[[], object]) -> Cost:
    """Return the time and the memory of `action`."""
    times = []
    for _ in range(3):
        gc.collect()
        begin = time.thread_time()
        action()
        times.append(time.thread_time() - begin)
    tracemalloc.start()
    try:
        action()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return Cost(min(times), peak)


def growth(make: Callable[[int], Input], action: Callable[[Input], object], size: int) -> tuple[float, float]:
    """Return by which factors time and memory of `action` grow if `make` gets FACTOR times the `size`."""
    small, large = make(size), make(size * FACTOR)
    few, many = cost(lambda: action(small)), cost(lambda: action(large))
    return many.seconds / max(few.seconds, _SECONDS / MOST), many.peak / max(few.peak, _BYTES / MOST)


def assert_linear(make: Callable[[int], Input], action: Callable[[Input], object], size: int) -> None:
    """Fail if `action` grows faster than its input. `make`: return an input of a size; it is not measured."""
    seconds, peak = growth(make, action, size)
    assert seconds < MOST, f"{seconds:.0f} times as long for {FACTOR} times as much"
    assert peak < MOST, f"{peak:.0f} times the memory for {FACTOR} times as much"
