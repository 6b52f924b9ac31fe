"""Call each callback that waits for a change, in the order of the changes."""

from __future__ import annotations

import threading
import traceback
import weakref
from collections import deque
from collections.abc import Callable

from secretsync.config.refreshed import Refreshed
from secretsync.refreshing.changes import Changes, narrow
from secretsync.resolving.pipeline import log_warning

Callback = Callable[[Refreshed], object]


class Subscriptions:
    """The callbacks and the asynchronous iterations of one handle."""

    __slots__ = ("_callbacks", "_changes", "_is_closed", "_is_delivering", "_lock", "_undelivered")

    def __init__(self) -> None:
        self._callbacks: dict[object, tuple[frozenset[str] | None, Callback]] = {}
        self._is_closed = False
        self.begin_in_child()

    def begin_in_child(self) -> None:
        """Keep the callbacks in a process that was forked. The loops of asyncio are those of the parent."""
        self._lock = threading.RLock()  # A signal handler may close the handle while its thread holds the lock.
        # Weak, because an iteration ends without a call if its task ends.
        self._changes: weakref.WeakSet[Changes] = weakref.WeakSet()
        self._undelivered: deque[Refreshed] = deque()
        self._is_delivering = False

    def add(self, keys: frozenset[str] | None, callback: Callback) -> Callable[[], None]:
        """Call `callback` with each later change of `keys`. Return a function that ends this."""
        mark = object()
        with self._lock:
            self._callbacks[mark] = (keys, callback)

        def end() -> None:
            with self._lock:
                self._callbacks.pop(mark, None)

        return end

    def iterate(self, keys: frozenset[str] | None) -> Changes:
        """Return an iteration over each later change of `keys`."""
        changes = Changes(keys)
        with self._lock:
            if not self._is_closed:
                self._changes.add(changes)
                return changes
        changes.close()
        return changes

    def deliver(self, refreshed: Refreshed) -> None:
        """Hand a change to everything that waits for it. Only one thread at a time may call this.

        A change that a callback causes is delivered after the present one.
        """
        self._undelivered.append(refreshed)
        if self._is_delivering:
            return
        self._is_delivering = True
        try:
            while self._undelivered:
                self._deliver(self._undelivered.popleft())
        finally:
            self._is_delivering = False

    def _deliver(self, refreshed: Refreshed) -> None:
        with self._lock:
            changes, marks = list(self._changes), list(self._callbacks)
        for one in changes:
            one.publish(refreshed)
        for mark in marks:
            # Looked up for each call, because a callback may end another one, or close the handle.
            keys, callback = self._callbacks.get(mark, (None, None))
            if callback is not None and (changed := narrow(refreshed.changed, keys)):
                _call(callback, Refreshed(refreshed.config, changed))

    def close(self) -> None:
        """End all iterations, and call no callback any more."""
        with self._lock:
            self._is_closed = True
            changes = list(self._changes)
            self._callbacks.clear()
        for one in changes:
            one.close()


def _call(callback: Callback, refreshed: Refreshed) -> None:
    # A callback may raise anything. An error must not end the watch or the other callbacks, and its message may hold a
    # value. SystemExit would end the thread of the watcher without a message.
    try:
        callback(refreshed)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - see above
        where = traceback.extract_tb(error.__traceback__)[-1]
        log_warning(
            f"live: a callback of on_change raised {type(error).__name__} at {where.filename}:{where.lineno}; the new "
            "configuration is used all the same; catch the error in the callback"
        )
