"""Run calls in daemon threads, bounded in number and by the deadline."""

from __future__ import annotations

import threading
from _queue import Empty, SimpleQueue  # the home of both, without the import of heapq
from collections import deque

from secretsync.core.errors import ProblemKind
from secretsync.core.light import TypeVar
from secretsync.core.model import Failed
from secretsync.providers.interface import Deadline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_SLICE = 0.05  # seconds

T = TypeVar("T")
R = TypeVar("R")


def run_in_threads(
    call: Callable[[T], R], items: Sequence[T], *, workers: int, deadline: Deadline
) -> Iterator[tuple[T, R | Failed]]:
    """Yield each item with the result of `call(item)`, from at most `workers` threads, as the results come.

    Items without a result at the deadline are not yielded; the caller answers them with `no_answer(deadline)`. A call
    that hangs stays in its thread, which is a daemon and does not delay the exit of the process. No call begins after
    the deadline, or after the caller has closed the iterator. `call` should not raise. If it does, its item is Failed
    with the exception's type and without its text, because the text may hold a value.
    """
    waiting = deque(items)
    results: SimpleQueue[tuple[T, R | Failed]] = SimpleQueue()
    stopped = threading.Event()

    def work() -> None:
        while not stopped.is_set() and not deadline.is_over:
            try:
                item = waiting.popleft()
            except IndexError:
                return
            results.put((item, _guarded(call, item)))

    for _ in range(min(workers, len(items))):
        threading.Thread(target=work, name="secretsync-worker", daemon=True).start()
    try:
        for _ in range(len(items)):
            # After the deadline, results that are already in the queue are still yielded.
            yield next_of(results, deadline)
    except Empty:
        return
    finally:
        stopped.set()


def next_of(results: SimpleQueue[T], deadline: Deadline) -> T:
    """Return the next of `results`. Raises queue.Empty at the deadline.

    It waits in slices, because a signal that another thread got, or that came right before the wait, does not end the
    wait, and the signal's handler only runs between two waits.
    """
    while True:
        remaining = deadline.remaining()
        try:
            return results.get(timeout=min(remaining, _SLICE))
        except Empty:
            if remaining <= _SLICE:
                raise


def answer_all(
    refs: Sequence[T], answers: Iterable[tuple[T, R]], left_out: Callable[[], Failed]
) -> Iterator[tuple[T, R | Failed]]:
    """Yield `answers` as they come, each of `refs` once. At the end the others are answered with `left_out()`."""
    waiting = dict.fromkeys(refs)
    for ref, answer in answers:
        if ref in waiting:
            del waiting[ref]
            yield ref, answer
    for ref in waiting:
        yield ref, left_out()


def no_answer(deadline: Deadline) -> Failed:
    """Return the outcome of a request without an answer at the deadline."""
    cause = f"no answer within {deadline.seconds:g} s"
    hint = "is the store reachable from here? --timeout, or timeout in the bindings, gives it more time"
    return Failed(ProblemKind.UNAVAILABLE, cause, hint)


def _guarded(call: Callable[[T], R], item: T) -> R | Failed:
    try:
        return call(item)
    except BaseException as error:  # noqa: BLE001 - otherwise the exception is lost, and its item never answered
        return Failed(ProblemKind.UNAVAILABLE, f"the provider raised {type(error).__name__}")
