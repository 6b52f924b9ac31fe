"""Refresh a configuration in a thread of its own."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from secretsync.refreshing.refresher import Refresher


class Pause(Protocol):
    """The part of `threading.Event` that a watcher uses."""

    def wait(self, timeout: float) -> bool:
        """Wait for `set`, at most `timeout` seconds. Return True if it was called."""

    def set(self) -> None:
        """End the present wait and all later ones."""


class Watcher:
    """A daemon thread that refreshes a configuration after each interval. It never keeps the process alive."""

    __slots__ = ("_pause", "_refresher", "_thread")

    def __init__(self, refresher: Refresher, pause: Pause) -> None:
        """Start the thread."""
        self._refresher, self._pause = refresher, pause
        self._thread = threading.Thread(target=self._run, name="secretsync-live", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._pause.wait(self._refresher.pace.remaining()):
            self._refresher.refresh_if_due(is_patient=True)

    def stop(self, timeout: float) -> None:
        """End the thread, and wait for its end up to `timeout` seconds. A callback may call this."""
        self._pause.set()
        if timeout and threading.current_thread() is not self._thread:
            self._thread.join(timeout)
