"""Help, tables and reports fit the width of the terminal, and lose no word."""

import re
from collections import Counter

import pytest

from secretsync.cli.commands import COMMANDS
from secretsync.core.reporting.layout import table_blocks
from tests.support.canary import CanaryFactory
from tests.support.processes import clean_environment
from tests.support.projects import MakeProject, Project
from tests.support.terminals import run_in_terminal, without_colours

WIDTHS = (40, 80, 120, 200)
LONG = "A_VERY_LONG_NAME_OF_A_SETTING_WITHOUT_AN_END"
WIDE = "日本語の設定の値は幅が二倍です" * 2

REPORTS = (
    ("explain", "-e", "test"),
    ("check", "-e", "test"),
    ("check", "-e", "test", "-v"),
    ("audit", "-e", "test"),
    ("audit", "-e", "test", "-v"),
    ("audit", "-e", "test", "--online"),
    ("audit", "--all"),
    ("audit", "--rules"),
    ("check-rotation", "-e", "test"),
    ("check-rotation", "--all"),
    ("doctor", "-e", "test"),
    ("diff", "-e", "test"),
    ("diff", "test", "development"),
    ("track", "-e", "test", "--list"),
    ("template", "--check"),
    ("providers",),
    ("explain", "-e", "broken"),  # problems on stderr
    ("audit", "-e", "typo"),
    ("render", "-e", "test"),
    ("restore", "no-such-archive.tar.gz"),
)


@pytest.fixture
def shop(project: MakeProject, canary: CanaryFactory) -> Project:
    """Return a project with long names, a finding, a missing secret and a record whose state has changed."""
    made = project(
        {
            "env/test/common.env": f"{LONG}={'x' * 90}\nSHORT=1\nWIDE={WIDE}\n",
            "env/test/security.env": "SECRET_KEY=$<KEY>\nOTHER_SECRET=$<docker:no_such_file_as_this_one>\n",
            "env/test/a-service-with-a-long-name.env": f"URL=postgresql://app:$<KEY>@{'database.' * 6}internal/app\n",
            "env/development/common.env": "SHORT=2\nDEBUG=True\n",
            "env/broken/common.env": f"A=$<nostore:{'a/' * 40}b>\nB=$<>\n",
            "providers/test.toml": '[stores.docker]\ndir = "files"\n[secrets]\nKEY = "docker:secret_key"\n'
            f'UNUSED_BINDING_WITH_A_NAME = {{ ref = "docker:{"unused_" * 12}", max_age = "30d" }}\n',
            "files/secret_key": canary(),
            ".env.example": "OLD=\n",
        }
    )
    made.cli("track", "-e", "test", "--offline", "--message", "the reason of this record " * 4, expect=0)
    made.write("env/test/common.env", f"{LONG}={'y' * 90}\nSHORT=1\nNEW_SETTING=new\n")
    return made


def words_of(text: str) -> str:
    """Return the text without everything that a width may change: spaces, line ends, continuation and marks."""
    return re.sub(r"\s|\\\n|\x1b\[[0-9]+m", "", text.replace(" \\\n", " "))


def columns_of(line: str) -> int:
    """Return the columns of a line in a terminal, in which each character of these tests has one or two."""
    return sum(2 if "\u3000" <= char <= "\u9fff" else 1 for char in without_colours(line))


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_fits(shop: Project, command: str) -> None:
    """In a terminal, by COLUMNS, and in 80 columns without both; each time with the same words."""
    arguments = [*([command] if command else []), "--help"]
    env = clean_environment(shop.home)
    plain = shop.cli(*arguments, expect=0).stdout
    assert max(map(len, plain.split("\n"))) <= 80
    for columns in WIDTHS:
        status, shown = run_in_terminal(arguments, columns=columns, cwd=shop.root, env=env)
        assert status == 0
        assert max(map(len, shown)) <= columns
        assert shop.cli(*arguments, env={"COLUMNS": str(columns)}, expect=0).stdout == "\n".join(shown)
        assert words_of("\n".join(shown)) == words_of(plain)


@pytest.mark.parametrize("arguments", REPORTS, ids=" ".join)
def test_reports_fit(shop: Project, arguments: tuple[str, ...]) -> None:
    """Every report and every message, in each width, with the status of the same command in a pipe."""
    env = clean_environment(shop.home)
    expected = shop.cli(*arguments).status
    for columns in WIDTHS:
        status, shown = run_in_terminal(arguments, columns=columns, cwd=shop.root, env=env)
        assert [line for line in shown if columns_of(line) > columns] == []
        assert status == expected


@pytest.mark.parametrize(
    "arguments", [("explain", "-e", "test"), ("audit", "--rules"), ("track", "-e", "test", "--list")], ids=" ".join
)
def test_tables_lose_no_word(shop: Project, arguments: tuple[str, ...]) -> None:
    """Each cell is whole, in columns and in lists."""
    plain = shop.cli(*arguments, expect=0).stdout
    for columns in WIDTHS:
        narrow = shop.cli(*arguments, env={"COLUMNS": str(columns)}, expect=0).stdout
        assert [word for word in plain.split() if len(word) <= 10 and word not in narrow] == []


@pytest.mark.parametrize("width", [*range(20, 60), 80, 120, 200])
def test_cells_are_whole(width: int) -> None:
    """A table has every character of every cell in the order of the cell, in columns and in lists."""
    row = ("env/production/security.env:12", LONG, WIDE, "a default (vault:secret/data/app#password is missing)", "")
    for number in range(1, len(row) + 1):
        head = tuple(f"COLUMN{index}" for index in range(number))
        blocks = table_blocks(head, [row[:number], ("short",) * number], width)
        assert max(columns_of(line) for block in blocks for line in block) <= width
        characters = Counter("".join(blocks[1]).replace(" ", ""))
        titles = Counter("" if blocks[0] else "".join(title for title, cell in zip(head, row, strict=False) if cell))
        assert characters == Counter("".join(row[:number]).replace(" ", "")) + titles


def test_a_pipe_has_one_line_a_row(shop: Project) -> None:
    """Without a terminal and without COLUMNS no line is wrapped, so that grep finds a row."""
    lines = shop.cli("explain", "-e", "test", expect=0).stdout.split("\n")
    (row,) = [line for line in lines if LONG in line]
    assert "env/test/common.env:1" in row
    path = shop.root / "report"
    shop.cli("audit", "-e", "test", "--output", str(path), env={"COLUMNS": "40"})
    assert max(map(len, path.read_text().split("\n"))) > 80


def test_a_message_in_a_log_is_one_line(shop: Project) -> None:
    """COLUMNS does not wrap messages on stderr that is not a terminal."""
    failed = shop.cli("audit", "-e", "typo", env={"COLUMNS": "40"}, expect=2)
    assert failed.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("env", "in_terminal", "in_pipe"),
    [
        ({}, True, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": "", "TERM": "xterm"}, True, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "0"}, False, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False),
        ({"TERM": "dumb"}, False, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True, True),
    ],
)
@pytest.mark.parametrize(
    "arguments",
    [("audit", "-e", "test"), ("check-rotation", "-e", "test"), ("diff", "-e", "test"), ("doctor", "-e", "test")],
    ids=" ".join,
)
def test_colours(
    shop: Project, arguments: tuple[str, ...], env: dict[str, str], *, in_terminal: bool, in_pipe: bool
) -> None:
    """One rule for every command: NO_COLOR, then FORCE_COLOR, then the terminal."""
    _, shown = run_in_terminal(arguments, columns=80, cwd=shop.root, env=clean_environment(shop.home, env))
    assert any("\x1b[" in line for line in shown) is in_terminal
    assert ("\x1b[" in shop.cli(*arguments, env=env).stdout) is in_pipe
    assert "\x1b[" not in shop.cli(*arguments, "--format", "json", env=env).stdout
