"""Every format through the real readers: a value comes out as it went in, or it was refused."""

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from secretsync.rendering import formats
from tests.rendering.formats.hostile import CANARY_FILE, hostile_strings
from tests.rendering.formats.readers import Reader, all_readers

BATCH = 250
PORTABLE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:@%+,=-"


def plain_strings(count: int, seed: int) -> list[str]:
    """Strings that the portable format takes, mostly: hardly one of the hostile ones does."""
    drawn = random.Random(seed)
    return ["".join(drawn.choices(PORTABLE, k=drawn.randrange(1, 30))) for _ in range(count)]


def between_sentinels(values: Mapping[int, str]) -> dict[str, str]:
    """Each value under a name of its own, between two that must survive."""
    items: dict[str, str] = {}
    for index, value in values.items():
        items |= {f"V{index:06}A": f"before-{index}", f"V{index:06}M": value, f"V{index:06}Z": f"after-{index}"}
    return items


def read_back(reader: Reader, items: Mapping[str, str], folder: Path) -> Mapping[str, str] | str:
    """Return the reader's result for `items`, or its failure."""
    folder.mkdir()
    text = formats.render(reader.format, items, **reader.options)
    try:
        return reader.read(text.encode(), folder)
    except Exception as error:  # noqa: BLE001 - any way in which a reader gives up is a finding
        return f"{type(error).__name__}: {error}"


def find_wrong(reader: Reader, values: Mapping[int, str], new_folder: Callable[[], Path]) -> list[tuple[str, object]]:
    """Return the values that did not come back alone and unchanged, with what came instead."""
    items = between_sentinels(values)
    folder = new_folder()
    found = read_back(reader, items, folder)
    if found == items and not (folder / CANARY_FILE).exists():
        return []
    if len(values) > 1:
        numbers = sorted(values)
        halves = numbers[: len(numbers) // 2], numbers[len(numbers) // 2 :]
        wrong = [row for half in halves for row in find_wrong(reader, {n: values[n] for n in half}, new_folder)]
        return wrong or [("several together", found)]
    return [(value, found) for value in values.values()]


def carried(reader: Reader, strings: Sequence[str]) -> dict[int, str]:
    """Return the strings that the format does not refuse, by their number."""
    items = {f"V{index:06}M": value for index, value in enumerate(strings)}
    refused = {problem.key for problem in formats.problems(reader.format, items, **reader.options)}
    return {index: value for index, value in enumerate(strings) if f"V{index:06}M" not in refused}


@pytest.mark.parametrize("reader", list(all_readers()), ids=lambda reader: reader.id)
def test_hostile_strings_come_back(
    reader: Reader, request: pytest.FixtureRequest, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """No wrong value, no variable more, no command run: each string comes back alone, between its neighbours."""
    version = reader.find()
    if version is None:
        pytest.skip(f"needs the reader {reader.name}, which is not here")
    count = request.config.getoption("--hostile")
    seed = request.config.getoption("--hostile-seed")
    strings = hostile_strings(count, seed) + (plain_strings(count, seed) if reader.format == "portable" else [])
    values = carried(reader, strings)
    folders = (tmp_path / str(number) for number in range(10**9))
    numbers = sorted(values)
    for start in range(0, len(numbers), BATCH):
        batch = {number: values[number] for number in numbers[start : start + BATCH]}
        wrong = find_wrong(reader, batch, lambda: next(folders))
        assert not wrong, f"{len(wrong)} wrong, the first: {wrong[0]!r}"
    refused = count - sum(number < count for number in numbers)
    row = f"{reader.format:10} {reader.name} ({version}): 0 wrong of {len(strings)}"
    record_property("reader", f"{row}, {refused} of {count} hostile strings refused ({100 * refused / count:.1f} %)")


WORDS = (
    "no NO on ON y Y N off Null NULL null true TRUE e1 E1 _1 __ export EXPORT unset eval if then function x X INF NaN"
)


@pytest.mark.parametrize("reader", list(all_readers()), ids=lambda reader: reader.id)
def test_names_with_dots_and_hyphens(reader: Reader, tmp_path: Path) -> None:
    """A reader gets the name of a property as it is, or the format refuses the name."""
    if reader.find() is None:
        pytest.skip(f"needs the reader {reader.name}, which is not here")
    items = {"discovery.type": "single-node", "my-app.log-level": "$x 'y'", "A-": "", "_.": "1"}
    if reader.format in ("docker", "compose", "json", "yaml", "null", "kubernetes"):
        assert read_back(reader, items, tmp_path / "one") == items
        return
    for name in items:
        assert formats.problems(reader.format, {name: "v"}, **reader.options)


@pytest.mark.parametrize("reader", list(all_readers()), ids=lambda reader: reader.id)
def test_names_that_are_words_of_something(reader: Reader, tmp_path: Path) -> None:
    """A name stays a name where YAML has a boolean, a shell a keyword and an env file a command of that name."""
    if reader.find() is None:
        pytest.skip(f"needs the reader {reader.name}, which is not here")
    items = dict.fromkeys(WORDS.split(), "v")
    assert read_back(reader, items, tmp_path / "one") == items
