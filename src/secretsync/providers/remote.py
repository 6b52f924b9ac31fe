"""The parts that all providers of remote stores share: errors, retries, threads, identity, clients per process."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from secretsync.core.errors import Problem, ProblemKind, ResolutionError
from secretsync.core.model import Failed, Missing
from secretsync.providers.interface import Deadline, Identity
from secretsync.providers.threads import answer_all, no_answer, run_in_threads
from secretsync.providers.turns import Turns

if TYPE_CHECKING:
    from datetime import datetime

# Pauses double from the first to the longest, so that a failover of half a second costs little. The longest is short
# enough that an application starts within two seconds after its store is back.
_FIRST = 0.25  # seconds
_LONGEST = 1.5  # seconds; on a busy machine the start of the application takes half a second of the two
# The random part spreads the requests of many processes that start together. A larger part would make the shortest
# pauses so short that a store that is down for 20 seconds gets more than 20 requests from one process.
_LEAST = 0.85  # of a pause
_LAST = 0.5  # seconds that the last try gets before the deadline

_IDENTITY_TIME = 10.0  # seconds

_MAX_CAUSES = 50

T = TypeVar("T")
R = TypeVar("R")


def _draw(low: float, high: float) -> float:
    import random  # here and below: not imported if a store is configured and not asked

    # Not the shared generator, because an application may have seeded it, and SecretSync's threads would change it.
    return random.SystemRandom().uniform(low, high)


class RequestError(Exception):
    """A request got no usable answer. Raised by clients, and caught inside each provider.

    Raise it outside of `except` blocks, because the exception of an SDK may hold a value and would be chained.
    """

    def __init__(self, outcome: Missing | Failed, *, is_retryable: bool = False, retry_after: float = 0.0) -> None:
        """`is_retryable`: the same request may succeed later. `retry_after`: seconds that the store asks to wait."""
        super().__init__(outcome.cause)
        self.outcome = outcome
        self.is_retryable = is_retryable
        self.retry_after = retry_after


class Retries:
    """The tries of all requests of one call of a provider. Used from many threads."""

    def __init__(
        self,
        deadline: Deadline,
        *,
        once: bool = False,
        sleep: Callable[[float], None] | None = None,
        draw: Callable[[float, float], float] | None = None,
    ) -> None:
        """`once`: retry nothing. `sleep`, `draw`: for tests; `draw(a, b)` returns a random number between the two."""
        self.deadline = deadline
        self._once = once
        self._sleep = sleep or time.sleep
        self._draw = draw or _draw
        self._turns = Turns()
        self._last: Missing | Failed | None = None

    def run(self, attempt: Callable[[], T]) -> T:
        """Return what `attempt` returns, at the latest at the deadline.

        If it raises a RequestError that is retryable, it is called again after a pause. As long as no request of this
        object gets an answer, only one of them is tried at a time. Raises the last RequestError.
        """
        turns, tries, request = self._turns, 0, object()
        while True:
            answers, turns.began = turns.answers, self.deadline.remaining()
            is_answered = True
            try:
                answer = attempt()
            except RequestError as error:
                is_answered = self._once or not error.is_retryable
                if is_answered:
                    raise
                failed = error.with_traceback(None)
            else:
                if tries and self.deadline.on_wait is not None:
                    self.deadline.on_wait(None)
                return answer
            finally:
                turns.end(request, is_answered=is_answered)
            if not self._wait(failed, request, tries, answers):
                raise failed
            tries += 1

    def _wait(self, failed: RequestError, request: object, tries: int, answers: int) -> bool:
        """Wait until the next try of `request`. Return False if there is no time for one.

        `tries`: of `request`, before the last. `answers`: of the store, when the last try began.
        """
        self._last, turns, ended = failed.outcome, self._turns, self.deadline.remaining()
        if not _has_time(failed.retry_after, ended):
            return False
        if self.deadline.on_wait is not None:
            self.deadline.on_wait(failed.outcome.cause)
        is_answering = turns.answers != answers
        is_first = not is_answering and turns.wait(request, answers, ended - _LAST)
        left = self.deadline.remaining()
        asked = max(0.0, failed.retry_after - (ended - left))
        if is_answering or is_first:
            tries = turns.failures if is_first else tries
            pause = next_pause(tries, asked, left, self._draw, spent=turns.began - left)
        else:
            pause = asked if _has_time(asked, left) else None  # the store is back
        if pause is None:
            turns.end(request, is_answered=False)
            return False
        self._sleep(pause)
        return True

    def no_answer(self) -> Failed:
        """Return the outcome of a request without an answer at the deadline, with the cause of the last failed try."""
        failed = no_answer(self.deadline)
        if self._last is None:
            return failed
        return Failed(failed.kind, f"{failed.cause}; the last try: {self._last.cause}", self._last.hint or failed.hint)


class PerProcess(Generic[T]):
    """One object a process, made on first use: parent and child of a fork must not share connections."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: dict[int, T] = {}

    def get(self) -> T:
        """Return the object of this process."""
        process = os.getpid()
        made = self._made.get(process)
        # setdefault is atomic, so that two threads get the same object. A lock could be held during a fork.
        return self._made.setdefault(process, self._make()) if made is None else made

    def pop(self) -> T | None:
        """Forget the object of this process. Return it, or None if it was not made."""
        return self._made.pop(os.getpid(), None)


def answer_each(
    call: Callable[[T], R], items: Sequence[T], retries: Retries, *, workers: int
) -> Iterator[tuple[T, R | Missing | Failed]]:
    """Yield each item with the result of `call(item)`, or with the outcome of its RequestError, until the deadline.

    Items without an answer at the deadline are failed. `call` runs in at most `workers` threads.
    """

    def guarded(item: T) -> R | Missing | Failed:
        try:
            return call(item)
        except RequestError as error:
            return error.outcome

    answers = run_in_threads(guarded, items, workers=workers, deadline=retries.deadline)
    return answer_all(items, answers, retries.no_answer)


def identify(store: str, ask: Callable[[Retries], Identity | Missing | Failed]) -> Identity:
    """Return the identity that `ask` finds within ten seconds, without retries. Raises ResolutionError."""
    retries = Retries(Deadline(_IDENTITY_TIME), once=True)
    [(_, found)] = answer_each(ask, (retries,), retries, workers=1)
    if isinstance(found, Identity):
        return found
    kind = found.kind if isinstance(found, Failed) else ProblemKind.MISSING
    raise ResolutionError([Problem(kind=kind, cause=found.cause, hint=found.hint, store=store)])


def login_end(end: datetime | None) -> tuple[tuple[str, str], ...]:
    """Return the detail of an Identity with the time at which the login or the token ends; none if that is unknown."""
    from secretsync.core.timestamps import format_timestamp

    return () if end is None else (("login ends", format_timestamp(end)),)


def _has_time(asked: float, remaining: float) -> bool:
    return max(asked, _FIRST) < remaining - _LAST


def next_pause(
    tries: int, asked: float, remaining: float, draw: Callable[[float, float], float], *, spent: float = 0.0
) -> float | None:
    """Return the seconds until the next try, after `tries` pauses; None if there is no time for one.

    `asked`: seconds that the store asks to wait. The pause is never shorter. `spent`: seconds since the last try began,
    which are part of the pause, because a try may have waited for a connection.
    """
    if not _has_time(asked, remaining):
        return None
    longest = min(_LONGEST, _FIRST * 2.0 ** min(tries, 16))
    pause = draw(_LEAST * longest, longest) - spent
    if pause < _FIRST / 2:
        pause = draw(_FIRST / 2, _FIRST)
    if asked + pause <= remaining - _LAST:
        return asked + pause
    # One more try, at a random time, because clients that started together have the same deadline.
    left = remaining - _LAST
    return draw(max(asked, left / 2), left)


def retry_after(text: object) -> float | None:
    """Return the seconds of a Retry-After header, which is a number or a date (RFC 9110); None if it is neither."""
    if not isinstance(text, str):
        return None
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text.strip()):
        return float(text)
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield `error` and all exceptions inside it: SDKs keep them in arguments, attributes and contexts."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting and len(seen) < _MAX_CAUSES:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [one.__cause__, one.__context__, *one.args]
            waiting += [getattr(one, name, None) for name in ("reason", "inner_exception")]
            keywords: Any = getattr(one, "kwargs", None)  # of botocore
            waiting += [keywords.get("error")] if isinstance(keywords, dict) else []


def has_cause(error: BaseException, *kinds: type[BaseException]) -> bool:
    """Return True if `error` or an exception inside it is of one of `kinds`."""
    return any(isinstance(one, kinds) for one in causes(error))


def is_lasting(error: BaseException) -> bool:
    """Return True if no retry fixes a network error: unknown host, certificate, no TLS there, a proxy that refuses."""
    import socket
    import ssl

    for one in causes(error):
        if isinstance(one, socket.gaierror):
            return one.errno != socket.EAI_AGAIN
        if isinstance(one, ssl.SSLError):
            # These two mean that the server closed the connection during the handshake, as a restart does.
            return not isinstance(one, ssl.SSLEOFError | ssl.SSLZeroReturnError)
        if isinstance(one, OSError) and (refused := re.match(r"Tunnel connection failed: ([0-9]{3})", str(one))):
            return int(refused[1]) < 500 and refused[1] not in ("408", "429")
    return False


def is_loopback(host: str) -> bool:
    """Return True if a host name or address leads to this machine."""
    import ipaddress

    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
