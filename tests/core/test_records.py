"""Records behave as frozen dataclasses do."""

import pickle
from typing import Any, Generic, TypeVar

import pytest

from secretsync.core.records import Record, replace

T = TypeVar("T")


class Point(Record):
    """Two numbers, one of them with a default, and a note that does not count."""

    x: int
    y: int = 0
    note: str = ""

    _uncompared = ("note",)
    _unseen = ("note",)


class Named(Record, kw_only=True):
    """A field that must be named."""

    name: str


class Box(Record, Generic[T]):
    """Something generic."""

    value: T


class Deep(Point):
    """A record that adds a field to another's."""

    z: int = 0


def test_fields_and_defaults() -> None:
    """Fields are taken by position and by name; defaults fill the rest."""
    assert (Point(1).x, Point(1).y, Point(1, y=2).y, Point(x=1, y=2).x) == (1, 0, 2, 1)
    assert Deep(1, 2, "n", 3).z == 3
    assert Named(name="a").name == "a"


@pytest.mark.parametrize(
    ("kind", "positional", "named"),
    [
        (Point, (), {}),
        (Point, (1, 2, "", 4), {}),
        (Point, (1,), {"x": 1}),
        (Point, (1,), {"w": 1}),
        (Named, ("a",), {}),
    ],
)
def test_wrong_arguments(kind: Any, positional: tuple[Any, ...], named: dict[str, Any]) -> None:
    """Unknown, repeated, missing and surplus fields are TypeErrors."""
    with pytest.raises(TypeError):
        kind(*positional, **named)


def test_frozen() -> None:
    """No field can be set or deleted, and none can be added."""
    point = Point(1)
    for name in ("x", "new"):
        with pytest.raises(AttributeError):
            setattr(point, name, 2)
    with pytest.raises(AttributeError):
        del point.x
    assert not hasattr(point, "__dict__")


def test_equality_and_hash() -> None:
    """Records of one class with the same fields are equal; of two classes they never are."""
    assert Point(1, 2, "a") == Point(1, 2, "b")
    assert hash(Point(1, 2, "a")) == hash(Point(1, 2, "b"))
    assert Point(1) != Point(2)
    assert Point(1, 0) != Deep(1, 0)
    assert Point(1) != (1, 0, "")
    assert Box(1) == Box[int](1)


def test_repr_and_copies() -> None:
    """`repr` shows fields but the unseen; `replace` changes; pickling brings an equal one back."""
    assert repr(Point(1, 2, "hidden")) == "Point(x=1, y=2)"
    assert replace(Point(1, 2), y=3) == Point(1, 3)
    assert pickle.loads(pickle.dumps(Point(1, 2, "n"))).note == "n"
