"""Keep the output of an SDK, which may hold tokens and values, out of logs and off the terminal."""

from __future__ import annotations

import builtins
import contextlib
import functools
import logging
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any
from weakref import WeakKeyDictionary

_Function = Callable[..., Any]

_here = threading.local()  # .depth: how many `silenced` blocks this thread is in
_lock = threading.Lock()  # guards _inside, and with it the replaced functions
_inside = 0  # `silenced` blocks of all threads
_originals: WeakKeyDictionary[_Function, _Function] = WeakKeyDictionary()  # by the function that replaces each


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """While the block runs, this thread prints and logs nothing, whatever an application or an SDK has switched on.

    Loggers that are made inside the block are covered, as are `warnings`, `print`, and with it the debug output of
    http.client and urllib3. SecretSync's own loggers, and all other threads, log and print as always. No level,
    handler, filter or debug switch of the application is changed.
    """
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _inside  # noqa: PLW0603 - the functions below are the process's as well
    _here.depth = getattr(_here, "depth", 0) + 1
    with _lock:
        if _inside == 0:
            _replace()
        _inside += 1


def _leave() -> None:
    global _inside  # noqa: PLW0603
    _here.depth -= 1
    with _lock:
        _inside -= 1
        if _inside == 0:
            _restore()


def _start_over() -> None:
    """Count again in a forked child, which has this thread alone: the lock may be held by a thread that is gone."""
    global _inside, _lock  # noqa: PLW0603
    _lock = threading.Lock()
    _inside = getattr(_here, "depth", 0)
    if _inside:
        _replace()
    else:
        _restore()


os.register_at_fork(after_in_child=_start_over)


def _is_silent() -> bool:
    return getattr(_here, "depth", 0) > 0


def _quiet(original: _Function) -> _Function:
    """Return `original` for all threads outside of a block. In a block it does nothing."""

    @functools.wraps(original)
    def replacement(*arguments: Any, **options: Any) -> Any:
        return None if _is_silent() else original(*arguments, **options)

    return replacement


def _quiet_method(original: _Function) -> _Function:
    """Return the same for a method of loggers, except SecretSync's own, because their messages do not hold values."""

    @functools.wraps(original)
    def replacement(logger: logging.Logger, *arguments: Any, **options: Any) -> Any:
        is_dropped = _is_silent() and logger.name.partition(".")[0] != "secretsync"
        return False if is_dropped else original(logger, *arguments, **options)

    return replacement


# All that prints. A logger's class covers the loggers that do not exist yet. `isEnabledFor` comes before record
# factories, filters and error reporters; `handle` is for records that were made elsewhere.
_PRINTING: tuple[tuple[Any, str, Callable[[_Function], _Function]], ...] = (
    (logging.Logger, "isEnabledFor", _quiet_method),
    (logging.Logger, "handle", _quiet_method),
    (warnings, "_showwarnmsg", _quiet),  # what the interpreter calls, also inside of `catch_warnings`
    (builtins, "print", _quiet),
)


def _printing() -> Iterator[tuple[Any, str, Callable[[_Function], _Function]]]:
    yield from _PRINTING
    # An application may have put a function of its own in the place of the builtin there. It is not imported for that.
    if (module := sys.modules.get("http.client")) is not None:
        yield module, "print", _quiet


def _replace() -> None:
    for owner, name, make in _printing():
        current = vars(owner).get(name)
        # One that another library has saved and put back still works.
        if current is not None and current not in _originals:
            replacement = make(current)
            _originals[replacement] = current
            setattr(owner, name, replacement)


def _restore() -> None:
    for owner, name, _ in _printing():
        current = vars(owner).get(name)
        # A function that an application has set in the meantime stays.
        if current is not None and current in _originals:
            setattr(owner, name, _originals[current])
