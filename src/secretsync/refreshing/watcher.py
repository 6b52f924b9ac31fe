"""Refresh a configuration in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from secretsync.refreshing.pace import Pace


class Pause(Protocol):
    """The part of `threading.Event` that a watcher uses."""

    def wait(self, timeout: float) -> bool:
        """Wait for `set`, at most `timeout` seconds. Return True if it was called."""

    def set(self) -> None:
        """End the present wait and all later ones."""


class Watcher:
    """A daemon thread that calls `refresh` when `pace` says so. It never keeps the process alive."""

    __slots__ = ("_pace", "_pause", "_refresh", "_thread")

    def __init__(self, pace: Pace, refresh: Callable[[], object], pause: Pause) -> None:
        """Start the thread. `refresh` does not raise."""
        self._pace, self._refresh, self._pause = pace, refresh, pause
        self._thread = threading.Thread(target=self._run, name="secretsync-live", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._pause.wait(self._pace.remaining()):
            self._refresh()

    def stop(self, timeout: float) -> None:
        """End the thread, and wait for its end up to `timeout` seconds. A callback may call this."""
        self._pause.set()
        if timeout and threading.current_thread() is not self._thread:
            self._thread.join(timeout)
