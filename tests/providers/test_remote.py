"""The one policy of all stores: when a request is made again, and after which pause."""

from __future__ import annotations

import heapq
import random
import socket
import ssl
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import requests
import urllib3.exceptions
from botocore.exceptions import EndpointConnectionError

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed, Found
from secretsync.providers.interface import Deadline
from secretsync.providers.remote import RequestError, Retries, _draw, causes, is_lasting, next_pause, retry_after
from secretsync.providers.threads import run_in_threads
from tests.providers.vault.helpers import fetch, make_provider
from tests.servers.openbao import VaultSpace
from tests.support.canary import CanaryFactory

BUSY = Failed(ProblemKind.UNAVAILABLE, "it is busy", "ask less often")


class Clock(Deadline):
    """A deadline whose time only moves when somebody sleeps."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.now = 0.0
        self.pauses: list[float] = []

    def remaining(self) -> float:
        """Seconds that are left."""
        return max(0.0, self.seconds - self.now)

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.pauses.append(seconds)
        self.now += seconds


def retries(clock: Clock, *, once: bool = False, seed: int = 0) -> Retries:
    """Retries by this clock."""
    return Retries(clock, once=once, sleep=clock.sleep, draw=random.Random(seed).uniform)


def ask_busy(using: Retries, after: float = 0.0) -> list[float]:
    """Send a request to a store that is always busy; return the times of its tries by the clock."""
    asked: list[float] = []

    def attempt() -> None:
        asked.append(using.deadline.remaining())
        raise RequestError(BUSY, is_retryable=True, retry_after=after)

    with pytest.raises(RequestError) as raised:
        using.run(attempt)
    assert raised.value.outcome is BUSY
    return asked


def test_until_the_deadline() -> None:
    """Pauses grow up to 1.5 seconds, differ, and the last try is in the last second or so of thirty."""
    clock = Clock(30.0)
    asked = ask_busy(retries(clock))
    assert len(asked) == len(clock.pauses) + 1
    for number, pause in enumerate(clock.pauses[:10]):
        longest = min(1.5, 0.25 * 2**number)
        assert 0.85 * longest <= pause <= longest
    assert len(set(clock.pauses)) == len(clock.pauses)
    assert 28.0 < clock.now <= 29.5
    assert 19 <= len(asked) <= 26


def test_a_success_ends_it() -> None:
    """A result that is not a failure is returned, after as many pauses as there were failures."""
    clock, answers = Clock(30.0), iter(["busy", "busy", "fine"])

    def attempt() -> str:
        if (answer := next(answers)) == "busy":
            raise RequestError(BUSY, is_retryable=True)
        return answer

    assert (retries(clock).run(attempt), len(clock.pauses)) == ("fine", 2)


def test_an_error_that_is_not_retryable_is_raised_at_once() -> None:
    """An error without `is_retryable` ends the tries, and is not the cause of requests without an answer."""
    clock = Clock(30.0)
    using = retries(clock)

    def attempt() -> None:
        raise RequestError(BUSY)

    with pytest.raises(RequestError):
        using.run(attempt)
    assert clock.pauses == []
    assert using.no_answer().cause == "no answer within 30 s"


def test_once() -> None:
    """A caller that asks once does not wait."""
    clock = Clock(30.0)
    assert (len(ask_busy(retries(clock, once=True))), clock.pauses) == (1, [])


@pytest.mark.parametrize("spent", [0.0, 0.1, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("tries", [0, 2, 10])
def test_a_slow_try_is_part_of_the_pause(tries: int, spent: float) -> None:
    """The time of a try that waited for a connection is taken off the pause, of which an eighth of a second is left."""
    pause = next_pause(tries, 0.0, 30.0, lambda _low, high: high, spent=spent)
    longest = min(1.5, 0.25 * 2**tries)
    assert pause is not None
    assert pause == longest - spent or 0.125 <= pause <= 0.25
    asked = next_pause(tries, 5.0, 30.0, lambda low, _high: low, spent=spent)
    assert asked is not None
    assert asked > 5.0  # what a store asks for begins after its answer


@pytest.mark.parametrize("asked", [0.0, 0.5, 5.0, 20.0])
def test_what_a_store_asks_for(asked: float) -> None:
    """No pause is shorter than a store's Retry-After, the last one before the deadline included."""
    clock = Clock(30.0)
    ask_busy(retries(clock), asked)
    assert clock.pauses
    assert all(pause >= asked for pause in clock.pauses)
    assert clock.now <= 29.5


@pytest.mark.parametrize("asked", [29.6, 60.0, 1e9])
def test_a_wish_past_the_deadline(asked: float) -> None:
    """If a store asks for more time than there is, it is asked once and nothing is waited for."""
    clock = Clock(30.0)
    ask_busy(retries(clock), asked)
    assert clock.pauses == []


def test_the_last_cause_is_kept() -> None:
    """A request without a response at the deadline has the cause of the last failed try."""
    clock = Clock(2.0)
    round_ = retries(clock)
    assert round_.no_answer().cause == "no answer within 2 s"
    ask_busy(round_)
    assert round_.no_answer() == Failed(
        ProblemKind.UNAVAILABLE, "no answer within 2 s; the last try: it is busy", "ask less often"
    )


def test_short_deadlines() -> None:
    """With a second there is another try, and there is never one after the deadline."""
    for seconds in (0.1, 0.6, 0.7, 1.0, 2.0):
        clock = Clock(seconds)
        asked = ask_busy(retries(clock))
        assert clock.now <= max(0.0, seconds - 0.5)
        assert len(asked) >= (2 if seconds > 0.75 else 1)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("clients", "rate", "each", "limit"), [(40, 20, 2, 10.0), (40, 20, 3, 12.0), (100, 20, 2, 18.0)]
)
def test_a_fleet(clients: int, rate: int, each: int, limit: float, seed: int) -> None:
    """Clients that start at once at a server of few requests a second, without Retry-After: all are up soon.

    By its quota alone the server needs clients * each / rate seconds.
    """
    draw, served, up, asked = random.Random(seed), dict[int, int](), list[float](), 0
    waiting = [(draw.uniform(0, 0.5), client, each, 0) for client in range(clients)]
    heapq.heapify(waiting)
    while waiting:
        now, client, left, tries = heapq.heappop(waiting)
        asked += 1
        if served.get(int(now), 0) < rate:
            served[int(now)] = served.get(int(now), 0) + 1
            if left == 1:
                up.append(now)
            else:
                heapq.heappush(waiting, (now + 0.01, client, left - 1, 0))
            continue
        pause = next_pause(tries, 0.0, 30.0 - now, draw.uniform)
        assert pause is not None, "a client gave up"
        heapq.heappush(waiting, (now + pause, client, left, tries + 1))
    assert len(up) == clients
    assert max(up) < limit
    assert asked < 6 * clients * each


def test_a_real_fleet(vault: VaultSpace, canary: CanaryFactory) -> None:
    """Twelve providers against a real quota of eight requests a second, without Retry-After: all succeed."""
    mount = vault.kv2()
    vault.write(mount, "app", {"key": canary()})
    environ = vault.environ(vault.token(vault.policy(f"{mount}/*")))
    vault.rate_limit(f"{mount}/", 8)
    deadline = Deadline(30.0)
    asked = run_in_threads(
        lambda _: fetch(make_provider(environ), f"{mount}/app", seconds=20.0), range(12), workers=12, deadline=deadline
    )
    assert [type(outcome) for _, outcome in asked] == [Found] * 12
    assert deadline.remaining() > 10.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("5", 5.0), ("0", 0.0), (" 7 ", 7.0), ("1.5", 1.5), ("-1", None), ("", None), ("soon", None), (None, None)),
        *(("nan", None), ("1e3", None), ("9" * 30, None), ("Wed, 99 Foo 2026 00:00:00 GMT", None), (["5"], None)),
    ],
)
def test_retry_after(text: object, seconds: float | None) -> None:
    """Seconds are read, everything that is none is ignored."""
    assert retry_after(text) == seconds


def test_retry_after_as_a_date() -> None:
    """A date is the time until then, and 0 in the past."""
    soon = retry_after(format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True))
    assert soon is not None
    assert 60.0 < soon <= 90.0
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0


def network_error(cause: Exception) -> Exception:
    """`cause` as requests has it, several wrappers deep."""
    reason = urllib3.exceptions.ProtocolError("aborted", cause)
    return requests.ConnectionError(urllib3.exceptions.MaxRetryError(None, "/", reason))  # type: ignore[arg-type]


LASTING = [
    (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), True),
    (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), False),
    (ssl.SSLCertVerificationError(1, "self-signed certificate"), True),
    (ssl.SSLError(1, "wrong version number"), True),
    (ssl.SSLEOFError(8, "EOF occurred in violation of protocol"), False),
    (ConnectionRefusedError(111, "refused"), False),
    (ConnectionResetError(104, "reset"), False),
    (OSError("Tunnel connection failed: 407 Proxy Authentication Required"), True),
    (OSError("Tunnel connection failed: 503 Service Unavailable"), False),
    (OSError("Tunnel connection failed: 429 Too Many Requests"), False),
]


@pytest.mark.parametrize(("cause", "lasting"), LASTING, ids=[str(cause) for cause, _ in LASTING])
def test_network_errors(cause: Exception, *, lasting: bool) -> None:
    """Unknown hosts, certificates and a proxy's refusal last; all else may pass. Under each SDK's wrappers."""
    for error in (
        cause,
        network_error(cause),
        EndpointConnectionError(endpoint_url="https://example.test", error=network_error(cause)),
    ):
        assert is_lasting(error) == lasting


def test_causes_end() -> None:
    """Errors that hold each other are walked once."""
    one, other = ValueError(), ValueError()
    one.args, other.args = (other,), (one,)
    assert list(causes(one)) == [one, other]


def test_the_clock_is_the_real_one_by_default() -> None:
    """A pause takes real time."""
    began = time.monotonic()
    asked = ask_busy(Retries(Deadline(1.0)))
    assert 0.1 < time.monotonic() - began <= 1.0
    assert len(asked) > 1


def test_the_random_numbers_of_the_application_stay() -> None:
    """A pause does not use the shared generator, which an application may have seeded."""
    random.seed(7)
    before = random.getstate()
    assert 1.0 <= _draw(1.0, 2.0) <= 2.0
    assert random.getstate() == before
