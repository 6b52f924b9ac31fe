"""`config.bind`: types of fields in classes of every kind, the names of keys, and errors without values."""

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import ipaddress
import re
import typing
import uuid
import zoneinfo
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, NamedTuple, NewType, Optional, TypedDict

import annotated_types
import attrs
import msgspec
import pydantic
import pytest

from secretsync import Config, ConfigurationError, Secret, resolve_config
from tests.support.canary import CanaryFactory
from tests.support.cases import check_each
from tests.support.projects import MakeProject
from tests.support.walker import everything_shown

ConfigOf = Callable[..., Config]
MakeClass = Callable[[Any], Any]


@pytest.fixture
def config_of(project: MakeProject) -> ConfigOf:
    """`config_of(VALUE="text", ...)` has these values, the first in line 1; `services` are other files."""

    def make(services: Mapping[str, str] | None = None, /, **values: str) -> Config:
        lines = "".join(f"{key}=$<env:IN_{key}>\n" for key in values)
        files = {f"env/test/{name}.env": text for name, text in (services or {}).items()}
        root = project({"env/test/common.env": lines, **files}).root
        return resolve_config("test", root=root, environ={f"IN_{key}": text for key, text in values.items()})

    return make


# Types in classes of every kind

KINDS: dict[str, MakeClass] = {
    "dataclass": lambda hint: dataclasses.make_dataclass("Made", [("value", hint)]),
    "frozen dataclass": lambda hint: dataclasses.make_dataclass("Made", [("value", hint)], frozen=True, slots=True),
    "attrs": lambda hint: attrs.make_class("Made", {"value": attrs.field(type=hint)}),
    "NamedTuple": lambda hint: NamedTuple("Made", [("value", hint)]),
    "TypedDict": lambda hint: TypedDict("Made", {"value": hint}),  # type: ignore[operator]
    "msgspec": lambda hint: msgspec.defstruct("Made", [("value", hint)]),
    "pydantic": lambda hint: pydantic.create_model(
        "Made", __config__=pydantic.ConfigDict(arbitrary_types_allowed=True), value=(hint, ...)
    ),
    "strict pydantic": lambda hint: pydantic.create_model(
        "Made", __config__=pydantic.ConfigDict(arbitrary_types_allowed=True, strict=True), value=(hint, ...)
    ),
    "pydantic dataclass": lambda hint: pydantic.dataclasses.dataclass(
        dataclasses.make_dataclass("Made", [("value", hint)]),
        config=pydantic.ConfigDict(arbitrary_types_allowed=True),
    ),
}


class Color(enum.Enum):
    """Values that are texts."""

    RED = "red"
    BLUE = "RED"  # the name of another member: values are first


class Level(enum.IntEnum):
    """Values that are numbers."""

    LOW = 1
    HIGH = 10


class Mode(enum.StrEnum):
    """Finds members in its own way too."""

    FAST = "fast"

    @classmethod
    def _missing_(cls, value: object) -> Any:
        return cls(value.lower()) if isinstance(value, str) and not value.islower() else None


class Odd(enum.Enum):
    """Values that no text is: by name only."""

    NOTHING = None
    THING = object()


class Url(str):
    """A text of an application's own type."""

    __slots__ = ()


UserId = NewType("UserId", int)
NAMED = uuid.UUID("12345678-1234-5678-1234-567812345678")
UTC_TIME = dt.datetime(2026, 11, 24, 8, 30, tzinfo=dt.UTC)

TYPES: list[tuple[Any, str, Any]] = [
    (str, '["a"]', '["a"]'),
    (str, "", ""),
    (Any, "a", "a"),
    (bytes, "é", "é".encode()),
    (int, "-5", -5),
    (float, "1e3", 1000.0),
    (bool, "Yes", True),
    (bool, "off", False),
    (Color, "red", Color.RED),
    (Color, "RED", Color.BLUE),
    (Color, "BLUE", Color.BLUE),
    (Level, "10", Level.HIGH),
    (Level, "LOW", Level.LOW),
    (Mode, "FASt", Mode.FAST),
    (Odd, "THING", Odd.THING),
    (Literal["a", "b"], "b", "b"),
    (Literal[1, 2], "2", 2),
    (Path, "/x/y", Path("/x/y")),
    (PurePosixPath, "x", PurePosixPath("x")),
    (decimal.Decimal, "1.10", decimal.Decimal("1.10")),
    (dt.timedelta, "90d", dt.timedelta(days=90)),
    (dt.timedelta, "PT90S", dt.timedelta(seconds=90)),
    (dt.datetime, "2026-11-24T08:30:00Z", UTC_TIME),
    (dt.datetime, "2026-11-24 09:30+01:00", UTC_TIME),
    (dt.datetime, "2026-11-24T08:30:00.5", dt.datetime(2026, 11, 24, 8, 30, 0, 500000)),  # noqa: DTZ001 - as written
    (dt.date, "2026-11-24", dt.date(2026, 11, 24)),
    (dt.time, "08:30", dt.time(8, 30)),
    (uuid.UUID, str(NAMED), NAMED),
    (uuid.UUID, NAMED.hex.upper(), NAMED),
    (ipaddress.IPv4Address, "10.0.0.1", ipaddress.IPv4Address("10.0.0.1")),
    (ipaddress.IPv6Network, "fe80::/10", ipaddress.IPv6Network("fe80::/10")),
    (zoneinfo.ZoneInfo, "UTC", zoneinfo.ZoneInfo("UTC")),
    (list[str], '["http://a", "https://b"]', ["http://a", "https://b"]),
    (list[str], "a, b", ["a", "b"]),
    (list[str], "", []),
    (list, "a,b", ["a", "b"]),
    (list[int], "1, 2", [1, 2]),
    (list[int], '["1", 2]', [1, 2]),
    (list[bool], "[true, false]", [True, False]),
    (list[str], "[true, 1.10]", ["true", "1.10"]),
    (list[decimal.Decimal], "[1.10]", [decimal.Decimal("1.10")]),
    (list[Path], "/a,/b", [Path("/a"), Path("/b")]),
    (list[Color], "red,BLUE", [Color.RED, Color.BLUE]),
    (list[int | None], "[1, null]", [1, None]),
    (list[list[int]], "[[1], []]", [[1], []]),
    (Sequence[int], "1,2", [1, 2]),
    (typing.List[int], "1,2", [1, 2]),  # noqa: UP006 - the old notation
    (set[int], "1,2,1", {1, 2}),
    (AbstractSet[str], "a", frozenset({"a"})),
    (frozenset[Level], "[1]", frozenset({Level.LOW})),
    (tuple[int, ...], "1,2,3", (1, 2, 3)),
    (tuple[str, int], "a,1", ("a", 1)),
    (tuple[str, int], '["a", 1]', ("a", 1)),
    (dict[str, int], '{"a": 1}', {"a": 1}),
    (dict[str, str], "", {}),
    (dict[str, list[str]], '{"a": ["b"]}', {"a": ["b"]}),
    (dict[str, Any], '{"a": [1, 1.5, null, {"b": true}]}', {"a": [1, 1.5, None, {"b": True}]}),
    (dict, '{"a": true, "b": 10, "c": "10", "d": null}', {"a": True, "b": 10, "c": "10", "d": None}),
    (list, '[1, "1", true, {"a": 1.5}]', [1, "1", True, {"a": 1.5}]),
    (list, "1, a", ["1", "a"]),
    (tuple, "[1]", (1,)),
    (Sequence, "[1, null]", [1, None]),
    (Mapping, '{"a": 1}', {"a": 1}),
    (dict[int, dt.timedelta], '{"1": "5s"}', {1: dt.timedelta(seconds=5)}),
    (Mapping[str, float], '{"a": 1}', {"a": 1.0}),
    (int | None, "5", 5),
    (Optional[Color], "red", Color.RED),  # noqa: UP045 - the old notation
    (int | str, "5", 5),
    (str | int, "5", 5),
    (str | int, "x", "x"),
    (bool | int, "7", 7),
    (list[str] | None, "", []),
    (UserId, "7", 7),
    (list[UserId], "7", [7]),
    (Annotated[int, "a note"], "7", 7),
    (Annotated[int | None, annotated_types.Gt(1)], "7", 7),
    (Url, "http://a", Url("http://a")),
    (Secret, "hidden", Secret("hidden")),
    (Secret | None, "hidden", Secret("hidden")),
    (list[Secret], "a,b", [Secret("a"), Secret("b")]),
    (pydantic.SecretStr, "[hidden]", pydantic.SecretStr("[hidden]")),
    (pydantic.SecretBytes, "hidden", pydantic.SecretBytes(b"hidden")),
    (pydantic.AnyUrl, "http://a/", pydantic.AnyUrl("http://a/")),
    (pydantic.PostgresDsn | None, "postgresql://u@h/d", pydantic.PostgresDsn("postgresql://u@h/d")),
    (list[pydantic.HttpUrl], "http://a/,https://b/", [pydantic.HttpUrl("http://a/"), pydantic.HttpUrl("https://b/")]),
    (pydantic.ByteSize, "1kb", 1000),
    (collections.deque[int], "1,2", collections.deque([1, 2])),
]

# These have their own classes for some types: a frozenset may become a set.
OWN_CLASSES = ("msgspec", "pydantic", "strict pydantic", "pydantic dataclass")


def _name(case: tuple[Any, str, Any]) -> str:
    return f"{case[0]}-{case[1]}"


@pytest.mark.parametrize("kind", KINDS)
def test_types(config_of: ConfigOf, kind: str) -> None:
    """One text becomes one value of one type in classes of every kind."""

    def check(case: tuple[Any, str, Any]) -> None:
        hint, text, expected = case
        made = config_of(VALUE=text).bind(KINDS[kind](hint))
        value = made["value"] if isinstance(made, dict) else made.value
        assert value == expected
        if kind not in OWN_CLASSES and hint is not pydantic.ByteSize:
            assert type(value) is type(expected)

    check_each(TYPES, check, _name)


WRONG: list[tuple[Any, str, str]] = [
    (int, "{}", "a whole number"),
    (float, "{}", "a number"),
    (bool, "{}", "true, false"),
    (Color, "{}", "one of red, RED"),
    (Level, "{}", "one of 1, 10"),
    (Mode, "{}", "one of fast"),
    (Literal["a", 2], "{}", "one of a, 2"),
    (decimal.Decimal, "{}", "a decimal number"),
    (decimal.Decimal, "NaN", "a decimal number"),
    (dt.timedelta, "{}", "a duration such as"),
    (dt.datetime, "{}", "a date and time such as"),
    (dt.datetime, "2026-11-24", "a date and time such as"),
    (dt.datetime, "2026-13-24T00:00:00Z", "a date and time such as"),
    (dt.date, "20261124", "a date such as"),
    (dt.time, "{}", "a time such as"),
    (uuid.UUID, "{}", "a UUID"),
    (Path, "", "a path"),
    (ipaddress.IPv4Address, "{}", "an IPv4 address"),
    (zoneinfo.ZoneInfo, "../{}", "the name of a time zone"),
    (list[int], "1,{}", "a list"),
    (list[str], '["{}"', "a list"),
    (list[str], "[null]", "a list"),
    (list[str], "a,,b", "a list"),
    (set[Color], "red,{}", "a list"),
    (tuple[int, int], "1,2,3", "a list"),
    (dict[str, int], '{{"a": "{}"}}', "a JSON object"),
    (dict[str, int], "{}", "a JSON object"),
    (dict[int, int], '{{"1": 1, "01": 2}}', "a JSON object"),
    (int | None, "{}", "a whole number"),
    (int | None, "", "a whole number"),
    (int | bool, "{}", "a whole number or true"),
    (pydantic.AnyUrl, "{}", "a valid AnyUrl"),
]


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_values(config_of: ConfigOf, canary: CanaryFactory, kind: str) -> None:
    """File, line, key and type are named; the value is neither in the message nor anywhere behind it."""

    def check(case: tuple[Any, str, str]) -> None:
        hint, text, expected = case
        config, made = config_of(FIRST="1", VALUE=text.format(canary())), KINDS[kind](hint)
        with pytest.raises(ConfigurationError) as caught:
            config.bind(made)
        assert str(caught.value).startswith(f"env/test/common.env:2: VALUE: its value is not {expected}")
        assert (caught.value.__cause__, caught.value.__context__) == (None, None)
        canary.assert_clean(everything_shown(caught.value))

    check_each(WRONG, check, _name)


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_key(config_of: ConfigOf, kind: str) -> None:
    """The error names the field, the type and the nearest key."""
    with pytest.raises(
        ConfigurationError, match=r"^VALUE: there is no such key, and .*Made\.value requires a list"
    ) as caught:
        config_of(VALEU="5").bind(KINDS[kind](list[int]))
    assert "a whole number" in str(caught.value)
    assert "did you mean VALEU?" in str(caught.value)
    for made in (KINDS[kind](int | None), KINDS[kind](Secret | None)):
        bound = config_of(OTHER="5").bind(made)
        assert (bound["value"] if isinstance(bound, dict) else bound.value) is None


@pytest.mark.parametrize("kind", ["dataclass", "attrs", "NamedTuple", "TypedDict"])
@pytest.mark.parametrize("hint", [complex, re.Pattern[str], list[complex], dict[str, complex], int | complex, type])
def test_types_that_no_text_becomes(config_of: ConfigOf, kind: str, hint: Any) -> None:
    """A mistake of the program; found before a value is read."""
    with pytest.raises(TypeError, match=r"Made\.value"):
        config_of(VALUE="1").bind(KINDS[kind](hint))


@pytest.mark.parametrize("kind", [dict, int, "Settings", None, list[int], Config])
def test_other_classes(config_of: ConfigOf, kind: Any) -> None:
    """`bind` names the kinds that it fills."""
    with pytest.raises(TypeError, match="is not a dataclass, attrs class, NamedTuple, TypedDict"):
        config_of(VALUE="1").bind(kind)
