"""When a request to a store is made again, and after which pause: one policy for all stores."""

from __future__ import annotations

import random
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from secretsync.core.model import Failed
from secretsync.core.records import Record
from secretsync.providers.interface import Deadline
from secretsync.providers.threads import no_answer

__all__ = ["Retries", "Retry", "causes", "is_certificate_refused", "is_lasting", "next_pause", "retry_after"]

# Pauses double from the first to the longest: so a failover of half a second costs little, and a fleet that starts at
# once spreads over some seconds.
_FIRST = 0.25  # seconds
_LONGEST = 3.0  # seconds
_LAST = 0.5  # seconds that the last try gets before the deadline

_MAX_CAUSES = 50

T = TypeVar("T")


class Retry(Record):
    """Why a request failed that may succeed later."""

    failed: Failed
    after: float = 0.0  # seconds that the store asks to wait


class Retries:
    """The tries of all requests of one round of asking. Used from many threads."""

    def __init__(
        self,
        deadline: Deadline,
        *,
        once: bool = False,
        sleep: Callable[[float], None] = time.sleep,
        draw: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """`once`: make no request again. `draw(a, b)`: a random number between the two."""
        self.deadline = deadline
        self._once = once
        self._sleep = sleep
        self._draw = draw
        self._last: Failed | None = None

    def run(self, attempt: Callable[[], T], look: Callable[[T], Retry | None]) -> T:
        """Return what `attempt` returns, at the latest at the deadline.

        It is called again, with growing pauses, for as long as `look` finds a reason to and time is left.
        """
        tries = 0
        while True:
            outcome = attempt()
            retry = None if self._once else look(outcome)
            if retry is None:
                return outcome
            self._last = retry.failed
            pause = next_pause(tries, retry.after, self.deadline.remaining(), self._draw)
            if pause is None:
                return outcome
            self._sleep(pause)
            tries += 1

    def no_answer(self) -> Failed:
        """Return the outcome of what was not answered by the deadline, with the cause of the last failed try."""
        failed = no_answer(self.deadline)
        if self._last is None:
            return failed
        return Failed(failed.kind, f"{failed.cause}; the last try: {self._last.cause}", self._last.hint or failed.hint)


def next_pause(tries: int, asked: float, remaining: float, draw: Callable[[float, float], float]) -> float | None:
    """Return the seconds until the next try, after `tries` pauses; None if there is no time for one.

    asked: seconds that the store asks to wait. They are honoured and never cut short.
    """
    longest = min(_LONGEST, _FIRST * 2.0 ** min(tries, 16))
    pause = asked + draw(longest / 2, longest)
    left = remaining - _LAST
    if pause <= left:
        return pause
    if max(asked, _FIRST) < left:
        # A try before the deadline, at a time of its own: clients that started together have the same deadline.
        return draw(max(asked, left / 2), left)
    return None


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
    """Yield `error` and all that it wraps: SDKs keep reasons in arguments, attributes and contexts."""
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


def is_lasting(error: BaseException) -> bool:
    """True if no repetition fixes a network error: unknown host, certificate, no TLS there, a proxy that refuses."""
    for one in causes(error):
        if isinstance(one, socket.gaierror):
            return one.errno != socket.EAI_AGAIN
        if isinstance(one, ssl.SSLError):
            # The other end has gone away in the middle of the handshake.
            return not isinstance(one, ssl.SSLEOFError | ssl.SSLZeroReturnError)
        if isinstance(one, OSError) and (refused := re.match(r"Tunnel connection failed: ([0-9]{3})", str(one))):
            return int(refused[1]) < 500 and refused[1] not in ("408", "429")
    return False


def is_certificate_refused(error: BaseException) -> bool:
    """True if the server's certificate is not trusted."""
    return any(isinstance(one, ssl.SSLCertVerificationError) for one in causes(error))
