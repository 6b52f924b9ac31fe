"""Calls in daemon threads."""

import subprocess
import sys
import threading

import pytest

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed
from secretsync.providers.interface import Deadline
from secretsync.providers.threads import no_answer, run_in_threads
from tests.support.canary import CanaryFactory, find_leaks
from tests.support.clock import StoppedClock
from tests.support.limits import HANG


def test_each_item_is_yielded_with_its_result() -> None:
    """Results come with their items, whatever the number of workers."""
    for workers in (1, 3, 100):
        results = run_in_threads(lambda item: item * 2, range(10), workers=workers, deadline=Deadline(HANG))
        assert dict(results) == {item: item * 2 for item in range(10)}


def test_nothing_asked() -> None:
    """No items, no results and no threads."""
    before = set(threading.enumerate())
    assert list(run_in_threads(lambda item: item, [], workers=4, deadline=Deadline(HANG))) == []
    assert set(threading.enumerate()) <= before


def test_never_more_than_the_workers() -> None:
    """As many calls run at once as there are workers, and no more."""
    meeting = threading.Barrier(4, timeout=HANG)  # broken where fewer than four are there at once
    inside, lock, peak = [0], threading.Lock(), [0]

    def call(_: int) -> None:
        with lock:
            inside[0] += 1
            peak[0] = max(peak[0], inside[0])
        meeting.wait()
        with lock:
            inside[0] -= 1

    results = dict(run_in_threads(call, range(12), workers=4, deadline=Deadline(HANG)))
    assert results == dict.fromkeys(range(12))
    assert peak[0] == 4


def test_results_come_before_the_slowest() -> None:
    """A result is yielded when it is there, not when all are."""
    gate = threading.Event()
    results = run_in_threads(lambda item: item or gate.wait(HANG), range(3), workers=3, deadline=Deadline(HANG))
    assert {next(results)[0], next(results)[0]} == {1, 2}
    gate.set()
    assert next(results) == (0, True)


def test_what_hangs_is_left_out_at_the_deadline(clock: StoppedClock) -> None:
    """Items that are not done at the deadline are not yielded, and none begins after it."""
    gate, both, begun = threading.Event(), threading.Barrier(2, lambda: clock.advance(HANG), HANG), []

    def call(item: int) -> int:
        begun.append(item)
        if item:
            both.wait()  # item 0 was answered: the deadline comes
            gate.wait(HANG)
        return item

    workers = set(threading.enumerate())
    results = dict(run_in_threads(call, range(9), workers=2, deadline=Deadline(HANG)))
    gate.set()
    for worker in set(threading.enumerate()) - workers:
        worker.join(HANG)
    assert results == {0: 0}
    assert sorted(begun) == [0, 1, 2]


def test_a_call_that_raises_fails_alone(canary: CanaryFactory) -> None:
    """An exception, of any kind, is told by its type; the others have their results."""
    value = canary()

    def call(item: type[BaseException] | None) -> str:
        if item is not None:
            raise item(value)
        return "fine"

    results = dict(run_in_threads(call, [ValueError, SystemExit, None], workers=2, deadline=Deadline(HANG)))
    assert results.pop(None) == "fine"
    for kind, failed in results.items():
        assert isinstance(failed, Failed)
        assert kind is not None
        assert kind.__name__ in failed.cause
        assert not find_leaks(repr(failed))


def test_no_more_calls_for_who_does_not_listen() -> None:
    """If the caller leaves, calls that have not begun do not begin."""
    gate, begun = threading.Semaphore(0), []

    def call(item: int) -> int:
        gate.acquire(timeout=HANG)
        begun.append(item)
        return item

    before = set(threading.enumerate())
    results = run_in_threads(call, range(100), workers=1, deadline=Deadline(HANG))
    gate.release()
    assert next(results) == (0, 0)
    results.close()  # type: ignore[attr-defined] # it is a generator
    gate.release()
    for thread in set(threading.enumerate()) - before:
        thread.join(HANG)
    assert begun in ([0], [0, 1])


def test_the_process_can_end_while_a_call_hangs() -> None:
    """An interpreter that exits does not wait for a thread that hangs."""
    script = """
import threading
from secretsync.providers.interface import Deadline
from secretsync.providers.threads import run_in_threads
print(list(run_in_threads(lambda _: threading.Event().wait(), [1, 2], workers=2, deadline=Deadline(0.1))))
"""
    argv = [sys.executable, "-I", "-c", script]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=HANG, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("seconds", [0.5, 30])
def test_no_answer(seconds: float) -> None:
    """The message of a request without a response names how long it waited."""
    failed = no_answer(Deadline(seconds))
    assert failed.kind is ProblemKind.UNAVAILABLE
    assert f"{seconds:g} s" in failed.cause
