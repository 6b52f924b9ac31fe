"""Give a running service a handle that always answers from its newest valid configuration."""

from __future__ import annotations

import atexit
import inspect
import os
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Self

from secretsync.api import resolve_config
from secretsync.config.refreshed import Refreshed
from secretsync.core.errors import UsageError
from secretsync.core.text import suggestion, unknown
from secretsync.planning.arguments import check_type, texts_of
from secretsync.refreshing.pace import Pace
from secretsync.refreshing.refresher import Refresher
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

# Weak, so that a handle without a thread needs no `close`. A thread keeps its handle until `close`.
_open: weakref.WeakValueDictionary[int, Live] = weakref.WeakValueDictionary()


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
    if not 0 < interval <= threading.TIMEOUT_MAX / 2:  # a number that is not finite too
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

    __slots__ = ("__weakref__", "_new_pause", "_refresher", "_subscriptions", "_watcher")

    def __init__(self, config: Config, pace: Pace, *, new_pause: Callable[[], Pause] | None) -> None:
        """Keep the arguments. Internal: `live` returns handles. `new_pause`: None means that no thread is started."""
        self._subscriptions = Subscriptions()
        self._refresher = Refresher(config, pace, self._deliver)
        self._new_pause = new_pause
        self._watcher: Watcher | None = None
        self._watch()
        _open[id(self)] = self

    @property
    def config(self) -> Config:
        """Return the newest valid configuration. It does not change: use it for values that belong together."""
        return self._refresher.config

    @property
    def environment(self) -> str | None:
        """Return the environment's name, or None if the files were named one by one."""
        return self._refresher.config.environment

    @property
    def failures(self) -> int:
        """Return how many refreshes have failed since the last success; 0 if the last one succeeded."""
        return self._refresher.pace.failures

    def service(self, name: str) -> LiveService:
        """Return the mapping of one service, which is refreshed too. Raises UsageError as `Config.service` does."""
        return LiveService(lambda: self._refresher.config, name)

    def install_log_masking(self) -> LogMasking:
        """Mask all secrets on all handlers of this process: the present ones, earlier ones and later ones.

        The result has `uninstall()`, and is a context manager.
        """
        return self._refresher.config.install_log_masking()

    def __repr__(self) -> str:
        state = ", closed" if self._refresher.is_closed else ""
        return f"<Live {self._refresher.config!r}{state}>"

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
        config = self._refresher.config
        known = {key for scope in (config, *map(config.service, config.services)) for key in scope}
        for name in names:
            if name not in known:
                raise UsageError(f"keys: {unknown('key', name, known)}; {suggestion(name, known)}")
        return frozenset(names)

    def _deliver(self, refreshed: Refreshed) -> None:
        self._subscriptions.deliver(refreshed)

    # Refreshing

    def refresh(self) -> frozenset[str]:
        """Ask the stores now. Return the keys whose version or value changed.

        Calls from several threads at the same time share a refresh that began after they were called.
        Raises what `resolve_config` raises, and UsageError if the handle is closed. The configuration stays then.
        """
        return self._refresher.refresh()

    def refresh_if_due(self) -> frozenset[str]:
        """Refresh if the interval is over. Return the keys that changed.

        A failure is logged as a warning of `secretsync`; the configuration stays, and the next interval is longer. If
        another thread refreshes at present, this returns at once.
        """
        return self._refresher.refresh_if_due()

    # Threads and processes

    def _watch(self) -> None:
        if self._new_pause is not None:
            self._watcher = Watcher(self._refresher, self._new_pause())

    def close(self, timeout: float = 5.0) -> None:
        """End the watcher thread and all iterations. No callback begins after this. Values can still be read.

        timeout: seconds that this waits for a refresh that is in progress. Its result is not used.
        """
        self._end()
        if self._watcher is not None:
            self._watcher.stop(timeout)

    def _end(self) -> None:
        self._refresher.is_closed = True
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
        self._refresher.begin_in_child()
        self._subscriptions.begin_in_child()
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
