"""The tables of docs/formats.md say what is measured."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from secretsync.rendering import formats
from tests.rendering.formats.hostile import PEM, hostile_strings
from tests.rendering.formats.readers import Reader, all_readers
from tests.support.amounts import DEFAULT_SEED

PAGE = Path(__file__).resolve().parents[2] / "docs" / "formats.md"
VALUES = {
    "PEM key": PEM,
    "bcrypt hash": "$2b$12$KIXQJf0Qv1uFZ0aZb1e3uO5G7S8hX9yT0uV1wX2yZ3aB4cD5eF6gH",
    "JSON with emoji and U+2028": '{"name": "it\'s 😀\u2028", "price": "$5", "path": "C:\\\\x"}'.replace("it's", "its"),
    "ends in a backslash": "p@ss word\\",
    "131,071 bytes": "0123456789abcde " * 8191 + "0123456789abcde",
}


def rows(marker: str) -> list[dict[str, str]]:
    """Return the table of the page behind a marker, by the text of its head."""
    text = PAGE.read_text(encoding="utf-8").split(f"<!-- {marker} -->")[1]
    lines = [line for line in text.strip().split("\n\n")[0].split("\n") if line.startswith("|")]
    head, _, *body = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return [dict(zip(head, cells, strict=True)) for cells in body]


def format_of(cell: str) -> tuple[str, dict[str, Any]]:
    """Name and options of the format that the first cell of a row speaks of."""
    name, _, option = cell.strip("`").partition(" --")
    needed: Mapping[str, dict[str, Any]] = {"kubernetes": {"name": "app", "namespace": "test"}}
    return name, {option: True} if option else needed.get(name, {})


def test_every_format_has_its_values() -> None:
    """The table of values has a row for each format, in the order of the registry."""
    names = [format_of(row[""])[0] for row in rows("measured: values")]
    assert list(dict.fromkeys(names)) == list(formats.FORMATS)


@pytest.mark.parametrize("row", rows("table: output-formats"), ids=lambda row: row["`--format`"])
def test_refusal_rates(row: dict[str, str]) -> None:
    """As many of the 10,000 strings are refused as the page says."""
    name, options = format_of(row["`--format`"])
    items = {f"V{index}": value for index, value in enumerate(hostile_strings(10_000, DEFAULT_SEED))}
    assert f"{len(formats.problems(name, items, **options)):,}" == row["refused of 10,000"]


@pytest.mark.parametrize("row", rows("measured: values"), ids=lambda row: row[""])
@pytest.mark.parametrize("value", VALUES)
def test_values(row: dict[str, str], value: str, tmp_path: Path) -> None:
    """Exact through every reader that is here, or refused by name."""
    name, options = format_of(row[""])
    problems = formats.problems(name, {"KEY": VALUES[value]}, **options)
    assert ("refused" if problems else "exact") == row[value]
    if problems:
        assert problems[0].key == "KEY"
        return
    items = {"A": "before", "KEY": VALUES[value], "Z": "after"}
    data = formats.render(name, items, **options).encode()
    for number, reader in enumerate(readers_of(name, options)):
        if reader.find() is None or (reader.name == "xargs" and value == "131,071 bytes"):
            continue  # xargs hands values over as arguments, and no argument may be that long
        (tmp_path / str(number)).mkdir()
        assert reader.read(data, tmp_path / str(number)) == items, reader.name


def readers_of(name: str, options: Mapping[str, Any]) -> Iterator[Reader]:
    """Yield the readers of one dialect of a format."""
    for reader in all_readers():
        if reader.format == name and reader.options.get("interpolating", False) == options.get("interpolating", False):
            yield reader


def test_the_long_value_is_as_long_as_it_says() -> None:
    """The name of the column."""
    assert len(VALUES["131,071 bytes"].encode()) == 131_071
