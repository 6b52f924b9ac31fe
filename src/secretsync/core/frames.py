"""Hide the variables of SecretSync from everything that prints an exception."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ParamSpec, TypeVar

    P = ParamSpec("P")
    R = TypeVar("R")
    C = TypeVar("C", bound=type)

_CALLED_BY_PYTHON = ("__init__", "__getitem__", "__contains__", "__iter__", "__len__")
_COPIED = ("__module__", "__name__", "__qualname__", "__doc__", "__annotations__")
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def clear_frames(error: BaseException) -> None:
    """Forget the variables of SecretSync's frames, and of those that it called, in the tracebacks of `error`.

    The exceptions before it are treated in the same manner. An exception of any kind can come at any moment:
    KeyboardInterrupt, MemoryError, or what the handler of a signal raises. Error reporters print the variables of all
    frames, and the parser of JSON holds the whole document. Files and lines stay, and so do the frames of the caller.
    """
    from contextlib import suppress  # Imported only after an exception.

    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        waiting += (one.__cause__, one.__context__)
        trace, is_inside = one.__traceback__, False
        while trace is not None:
            is_inside = is_inside or trace.tb_frame.f_code.co_filename.startswith(_PACKAGE)
            if is_inside:
                with suppress(RuntimeError):  # the frame still runs: it is that of the decorator
                    trace.tb_frame.clear()
            trace = trace.tb_next


def hides_variables(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function of the library: an exception that leaves it leads to no variable of SecretSync."""

    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            clear_frames(error)
            del args, kwargs
            raise

    wrapper: Any = guarded
    for name in _COPIED:  # by hand, because a start does not import functools
        setattr(wrapper, name, getattr(function, name))
    wrapper.__wrapped__ = function
    return guarded


def methods_hide_variables(kind: C) -> C:
    """Decorate a class of the library: `hides_variables` for each public method, and for those that Python calls."""
    for name, member in list(vars(kind).items()):
        if name.startswith("_") and name not in _CALLED_BY_PYTHON:
            continue
        if isinstance(member, type(hides_variables)):
            setattr(kind, name, hides_variables(member))
        elif isinstance(member, property) and member.fget is not None:
            setattr(kind, name, member.getter(hides_variables(member.fget)))
    return kind
