"""Mask the objects that a log record holds."""

from __future__ import annotations

import copy
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from secretsync.core.secret import MASK, HiddenValue

AGAIN = "<...>"  # in a masked copy: a container inside itself


class MaskedInt(int):
    """Zero in place of a secret number, for formatters that compute with arguments; its text is the mask."""

    __slots__ = ()

    def __repr__(self) -> str:
        return MASK


class MaskedFloat(float):
    """The same for a number with a fraction."""

    __slots__ = ()

    def __repr__(self) -> str:
        return MASK


class Walk:
    """One pass over an object."""

    def __init__(self, mask: Callable[[str], str], again: str | None = None, *, keeps_numbers: bool = False) -> None:
        """`again`: what replaces a container inside itself; None: the container is kept, which only a search may do.

        `keeps_numbers`: a number stays a number if it is masked.
        """
        self._mask = mask
        self._keeps_numbers = keeps_numbers
        self._again = again
        self._entered: set[int] = set()

    def value(self, value: object) -> object:
        """Return `value`, or a copy in which every secret is masked."""
        if isinstance(value, str):
            masked = self._mask(value)
            return value if masked == value else masked
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, HiddenValue):
            return repr(value)
        if isinstance(value, int | float):
            if self._mask(shown(value).removesuffix(".0")) != MASK:
                return value
            return MASK if not self._keeps_numbers else MaskedInt() if isinstance(value, int) else MaskedFloat()
        if isinstance(value, bytes | bytearray):
            text = value.decode("utf-8", "surrogateescape")
            masked = self._mask(text)
            return value if masked == text else type(value)(masked.encode("utf-8", "surrogateescape"))
        return self._compound(value)

    def _compound(self, value: object) -> object:
        if id(value) in self._entered:
            return value if self._again is None else self._again
        self._entered.add(id(value))
        try:
            if isinstance(value, BaseException):
                return self.exception(value)
            if isinstance(value, Mapping):
                return self._mapping(value)
            if isinstance(value, list | tuple | set | frozenset):
                return self._sequence(value)
            return self._other(value)
        except RecursionError:
            return f"<{type(value).__name__} that is nested too deeply>"
        except Exception:  # noqa: BLE001 - any object may be logged, and a filter that raises ends the code that logs
            return self._other(value)
        finally:
            self._entered.discard(id(value))

    def _mapping(self, value: Mapping[object, object]) -> object:
        items = [(key, self.value(key), item, self.value(item)) for key, item in value.items()]
        if all(key is new_key and item is new for key, new_key, item, new in items):
            return value
        masked = {new_key: new for _, new_key, _, new in items}
        if type(value) is dict or not isinstance(value, dict):
            return masked
        like = copy.copy(value)
        like.clear()
        like.update(masked)
        return like

    def _sequence(self, value: list[object] | tuple[object, ...] | set[object] | frozenset[object]) -> object:
        old = list(value)
        new = [self.value(item) for item in old]
        if all(one is other for one, other in zip(old, new, strict=True)):
            return value
        make = getattr(type(value), "_make", None)  # of a named tuple
        if make is not None:
            return make(new)
        return next(kind(new) for kind in (list, tuple, set, frozenset) if isinstance(value, kind))

    def _other(self, value: object) -> object:
        for show in (str, repr):
            text = shown(value, show)
            if (error := failure(show, value)) and self._mask(error) != error:
                return text  # `logging` would print the exception
            masked = self._mask(text)
            if masked != text:
                return masked
        return value

    def exception(self, error: BaseException, *, must_copy: bool = False) -> BaseException:
        """Return `error`, or a copy of it and of every exception that it leads to."""
        chain = list(chain_of(error))
        self._entered.update(map(id, chain))
        parts = {id(one): (self.value(one.args), self.value(vars(one))) for one in chain}
        is_clean = all(
            args is one.args and attributes is vars(one) and self._other(one) is one
            for one in chain
            for args, attributes in [parts[id(one)]]
        )
        if is_clean and not must_copy:
            return error
        copies = {id(one): self._copy_of(one, *parts[id(one)]) for one in chain}
        for one in chain:
            new = copies[id(one)]
            new.__cause__ = copies.get(id(one.__cause__))
            new.__context__ = copies.get(id(one.__context__))
            new.__suppress_context__ = one.__suppress_context__
            new.__traceback__ = one.__traceback__
        return copies[id(error)]

    def _copy_of(self, error: BaseException, args: object, attributes: object) -> BaseException:
        """Return an exception of the same type, or of a subclass if its own text cannot be made without the secret."""
        kind, texts = type(error), {show: self._mask(shown(error, show)) for show in (str, repr)}
        arguments = args if isinstance(args, tuple) else ()
        try:
            new = self._filled(kind, error, arguments, attributes)
            is_faithful = all(shown(new, show) == text for show, text in texts.items())
        except Exception:  # noqa: BLE001 - types of any kind
            is_faithful = False
        if is_faithful:
            return new
        members: dict[str, Any] = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
        members |= {"__str__": lambda _: texts[str], "__repr__": lambda _: texts[repr]}
        try:
            subclass = types.new_class(kind.__name__, (kind,), {}, lambda namespace: namespace.update(members))
            return self._filled(subclass, error, arguments, attributes)
        except Exception:  # noqa: BLE001 - types of any kind
            return cast("BaseException", type(kind.__name__, (Exception,), members)(*arguments))

    def _filled(
        self, kind: type[BaseException], error: BaseException, args: tuple[object, ...], attributes: object
    ) -> BaseException:
        """Return a `kind` with these arguments, made without its constructor, and with the masked fields of `error`."""
        new = kind.__new__(kind, *args)
        new.args = args
        if isinstance(attributes, dict):
            vars(new).update(attributes)
        for base in type(error).__mro__[:-2]:  # without BaseException and object
            for name, descriptor in vars(base).items():
                if isinstance(descriptor, types.MemberDescriptorType | types.GetSetDescriptorType) and name[:2] != "__":
                    try:
                        masked = self.value(getattr(error, name))
                        if getattr(new, name, None) is not masked:
                            setattr(new, name, masked)
                    except (AttributeError, TypeError, ValueError):
                        continue  # not set, or read-only as an exception group's are
        return new


def chain_of(error: BaseException) -> Iterator[BaseException]:
    """Yield `error` and every cause and context that it leads to, each once."""
    waiting, seen = [error], {id(error)}
    while waiting:
        one = waiting.pop()
        yield one
        for other in (one.__cause__, one.__context__):
            if other is not None and id(other) not in seen:
                seen.add(id(other))
                waiting.append(other)


def shown(value: object, show: Callable[[object], str] = str) -> str:
    """Return `value` as text, or its type if the text cannot be made."""
    try:
        return show(value)
    except Exception:  # noqa: BLE001 - any object may be logged
        return f"<{type(value).__name__} that cannot be shown>"


def failure(call: Callable[[object], object], value: object) -> str | None:
    """Return the exception that `call(value)` raises, as `logging` would print it; None if it raises nothing."""
    try:
        call(value)
    except Exception as error:  # noqa: BLE001 - any object may be logged
        import traceback

        return "".join(traceback.format_exception(error))
    return None
