"""Keep providers with their logins and connections for the next resolution of this process."""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
from collections.abc import Mapping
from typing import Any

from secretsync.core.secret import Hidden
from secretsync.providers.interface import Provider, ProviderSpec, ProviderType, SettingType, StoreContext

_MOST = 16  # providers; a process that changes its variables again and again would keep any number


class _Key(Hidden):
    """Everything that decides about a provider, variables included. Hidden, because they may be credentials."""

    __slots__ = ("__parts", "_hash")

    def __init__(self, *parts: object) -> None:
        self.__parts = parts
        self._hash = hash(parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.__parts == other.__parts

    def __hash__(self) -> int:
        return self._hash


class KeptStore:
    """A provider that several resolutions may use at the same time."""

    __slots__ = ("files", "is_dropped", "key", "provider", "users")

    def __init__(self, key: _Key, files: object, provider: Provider) -> None:
        self.key = key
        self.files = files
        self.provider = provider
        self.users = 0
        self.is_dropped = False  # True: closed after the last use


class _Pool:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.kept: dict[_Key, KeptStore] = {}  # the one that was used last is at the end

    def drop(self, stores: list[KeptStore]) -> list[KeptStore]:
        """Do not keep these. Return those that can be closed now; the others are closed after their last use."""
        for kept in stores:
            kept.is_dropped = True
            if self.kept.get(kept.key) is kept:
                del self.kept[kept.key]
        return [kept for kept in stores if kept.users == 0]


_pool = _Pool()
_pools_of_parents: list[_Pool] = []


def _begin_in_child() -> None:
    """Leave the providers of the parent untouched, because another thread may have held a lock of theirs."""
    global _pool  # noqa: PLW0603 - the pool of this process
    _pools_of_parents.append(_pool)
    _pool = _Pool()


os.register_at_fork(after_in_child=_begin_in_child)


def take(kind: ProviderType, context: StoreContext) -> KeptStore | None:
    """Return the provider for `context`, a kept one or a new one; None if providers of this kind are not kept.

    Give it back with `give_back`. Raises what the provider raises while it is built.
    """
    if not kind.spec.variables:
        return None
    key, files = _key(kind, context), _stamps(kind.spec, context)
    pool, dropped = _pool, []
    with pool.lock:
        kept = pool.kept.get(key)
        if kept is None or kept.files != files:
            built = KeptStore(key, files, kind(context))
            dropped += pool.drop([kept] if kept else [])
            kept = built
        pool.kept.pop(key, None)
        pool.kept[key] = kept
        kept.users += 1
        dropped += pool.drop(list(pool.kept.values())[:-_MOST])
    _close(dropped)
    return kept


def give_back(kept: KeptStore, *, is_denied: bool = False, is_busy: bool = False) -> None:
    """End the use of a provider.

    `is_denied`: its store denied a request, so that it is not used again. `is_busy`: a call to it has not returned, so
    that it is not used again and not closed.
    """
    pool, dropped = _pool, []
    with pool.lock:
        if not is_busy:
            kept.users -= 1
        if is_busy or kept.is_dropped or (is_denied and not getattr(kept.provider, "is_irreplaceable", False)):
            dropped = pool.drop([kept])
    _close(dropped)


def close_stores() -> None:
    """Close the connections to stores that are kept for the next `resolve_config`, and forget logins and tokens.

    A provider that another thread uses is closed after that use.
    """
    pool = _pool
    with pool.lock:
        dropped = pool.drop(list(pool.kept.values()))
    _close(dropped)


atexit.register(close_stores)


def _close(dropped: list[KeptStore]) -> None:
    for kept in dropped:
        # A provider may raise anything. It is not used again, so the error is ignored.
        with contextlib.suppress(Exception):
            kept.provider.close()


def _key(kind: ProviderType, context: StoreContext) -> _Key:
    begins = kind.spec.variables
    # SDKs read some variables from the process, and not from the given environment.
    variables = [
        tuple(sorted((name, value) for name, value in environ.items() if name.upper().startswith(begins)))
        for environ in (context.environ, os.environ)
    ]
    place = os.path.abspath(context.root)
    return _Key(kind, context.store, context.environment, place, _frozen(context.settings), *variables)


def _frozen(settings: object) -> object:
    if isinstance(settings, Mapping):
        return tuple(sorted((name, _frozen(value)) for name, value in settings.items()))
    if isinstance(settings, list | tuple):
        return tuple(_frozen(value) for value in settings)
    return (type(settings), settings)  # 1 equals True


def _stamps(spec: ProviderSpec, context: StoreContext) -> list[object]:
    """Return what changes if a file that the provider reads is written or replaced."""
    paths = [context.path(path) for path in _paths(spec.settings, context.settings)]
    for written in spec.files:
        if written.startswith("$"):
            paths.append(context.environ.get(written[1:], ""))
        elif written.startswith("~/"):
            paths.append(os.path.join(context.environ.get("HOME", ""), written[2:]))
        else:
            paths.append(written)
    return [_stamp(path) for path in paths if path]


def _paths(known: Mapping[str, Any], settings: Mapping[str, Any]) -> list[str]:
    paths: list[str] = []
    for name, setting in known.items():
        value = settings.get(name)
        if setting.type is SettingType.PATH and isinstance(value, str):
            paths.append(value)
        elif setting.type is SettingType.TABLE and isinstance(value, Mapping):
            paths += _paths(setting.keys, value)
    return paths


def _stamp(path: str) -> object:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return path
    return path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
