"""Threads, locks and a clock of which nothing takes real time.

The code under test is the real one. Its threads are greenlets, of which one runs until it waits for something. The time
moves to the end of the next wait, so that the result depends on the seed alone.
"""

from __future__ import annotations

import heapq
import itertools
import random
import socket
import time
from collections import deque
from collections.abc import Callable
from queue import Empty
from types import SimpleNamespace
from typing import Any

import pytest
from greenlet import getcurrent, greenlet  # type: ignore[import-untyped]

from secretsync.providers import interface, remote, threads, turns
from secretsync.providers.aws_account import client as aws_client
from secretsync.providers.aws_account import credentials as aws_credentials
from secretsync.providers.http import client as http_client
from secretsync.providers.http import connecting, connection
from secretsync.providers.vault import credentials as vault_credentials
from secretsync.providers.vault import fetch as vault_fetch
from secretsync.providers.vault import leases as vault_leases
from secretsync.providers.vault import provider as vault_provider
from secretsync.providers.vault import session as vault_session

_THREADED = (threads, turns, aws_client, aws_credentials, http_client, vault_provider, vault_session)


class _Waiter:
    """A thread that waits. It is woken once: by a wake, or by the time."""

    __slots__ = ("is_woken", "thread")

    def __init__(self, thread: Any) -> None:
        self.thread: Any = thread  # None as soon as it goes on
        self.is_woken = False


class Simulation:
    """The time and the threads. Seconds begin at 0."""

    def __init__(self, seed: int = 0) -> None:
        self.now = 0.0
        self.random = random.Random(seed)
        self.threading = SimpleNamespace(
            Thread=lambda **options: _Thread(self, **options),
            Lock=lambda: _Lock(self),
            Event=lambda: _Event(self),
            Condition=lambda: _Condition(self),
        )
        self._serials = itertools.count()
        self._due: list[tuple[float, int, _Waiter]] = []
        self._hub: Any = None

    def start(self, call: Callable[[], object], *, at: float = 0.0) -> None:
        """Call `call` in a thread of its own from the second `at` on."""
        self._push(max(at, self.now), _Waiter(greenlet(call)))

    def run(self) -> None:
        """Return when no thread waits for a time any more. Raises the exception of a thread."""
        self._hub = getcurrent()
        while self._due:
            at, _, waiter = heapq.heappop(self._due)
            if waiter.thread is not None:
                thread, waiter.thread = waiter.thread, None
                self.now = max(self.now, at)
                thread.parent = self._hub  # gets its exception
                thread.switch()

    def sleep(self, seconds: float) -> None:
        """Let this thread wait."""
        self.wait(seconds)

    def wait(self, seconds: float | None = None, waiting: deque[_Waiter] | None = None) -> bool:
        """Let this thread wait until it is woken (True), or for some seconds (False). `waiting`: it is put in there."""
        waiter = _Waiter(getcurrent())
        if waiting is not None:
            waiting.append(waiter)
        if seconds is not None:
            self._push(self.now + max(0.0, seconds), waiter)
        self._hub.switch()
        return waiter.is_woken

    def wake(self, waiter: _Waiter) -> bool:
        """Let a waiting thread go on. Return False if it has gone on already."""
        if waiter.thread is None or waiter.is_woken:
            return False
        waiter.is_woken = True
        self._push(self.now, waiter)
        return True

    def _push(self, at: float, waiter: _Waiter) -> None:
        heapq.heappush(self._due, (at, next(self._serials), waiter))


class _Thread:
    def __init__(self, simulation: Simulation, *, target: Callable[[], object], name: str = "", daemon: bool) -> None:
        assert name
        assert daemon
        self.start = lambda: simulation.start(target, at=simulation.now)


class _Event:
    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._waiting: deque[_Waiter] = deque()
        self._is_set = False

    def set(self) -> None:
        self._is_set = True
        while self._waiting:
            self._simulation.wake(self._waiting.popleft())

    def is_set(self) -> bool:
        return self._is_set

    def wait(self, timeout: float) -> bool:
        if not self._is_set:
            self._simulation.wait(timeout, self._waiting)
        return self._is_set


class _Lock:
    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._waiting: deque[_Waiter] = deque()
        self._is_held = False

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if not self._is_held:
            self._is_held = True
            return True
        # `release` hands the lock over to the thread that it wakes.
        return blocking and self._simulation.wait(None if timeout < 0 else timeout, self._waiting)

    def release(self) -> None:
        while self._waiting:
            if self._simulation.wake(self._waiting.popleft()):
                return
        self._is_held = False

    def locked(self) -> bool:
        return self._is_held

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class _Condition:
    """Its lock is not needed, because a thread runs until it waits."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._waiting: deque[_Waiter] = deque()

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...

    def wait_for(self, predicate: Callable[[], bool], timeout: float) -> bool:
        end = self._simulation.now + timeout
        while not predicate() and self._simulation.now < end:
            self._simulation.wait(end - self._simulation.now, self._waiting)
        return predicate()

    def notify_all(self) -> None:
        while self._waiting:
            self._simulation.wake(self._waiting.popleft())


class _Queue:
    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._items: deque[Any] = deque()
        self._waiting: deque[_Waiter] = deque()

    def put(self, item: object) -> None:
        self._items.append(item)
        if self._waiting:
            self._simulation.wake(self._waiting.popleft())

    def get(self, timeout: float) -> Any:
        if not self._items:
            self._simulation.wait(timeout, self._waiting)
        if not self._items:
            raise Empty
        return self._items.popleft()


# The network.


class Network:
    """The one server that simulated sockets reach. `talk` is overridden by what a test is about.

    `connect(seconds)` waits as a connection attempt does, or raises OSError; `answer(request, seconds)` returns the
    bytes of a response, b"" for a closed connection, or raises OSError. `seconds` is how long the client waits.
    """

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation

    def connect(self, seconds: float) -> None:
        """Wait until the connection is made. Raises OSError."""
        raise NotImplementedError

    def answer(self, request: bytes, seconds: float) -> bytes:
        """Return the response to a request, after its time. Raises OSError."""
        raise NotImplementedError


class _Socket:
    def __init__(self, network: Network) -> None:
        self._network = network
        self._seconds = 0.0
        self._sent = b""

    def settimeout(self, seconds: float) -> None:
        self._seconds = seconds

    def setsockopt(self, *_: object) -> None: ...

    def connect(self, _address: object) -> None:
        self._network.connect(self._seconds)

    def sendall(self, data: bytes) -> None:
        self._sent += data

    def recv(self, _size: int) -> bytes:
        if not self._seconds:
            raise BlockingIOError
        sent, self._sent = self._sent, b""
        return self._network.answer(sent, self._seconds)

    def close(self) -> None: ...


def enter(patch: pytest.MonkeyPatch, seed: int = 0) -> Simulation:
    """Put the clock, the threads and the pauses of the providers into a new simulation, until `patch` is undone."""
    simulation = Simulation(seed)
    clock = SimpleNamespace(monotonic=lambda: simulation.now, time=time.time, sleep=simulation.sleep)
    for module in (interface, remote, connection, vault_credentials, vault_fetch, vault_leases):
        patch.setattr(module, "time", clock)
    for module in _THREADED:
        patch.setattr(module, "threading", simulation.threading)
    patch.setattr(threads, "SimpleQueue", lambda: _Queue(simulation))
    patch.setattr(threads, "_SLICE", 1e9)
    patch.setattr(remote, "_draw", simulation.random.uniform)
    return simulation


def connect(patch: pytest.MonkeyPatch, network: Network) -> None:
    """Let all sockets of the HTTP client lead to `network`, until `patch` is undone."""
    names = {name: getattr(socket, name) for name in dir(socket) if not name.startswith("_")}
    patch.setattr(connecting, "socket", SimpleNamespace(**{**names, "socket": lambda *_: _Socket(network)}))


@pytest.fixture
def simulation(monkeypatch: pytest.MonkeyPatch) -> Simulation:
    """Return the providers in a simulation."""
    return enter(monkeypatch)
