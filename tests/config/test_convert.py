"""The getters of a configuration for lists, JSON, paths and durations."""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsync import Config, MissingKeyError, ValueTypeError, resolve_config
from secretsync.config.convert import BY_NAME, UNFIT, attempt
from tests.support.canary import CanaryFactory
from tests.support.projects import MakeProject
from tests.support.walker import everything_shown

ConfigOf = Callable[[str], Config]

HOSTILE = st.text(st.sampled_from("ab,;[]{}\"'\\ \t\n\r$<>#:=é\u0085\u2028\ufeff0e.-"), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | HOSTILE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(HOSTILE, inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def config_of(project: MakeProject) -> ConfigOf:
    """`config_of(text)` has the value `text` under the key A, from an env file."""

    def make(text: str) -> Config:
        root = project({"env/test/common.env": "B=1\nA=$<env:TEXT>\n"}).root
        return resolve_config("test", root=root, environ={"TEXT": text})

    return make


def converted(kind: str, text: str, *options: str) -> Any:
    """Return what the getter `kind` makes of `text`, or UNFIT."""
    return attempt(BY_NAME[kind].convert, text, *options)


def test_a_list_as_people_write_it_in_an_env_file(project: MakeProject) -> None:
    """JSON in an env file needs no quotes around the value."""
    text = 'ORIGINS=["http://a", "https://b"]\nONE=[\n"x" ]\n'.replace("[\n", "[")
    config = resolve_config("test", root=project({"env/test/common.env": text}).root, environ={})
    assert config.get_list("ORIGINS") == ["http://a", "https://b"]
    assert config.get_list("ONE", separator=";") == ["x"]


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("[]", []),
        ('["a,b", ""]', ["a,b", ""]),
        (' \n["a"]\n', ["a"]),
        ("[1, 1.10, -2e3, 18446744073709551617, true, false]", None),
        ('["\\u00e9\\n"]', ["é\n"]),
        ("a", ["a"]),
        ("a, [b]", ["a", "[b]"]),
    ],
)
def test_json_lists(config_of: ConfigOf, text: str, items: list[str] | None) -> None:
    """Items are texts; numbers keep their digits."""
    numbers = ["1", "1.10", "-2e3", "18446744073709551617", "true", "false"]
    assert config_of(text).get_list("A") == (numbers if items is None else items)


@pytest.mark.parametrize(
    "text",
    [
        *("[", "[a, b]", "['a', 'b']", '["a" "b"]', '["a",]', '["a"], b', '["a"]x', "[::1]:80", "[a]"),
        *("[null]", "[[1]]", '[{"a": 1}]', "[NaN]", "[Infinity]", "[" * 100_000, '[{"a":1,"a":2}]'),
    ],
)
def test_what_begins_as_json_is_json_or_an_error(config_of: ConfigOf, text: str) -> None:
    """It is never cut at its commas."""
    for separator in (",", ";"):
        with pytest.raises(ValueTypeError, match="A: its value is not a list"):
            config_of(text).get_list("A", ["default"], separator=separator)


@given(st.lists(HOSTILE, max_size=5), st.booleans())
def test_every_list_of_texts_can_be_written_as_json(items: list[str], is_ascii: bool) -> None:
    """As any JSON library writes it."""
    assert converted("list", json.dumps(items, ensure_ascii=is_ascii)) == items
    assert converted("list", json.dumps(items, indent=2), ";") == items


@given(st.lists(HOSTILE.map(str.strip).filter(bool), max_size=5), st.sampled_from([",", ";", ":", "||"]))
def test_items_between_separators(items: list[str], separator: str) -> None:
    """Every item without the separator comes back, unless the whole begins as JSON does."""
    items = [kept for item in items if (kept := item.replace(separator[0], "_").strip())]
    text = f" {separator} ".join(items)
    if not text.startswith("["):
        assert converted("list", text, separator) == items


@given(JSON)
def test_every_json_document(value: Any) -> None:
    """Comes back as Python's own parser gives it, with the same types."""
    text = json.dumps(value)
    found = converted("json", text)
    assert found == value
    assert repr(found) == repr(json.loads(text))


@pytest.mark.parametrize("text", ["null", "0", '""', "false", "[]", "{}"])
def test_json_that_is_false(config_of: ConfigOf, text: str) -> None:
    """None, zero and empty values are values; the default does not replace them."""
    assert config_of(text).get_json("A", "default") == json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "a", "{'a': 1}", "{a: 1}", "[1,]", "1e999", "-1e999", "NaN", "[-Infinity]", '{"a":1,"a":2}'),
        *("1" * 5000, "[" * 100_000, "01"),
    ],
)
def test_what_is_not_json(config_of: ConfigOf, text: str) -> None:
    """Everything that RFC 8259 does not have, and what no float holds."""
    with pytest.raises(ValueTypeError, match="A: its value is not JSON"):
        config_of(text).get_json("A", None)


@pytest.mark.parametrize("text", ["/var/lib/app", "relative/x", "~/x", ".", "with space ", "C:\\x"])
def test_paths(config_of: ConfigOf, text: str) -> None:
    """Paths are returned as written; the file system is not asked."""
    assert config_of(text).get_path("A") == Path(text)


def test_an_empty_path(config_of: ConfigOf) -> None:
    """An empty path is an error, because it would be the working directory."""
    with pytest.raises(ValueTypeError, match="A: its value is not a path"):
        config_of("").get_path("A")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("500ms", dt.timedelta(milliseconds=500)),
        ("30s", dt.timedelta(seconds=30)),
        ("5m", dt.timedelta(minutes=5)),
        ("12h", dt.timedelta(hours=12)),
        ("90d", dt.timedelta(days=90)),
        ("26w", dt.timedelta(weeks=26)),
        ("P90D", dt.timedelta(days=90)),
        ("P2W", dt.timedelta(weeks=2)),
        ("P1DT2H3M4S", dt.timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("0s", dt.timedelta()),
    ],
)
def test_durations(config_of: ConfigOf, text: str, expected: dt.timedelta) -> None:
    """Durations have the notations of the bindings."""
    assert config_of(text).get_duration("A") == expected


@pytest.mark.parametrize(
    "text",
    ["", "30", "1.5h", "-5s", "5 s", "5S", "1h30m", "P", "PT", "P1Y", "P1M", "٣s", "never", "999999999w", "5s\n"],
)
def test_what_is_no_duration(config_of: ConfigOf, text: str) -> None:
    """No unit, other notations, and what no timedelta holds."""
    with pytest.raises(ValueTypeError, match="A: its value is not a duration such as"):
        config_of(text).get_duration("A", None)


@given(st.integers(0, 10**6 - 1), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_iso_durations(days: int, hours: int, minutes: int, seconds: int) -> None:
    """Days and a time, as ISO 8601 writes them."""
    expected = dt.timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    assert converted("duration", f"P{days}DT{hours}H{minutes}M{seconds}S") == expected


@given(st.integers(0, 10**9 - 1), st.sampled_from(["milliseconds", "seconds", "minutes", "hours", "days"]))
def test_short_durations(count: int, unit: str) -> None:
    """Every count of a unit is exact."""
    suffix = "ms" if unit == "milliseconds" else unit[0]
    assert converted("duration", f"{count}{suffix}") == dt.timedelta(**{unit: count})


@given(HOSTILE)
def test_no_text_raises_another_error(text: str) -> None:
    """A conversion gives a value or none; lists and paths are the only ones that take most texts."""
    for kind in BY_NAME:
        value = converted(kind, text)
        assert (
            value is UNFIT or value is None or isinstance(value, str | int | float | list | dict | Path | dt.timedelta)
        )


@pytest.mark.parametrize(
    "getter", ["get_int", "get_float", "get_bool", "get_list", "get_json", "get_path", "get_duration"]
)
def test_errors_hold_nothing_of_the_value(config_of: ConfigOf, canary: CanaryFactory, getter: str) -> None:
    """File, line, key and type, and the value neither in messages nor in chained errors nor in local variables."""
    text = "" if getter == "get_path" else f'["{canary()}", {{"{canary()}": 1}}'
    with pytest.raises(ValueTypeError) as caught:
        getattr(config_of(text), getter)("A")
    assert str(caught.value).startswith("env/test/common.env:2: A: its value is not ")
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    canary.assert_clean(everything_shown(caught.value))


def test_defaults_and_missing_keys(config_of: ConfigOf) -> None:
    """A default counts only if the key does not exist."""
    config = config_of("x")
    for getter in (config.get_json, config.get_path, config.get_duration):
        assert getter("NOWHERE", None) is None
        with pytest.raises(MissingKeyError, match="NOWHERE"):
            getter("NOWHERE")
