"""What error reporters and debuggers find when they take an exception apart."""

import traceback
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from types import FunctionType, MethodType, ModuleType, TracebackType
from typing import Any

_CLOSED = (ModuleType, FunctionType, MethodType, type, str, bytes, int, float, bool, type(None))
_DEEPEST = 12


def chain(error: BaseException) -> Iterator[BaseException]:
    """`error` and everything that it leads to, suppressed or not."""
    waiting: list[BaseException] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [other for other in (one.__cause__, one.__context__) if other is not None]


def frames_of(trace: TracebackType | None, package: str) -> Iterator[Mapping[str, Any]]:
    """Yield the local variables of each frame from the first one of `package` on: those before it are the caller's."""
    has_begun = False
    while trace is not None:
        has_begun |= f"/{package}/" in trace.tb_frame.f_code.co_filename
        if has_begun:
            yield trace.tb_frame.f_locals
        trace = trace.tb_next


def members(value: object) -> Iterator[object]:
    """Return the members of `value` without a call of its own methods: attributes, slots, items."""
    yield from getattr(value, "__dict__", {}).values()
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for slot in (slots,) if isinstance(slots, str) else slots:
            name = f"_{kind.__name__.lstrip('_')}{slot}" if slot.startswith("__") and slot[-2:] != "__" else slot
            if hasattr(value, name):
                yield getattr(value, name)
    if isinstance(value, dict):
        yield from value
        yield from value.values()
    elif isinstance(value, list | tuple | AbstractSet):
        yield from value


def texts_in(value: object, depth: int = 0, seen: set[int] | None = None) -> Iterator[str]:
    """Every text that can be found in `value`, and what `repr`, `str` and formatting make of each object in it.

    The error is the text of an object that refuses to be formatted.
    """
    seen = set() if seen is None else seen
    if id(value) in seen or depth > _DEEPEST:
        return
    seen.add(id(value))
    for show in (repr, str, format):
        try:
            yield show(value)
        except TypeError as error:
            yield str(error)
    if not isinstance(value, _CLOSED):
        for member in members(value):
            yield from texts_in(member, depth + 1, seen)


def reported(value: object, depth: int = 0) -> object:
    """Return what Sentry would send of `value`: mappings and sequences taken apart, and `repr` of the rest."""
    if callable(own := getattr(type(value), "__sentry_repr__", None)):
        return own(value)
    if depth < _DEEPEST and isinstance(value, Mapping):
        return {str(key): reported(member, depth + 1) for key, member in value.items()}
    if depth < _DEEPEST and isinstance(value, list | tuple | AbstractSet):
        return [reported(member, depth + 1) for member in value]
    return repr(value)


def everything_shown(error: BaseException, package: str = "secretsync") -> str:
    """All that logs, tracebacks with locals, error reporters and debuggers show of `error`."""
    parts = []
    for one in chain(error):
        parts += [str(one), repr(one), *map(repr, getattr(one, "__notes__", [])), *texts_in(vars(one))]
        parts += [*texts_in(one.args)]
        for variables in frames_of(one.__traceback__, package):
            parts += [str(reported(variables)), *texts_in(dict(variables))]
        # Without the frames of the caller, which hold what they like.
        trace = one.__traceback__
        while trace is not None and f"/{package}/" not in trace.tb_frame.f_code.co_filename:
            trace = trace.tb_next
        parts += traceback.TracebackException(type(one), one, trace, capture_locals=True).format(chain=False)
    return "\n".join(parts)
