"""Hand changes of a configuration to a loop of asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator

from secretsync.config.refreshed import Refreshed


class Changes(AsyncIterator[Refreshed]):
    """The changes since this object was made, for `async for`.

    If several changes arrive before the next step of the loop, they become one: the newest configuration with the keys
    of all of them. A slow loop therefore needs no more memory than a fast one.
    """

    __slots__ = ("__weakref__", "_is_closed", "_keys", "_lock", "_pending", "_waiting")

    def __init__(self, keys: frozenset[str] | None) -> None:
        """Begin to collect. `keys`: None means every key."""
        self._keys = keys
        self._lock = threading.RLock()  # A signal handler may call `close` while its thread holds the lock.
        self._pending: Refreshed | None = None
        self._is_closed = False
        self._waiting: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}

    def publish(self, refreshed: Refreshed) -> None:
        """Add a change. May be called from each thread."""
        changed = narrow(refreshed.changed, self._keys)
        if not changed:
            return
        with self._lock:
            earlier = self._pending.changed if self._pending else frozenset()
            self._pending = Refreshed(refreshed.config, changed | earlier)
            self._wake()

    def close(self) -> None:
        """End the iteration after the change that waits. May be called from each thread."""
        with self._lock:
            self._is_closed = True
            self._wake()

    def _wake(self) -> None:
        for event, loop in self._waiting.items():
            # A loop that was closed does not continue its iteration.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(event.set)

    async def __anext__(self) -> Refreshed:
        """Wait for a change and return it."""
        while True:
            with self._lock:
                if self._pending is not None:
                    found, self._pending = self._pending, None
                    return found
                if self._is_closed:
                    raise StopAsyncIteration
                event = asyncio.Event()
                self._waiting[event] = asyncio.get_running_loop()
            try:
                await event.wait()
            finally:
                with self._lock:
                    del self._waiting[event]


def narrow(changed: frozenset[str], keys: frozenset[str] | None) -> frozenset[str]:
    """Return those of the changed keys that are in `keys`. None means every key."""
    return changed if keys is None else changed & keys
