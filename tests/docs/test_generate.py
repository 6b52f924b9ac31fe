"""The generated blocks of README.md, CONTRIBUTING.md and docs/ are what the code says."""

import re
from pathlib import Path

import pytest

from secretsync.providers.registry import BUILT_IN
from tests.docs.generate import MISSING, PAGES, TABLES, filled, package_rows
from tests.docs.messages import messages

_MARKER = re.compile(r"^<!-- table: ([^>]+) -->$", re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_generated_blocks(page: Path) -> None:
    """The generator changes nothing, and no cell of a new row waits to be written."""
    text = page.read_text(encoding="utf-8")
    assert filled(text) == text, "make docs-tables"
    assert f"| {MISSING} |" not in text


@pytest.mark.slow
def test_every_table_is_in_a_page() -> None:
    """Each table is in one page. Each built-in provider has its settings there, and each package its messages."""
    markers = _MARKER.findall("".join(page.read_text(encoding="utf-8") for page in PAGES))
    settings = {f"settings {provider}" for provider in BUILT_IN}
    lists = {f"messages {package}" for package in messages()}
    assert sorted(markers) == sorted({*TABLES, *settings, *lists, "settings vault auth", "help", "help-of-commands"})


def test_rows_of_a_table() -> None:
    """Generated cells are replaced, cells by hand stay, new rows come in order, and rows without a member go."""
    text = """<!-- table: stores -->
| Store | Path | A bare name is | Versions | Credentials |
|---|---|---|---|---|
| `gone` | a | b | c | d |
| `env` | a | b | c | by hand |
<!-- end -->
"""
    rows = [line for line in filled(text).split("\n") if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == list(BUILT_IN)
    assert "| `env` | the name of a variable | `{name}` |  | by hand |" in rows
    assert all(row.endswith(f" {MISSING} |") for row in rows if not row.startswith("| `env`"))


def test_one_row_for_two_statuses() -> None:
    """A row that names two members appears once."""
    text = "<!-- table: exit-statuses -->\n| S | M |\n|---|---|\n| 126, 127 | not run |\n<!-- end -->"
    assert filled(text).count("not run") == 1


def test_rows_of_packages() -> None:
    """The rows of the import contract count from the lowest, and `__main__` is not listed."""
    rows = package_rows()
    assert rows["core"] == 1
    assert rows["project"] == rows["config"] == 2
    assert max(rows, key=lambda name: rows[name]) in {"cli", "appconfig"}
    assert "__main__" not in rows
