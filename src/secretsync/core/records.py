"""Define frozen values with slots, as frozen dataclasses are, without the start-up time of dataclasses.

    class Point(Record, kw_only=True):
        x: int
        y: int = 0

A dataclass generates and compiles its methods when its module is imported, and `dataclasses` imports `inspect`.
Importing `dataclasses` alone takes 3.2 times the CPU time of bare Python, and importing all that `run` needs for an env
file 2.1 times (medians of 25 starts, Python 3.11). `run` starts before each start of an application.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, TypeVar, dataclass_transform

    R = TypeVar("R", bound="Record")
else:

    def dataclass_transform(**_: object) -> object:
        """Return a decorator that does nothing, because only type checkers use the mark."""
        return lambda kind: kind


_ABSENT = object()


class _RecordType(type):
    """Make slots from the annotations, and store the defaults separately."""

    def __new__(
        mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], *, kw_only: bool = False
    ) -> _RecordType:
        annotations: dict[str, Any] = namespace.get("__annotations__", {})
        names = [field for field, kind in annotations.items() if not str(kind).startswith("ClassVar")]
        defaults = {field: namespace.pop(field) for field in names if field in namespace}
        # `typing.Generic` and a class body may have slots already.
        namespace["__slots__"] = (*namespace.get("__slots__", ()), *names)
        made = super().__new__(mcs, name, bases, namespace)
        inherited = [base for base in made.__mro__[1:] if isinstance(base, _RecordType)]
        made._fields = (*(inherited[0]._fields if inherited else ()), *names)  # type: ignore[attr-defined]
        made._defaults = {**(inherited[0]._defaults if inherited else {}), **defaults}  # type: ignore[attr-defined]
        made._is_kw_only = kw_only  # type: ignore[attr-defined]
        # The setter of a slot is found once, because thousands of records may be made.
        made._slots = tuple(  # type: ignore[attr-defined]
            (field, getattr(made, field).__set__, made._defaults.get(field, _ABSENT))  # type: ignore[attr-defined]
            for field in made._fields  # type: ignore[attr-defined]
        )
        made._puts = tuple(put for _, put, _ in made._slots)  # type: ignore[attr-defined]
        return made


@dataclass_transform(frozen_default=True)
class Record(metaclass=_RecordType):
    """Base of frozen values: `__init__`, `==`, `hash` and `repr` use the annotated fields, in their order.

    `repr` does not show the fields in `_unseen`. `==` and `hash` do not compare the fields in `_uncompared`.
    """

    _fields: ClassVar[tuple[str, ...]]
    _defaults: ClassVar[dict[str, Any]]
    _is_kw_only: ClassVar[bool]
    _slots: ClassVar[tuple[tuple[str, Any, Any], ...]]
    _puts: ClassVar[tuple[Any, ...]]
    _unseen: ClassVar[tuple[str, ...]] = ()
    _uncompared: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *positional: Any, **named: Any) -> None:
        kind = type(self)
        slots = kind._slots
        if positional:
            if kind._is_kw_only or len(positional) > len(slots):
                message = f"{kind.__name__} takes {'no' if kind._is_kw_only else len(slots)} positional arguments"
                raise TypeError(message)
            for (field, put, _), value in zip(slots, positional, strict=False):
                if field in named:
                    message = f"{kind.__name__} was given {field!r} twice"
                    raise TypeError(message)
                put(self, value)
            slots = slots[len(positional) :]
        for field, put, default in slots:
            value = named.pop(field, default)
            if value is _ABSENT:
                message = f"{kind.__name__} needs {field!r}"
                raise TypeError(message)
            put(self, value)
        if named:
            message = f"{kind.__name__} has no field {next(iter(named))!r}"
            raise TypeError(message)

    def __setattr__(self, name: str, value: object) -> None:
        message = f"a {type(self).__name__} cannot be changed"
        raise AttributeError(message)

    def __delattr__(self, name: str) -> None:
        message = f"a {type(self).__name__} cannot be changed"
        raise AttributeError(message)

    def _compared(self) -> tuple[Any, ...]:
        return tuple(getattr(self, field) for field in self._fields if field not in self._uncompared)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._compared() == other._compared()

    def __hash__(self) -> int:
        return hash((type(self), self._compared()))

    def __repr__(self) -> str:
        shown = ", ".join(f"{field}={getattr(self, field)!r}" for field in self._fields if field not in self._unseen)
        return f"{type(self).__name__}({shown})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), {field: getattr(self, field) for field in self._fields})


def make(kind: type[R], *values: Any) -> R:
    """Return a record of `kind` with a value for each of its fields, in their order.

    This takes half the time of a call of the class. Use it only if a large file needs thousands of records.
    """
    record = kind.__new__(kind)
    for put, value in zip(kind._puts, values, strict=True):
        put(record, value)
    return record


def replace(record: R, **changes: Any) -> R:
    """Return a copy of `record` with other values for some fields."""
    return _rebuild(type(record), {**{field: getattr(record, field) for field in record._fields}, **changes})


def _rebuild(kind: type[R], values: dict[str, Any]) -> R:
    return kind(**values)
