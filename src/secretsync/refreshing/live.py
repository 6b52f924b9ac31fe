"""Give a running service a handle that always answers from its newest valid configuration."""

from __future__ import annotations

import atexit
import inspect
import logging
import math
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Self

from secretsync.api import resolve_config
from secretsync.config.refreshed import Refreshed
from secretsync.core.durations import format_duration
from secretsync.core.errors import SecretSyncError, UsageError
from secretsync.core.text import suggestion, unknown
from secretsync.planning.arguments import check_type, texts_of
from secretsync.refreshing.pace import Pace
from secretsync.refreshing.scope import LiveScope, LiveService
from secretsync.refreshing.subscriptions import Subscriptions
from secretsync.refreshing.watcher import Watcher
from secretsync.resolving.pipeline import log_warning

if TYPE_CHECKING:
    from types import TracebackType

    from secretsync.config.config import Config
    from secretsync.config.log_masking import LogMasking
    from secretsync.providers.interface import Provider
    from secretsync.refreshing.watcher import Pause

_NOTHING: frozenset[str] = frozenset()
_open: dict[int, Live] = {}


def live(
    environment: str | None = None,
    *,
    interval: float = 60,
    background: bool = True,
    root: str | os.PathLike[str] | None = None,
    services: Iterable[str] | None = None,
    environ: Mapping[str, str] | None = None,
    timeout: float | None = None,
    files: Iterable[str | os.PathLike[str]] | None = None,
    bindings: str | os.PathLike[str] | None = None,
    stores: Mapping[str, Provider] | None = None,
    validate: bool | None = None,
) -> Live:
    """Resolve a configuration, and return a handle that refreshes it.

    interval: seconds between two refreshes. After each failure the interval is doubled, up to 600 seconds.
    background: True if a thread refreshes the configuration; False if the application calls `refresh_if_due`.
    The other arguments are as in `resolve_config`, and so is what this raises.
    """
    if isinstance(interval, bool) or not isinstance(interval, int | float):
        raise UsageError(f"interval: it is of type {type(interval).__name__}; give a number of seconds, such as 60")
    if not (math.isfinite(interval) and 0 < interval <= threading.TIMEOUT_MAX / 2):
        raise UsageError("interval: it is not a length of time; give a number of seconds above 0, such as 60")
    check_type("background", background, bool, "True or False")
    config = resolve_config(
        environment,
        root=root,
        services=services,
        environ=environ,
        timeout=timeout,
        files=files,
        bindings=bindings,
        stores=stores,
        validate=validate,
    )
    return Live(config, Pace(interval), new_pause=threading.Event if background else None)


class Live(LiveScope):
    """A configuration that is refreshed. Reading never asks a store: it answers from the newest valid configuration.

    All methods may be called from each thread. A forked process has a watcher thread of its own.
    """

    __slots__ = (
        *("__weakref__", "_config", "_ended", "_error", "_changed", "_is_closed", "_new_pause", "_pace", "_started"),
        *("_subscriptions", "_turn", "_watcher"),
    )

    def __init__(self, config: Config, pace: Pace, *, new_pause: Callable[[], Pause] | None) -> None:
        """Internal: `live` returns handles. `new_pause`: None means that no thread is started."""
        self._config, self._pace, self._new_pause = config, pace, new_pause
        self._subscriptions = Subscriptions()
        self._turn = threading.RLock()  # held by the thread that refreshes; its callbacks may refresh too
        self._started = self._ended = 0  # the numbers of the last refresh that was started, and that has ended
        self._changed, self._error = _NOTHING, None  # type: tuple[frozenset[str], Exception | None]
        self._is_closed = False
        self._watcher: Watcher | None = None
        self._watch()
        _open[id(self)] = self

    @property
    def config(self) -> Config:
        """Return the newest valid configuration. It does not change: use it for values that belong together."""
        return self._config

    @property
    def environment(self) -> str | None:
        """Return the environment's name, or None if the files were named one by one."""
        return self._config.environment

    @property
    def failures(self) -> int:
        """Return how many refreshes have failed since the last success; 0 if the last one succeeded."""
        return self._pace.failures

    def service(self, name: str) -> LiveService:
        """Return the mapping of one service, which is refreshed too. Raises UsageError as `Config.service` does."""
        return LiveService(lambda: self._config, name)

    def install_log_masking(self) -> LogMasking:
        """Mask all secrets on all handlers of this process: the present ones, earlier ones and later ones.

        The result has `uninstall()`, and is a context manager.
        """
        return self._config.install_log_masking()

    def __repr__(self) -> str:
        state = ", closed" if self._is_closed else ""
        return f"<Live {self._config!r}{state}>"

    # Changes

    def on_change(
        self, keys: str | Iterable[str] | None, callback: Callable[[Refreshed], object]
    ) -> Callable[[], None]:
        """Call `callback` after each refresh in which one of `keys` changed. Return a function that ends this.

        keys: a key, several keys, or None for every key.
        callback: called with a Refreshed (the new configuration, and which of `keys` changed) in the thread that
        refreshes. If it raises, a warning without the message of the error is logged.

        Raises UsageError for a key that no scope has.
        """
        names = self._names(keys)
        if inspect.iscoroutinefunction(callback):
            raise UsageError("callback: it is a coroutine function; use `async for change in live.changes()`")
        if not callable(callback):
            raise UsageError(f"callback: it is of type {type(callback).__name__}; give a function of one argument")
        return self._subscriptions.add(names, callback)

    def changes(self, keys: str | Iterable[str] | None = None) -> AsyncIterator[Refreshed]:
        """Return each change of `keys` from now on, for `async for`. The iteration ends if the handle is closed.

        Changes that arrive while the loop is busy become one: the newest configuration, and the keys of all of them.
        """
        return self._subscriptions.iterate(self._names(keys))

    def _names(self, keys: str | Iterable[str] | None) -> frozenset[str] | None:
        names = texts_of("keys", (keys,) if isinstance(keys, str) else keys)
        if names is None:
            return None
        config = self._config
        known = {key for scope in (config, *map(config.service, config.services)) for key in scope}
        for name in names:
            if name not in known:
                raise UsageError(f"keys: {unknown('key', name, known)}; {suggestion(name, known)}")
        return frozenset(names)

    # Refreshing

    def refresh(self) -> frozenset[str]:
        """Ask the stores now. Return the keys whose version or value changed.

        Calls from several threads at the same time share a refresh that began after they were called.
        Raises what `resolve_config` raises, and UsageError if the handle is closed. The configuration stays then.
        """
        asked_at = self._started
        with self._turn:
            if self._is_closed:
                raise UsageError("live: this handle was closed; call secretsync.live again")
            if self._ended <= asked_at:
                self._refresh()
            elif self._error is not None:
                raise self._error
            return self._changed

    def refresh_if_due(self) -> frozenset[str]:
        """Refresh if the interval is over. Return the keys that changed.

        A failure is logged as a warning of `secretsync`; the configuration stays, and the next interval is longer. If
        another thread refreshes at present, this returns at once.
        """
        return self._refresh_if_due(is_patient=False)

    def _refresh_if_due(self, *, is_patient: bool) -> frozenset[str]:
        turn, changed = self._turn, _NOTHING  # A callback may fork, and a forked process has another lock.
        if self._pace.remaining() > 0 or not turn.acquire(blocking=is_patient):
            return _NOTHING
        try:
            # Another thread may have refreshed in the meantime.
            if not self._is_closed and self._pace.remaining() == 0:
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
            new, changed = self._config.refresh()
        except Exception as error:
            self._changed, self._error, self._ended = _NOTHING, error, number
            self._pace.fail()
            raise
        if failures := self._pace.failures:
            _info(f"live: the configuration was refreshed again after {failures} failures")
        self._pace.succeed()
        if self._is_closed:
            changed = _NOTHING
        else:
            self._config = new
        self._changed, self._error, self._ended = changed, None, number
        if changed:
            _info(f"live: new versions or values of {', '.join(sorted(changed))}")
            self._subscriptions.deliver(Refreshed(new, changed))
            self._changed = changed  # A callback may have refreshed.

    def _warn(self, cause: str) -> None:
        if not self._is_closed:
            wait = format_duration(self._pace.remaining())
            log_warning(
                f"live: the configuration was not refreshed and stays as it was; next attempt in {wait}; the cause is: "
                f"{cause}"
            )

    # Threads and processes

    def _watch(self) -> None:
        if self._new_pause is not None:
            self._watcher = Watcher(self._pace, lambda: self._refresh_if_due(is_patient=True), self._new_pause())

    def close(self, timeout: float = 5.0) -> None:
        """End the watcher thread and all iterations. No callback begins after this. Values can still be read.

        timeout: seconds that this waits for a refresh that is in progress. Its result is not used.
        """
        self._end()
        if self._watcher is not None:
            self._watcher.stop(timeout)

    def _end(self) -> None:
        self._is_closed = True
        _open.pop(id(self), None)
        self._subscriptions.close()
        if self._watcher is not None:
            self._watcher.stop(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _begin_in_child(self) -> None:
        # Another thread of the parent may have held the locks, and threads do not exist in the child.
        self._turn = threading.RLock()
        self._ended = self._started
        self._subscriptions.begin_in_child()
        self._pace.restart()
        try:
            self._watch()
        except RuntimeError:
            log_warning("live: no thread could be started in the forked process; call refresh_if_due there")


def _begin_in_child() -> None:
    for handle in list(_open.values()):
        handle._begin_in_child()  # noqa: SLF001 - in the same module


def _end_all() -> None:
    """Let no refresh begin or log at the end of the process, because stores and threads are not available then."""
    for handle in list(_open.values()):
        handle._end()  # noqa: SLF001 - in the same module


os.register_at_fork(after_in_child=_begin_in_child)
atexit.register(_end_all)


def _info(text: str) -> None:
    logging.getLogger("secretsync").info("%s", text)
