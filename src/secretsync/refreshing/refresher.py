"""Refresh a configuration in one thread at a time, and keep the old one if that fails."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from secretsync.config.config import Config
from secretsync.config.refreshed import Refreshed
from secretsync.core.durations import format_duration
from secretsync.core.errors import SecretSyncError, UsageError
from secretsync.refreshing.pace import Pace

_log = logging.getLogger("secretsync")
_NOTHING: frozenset[str] = frozenset()


class Refresher:
    """The newest valid configuration."""

    __slots__ = ("_changed", "_deliver", "_ended", "_error", "_started", "_turn", "config", "is_closed", "pace")

    def __init__(self, config: Config, pace: Pace, deliver: Callable[[Refreshed], object]) -> None:
        """Begin with a configuration. `deliver`: called with each change, by one thread at a time."""
        self.config, self.pace, self._deliver = config, pace, deliver
        self.is_closed = False  # True: the result of a refresh is not used any more, and failures are not logged
        self._started = 0  # the number of the last refresh that began
        self._changed = _NOTHING
        self._error: Exception | None = None
        self.begin_in_child()

    def begin_in_child(self) -> None:
        """Begin an interval in a process that was forked, without the lock of the parent."""
        self._turn = threading.RLock()  # held by the thread that refreshes; its callbacks may refresh too
        self._ended = self._started  # the number of the last refresh that ended; a refresh of the parent is not awaited
        self.pace.restart()

    def refresh(self) -> frozenset[str]:
        """Refresh, or wait for a refresh that began after this call. Return the keys that changed."""
        asked_at = self._started
        with self._turn:
            if self.is_closed:
                raise UsageError("live: this handle was closed; call secretsync.live again")
            if self._ended <= asked_at:
                self._refresh()
            elif self._error is not None:
                raise self._error
            return self._changed

    def refresh_if_due(self, *, is_patient: bool = False) -> frozenset[str]:
        """Refresh if the interval is over. Log a failure. Return the keys that changed.

        is_patient: True if this waits for a refresh that is in progress.
        """
        turn, changed = self._turn, _NOTHING  # A callback may fork, and a forked process has another lock.
        if self.pace.remaining() > 0 or not turn.acquire(blocking=is_patient):
            return _NOTHING
        try:
            # Another thread may have refreshed in the meantime.
            if not self.is_closed and self.pace.remaining() == 0:
                self._refresh()
                changed = self._changed
        except SecretSyncError as error:
            self._warn(str(error))
        except Exception as error:  # noqa: BLE001 - a plug-in may raise anything; its message may hold a value
            self._warn(type(error).__name__)
        finally:
            turn.release()
        return changed

    def _refresh(self) -> None:
        """Refresh once. The caller has the turn."""
        self._started = number = self._started + 1
        try:
            new, changed = self.config.refresh()
        except Exception as error:
            self._changed, self._error, self._ended = _NOTHING, error, number
            self.pace.fail()
            raise
        if failures := self.pace.failures:
            _log.info("live: the configuration was refreshed again after %d failures", failures)
        self.pace.succeed()
        if self.is_closed:
            changed = _NOTHING
        else:
            self.config = new
        self._changed, self._error, self._ended = changed, None, number
        if changed:
            _log.info("live: new versions or values of %s", ", ".join(sorted(changed)))
            self._deliver(Refreshed(new, changed))
            self._changed = changed  # A callback may have refreshed.

    def _warn(self, cause: str) -> None:
        if not self.is_closed:
            _log.warning(
                "live: the configuration was not refreshed and stays as it was; next attempt in %s; the cause is: %s",
                format_duration(self.pace.remaining()),
                cause,
            )
