"""Manual pages: everything that `--help` says, as groff and mandoc show it."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsync.cli.commands import COMMANDS
from secretsync.cli.manual.man_page import EXIT_STATUSES, escape, main, man_pages
from secretsync.cli.manual.option_list import command_module, list_options
from secretsync.core.errors import ExitStatus
from tests.support.amounts import examples
from tests.support.limits import HANG
from tests.support.tools import needs_tool

VIEWERS: Mapping[str, tuple[str, ...]] = {
    "groff": ("groff", "-man", "-ww", "-Tascii", "-P-cbou", "-rLL=110n"),
    "mandoc": ("mandoc", "-T", "ascii", "-O", "width=110"),
}
PAGE = (Path(__file__).parents[3] / "docs" / "commands.md").read_text(encoding="utf-8")


def shown_by(viewer: str, page: str) -> str:
    """Return the text of a page as a viewer shows it, without its bold and underlined characters."""
    needs_tool(viewer)
    done = subprocess.run(
        VIEWERS[viewer],
        input=page.encode("ascii"),
        capture_output=True,
        timeout=HANG,
        check=True,
        env={"PATH": "/usr/bin"},
    )
    assert done.stderr == b""
    return re.sub(r".\x08", "", done.stdout.decode("ascii"))


def joined(text: str) -> str:
    """Return the words of a text, with one space between them."""
    return " ".join(text.split())


@pytest.mark.parametrize("viewer", VIEWERS)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_page_has_all_of_the_help(viewer: str, command: str) -> None:
    """Each option with its text, the description, the usage and the example."""
    text = shown_by(viewer, man_pages()[f"secretsync-{command.replace(' ', '-')}.1"])
    words = joined(text)
    module = command_module(command)
    assert joined(str(module.__doc__)) in words
    assert joined(f"secretsync {command} {module.USAGE}") in words
    for option in list_options(module):
        names = option.metavar if option.is_positional else ", ".join(option.names)
        value = f" {option.metavar}" if option.has_value and not option.is_positional else ""
        assert joined(f"{names}{value} {option.help}") in words
    shown = [line.strip() for line in text.splitlines()]
    assert all(line.strip() in shown for line in module.EXAMPLE.splitlines())


@pytest.mark.parametrize("viewer", VIEWERS)
def test_the_page_of_secretsync(viewer: str) -> None:
    """Each command with its line, and each exit status with its meaning on the page of commands."""
    words = joined(shown_by(viewer, man_pages()["secretsync.1"]))
    for name, summary in COMMANDS.items():
        assert f"{name} {summary}; see secretsync-{name.replace(' ', '-')}(1)" in words
    assert list(EXIT_STATUSES) == list(ExitStatus)
    for status, text in EXIT_STATUSES.items():
        assert f"{int(status)} {text}" in words
        assert status > ExitStatus.OUTPUT or f"| {int(status)} | {text} |" in PAGE


@given(
    st.lists(st.text(st.sampled_from("ab .'\"\\-`^~%*[]()&e\\n$"), min_size=1, max_size=20), min_size=1, max_size=20)
)
@examples(20)
def test_no_text_is_a_command_of_roff(texts: list[str]) -> None:
    """Dots, quotes and backslashes are shown as they are, at the start of a line too."""
    texts = [text.strip() or "x" for text in texts]
    page = "\n".join([".TH T 1", ".SH NAME", ".nf", *map(escape, texts), ".fi"])
    lines = [line.strip() for line in shown_by("groff", page).splitlines() if line.strip()]
    assert lines[2 : 2 + len(texts)] == [text.strip() for text in texts]


@pytest.mark.parametrize("page", man_pages())
def test_mandoc_finds_no_mistake(page: str) -> None:
    """The macros are right; a date is missing, so that the pages do not change without a reason."""
    command = [needs_tool("mandoc"), "-T", "lint", "-W", "warning"]
    done = subprocess.run(command, input=man_pages()[page], capture_output=True, text=True, timeout=HANG, check=False)
    assert [line for line in done.stdout.splitlines() if "missing date" not in line] == []


def test_the_files(tmp_path: Path) -> None:
    """`make man` writes a page for SecretSync and one for each command."""
    main(str(tmp_path / "man"))
    assert len(list((tmp_path / "man").iterdir())) == len(COMMANDS) + 1
    assert (tmp_path / "man" / "secretsync-rotation-merge.1").read_text().startswith(".TH ")
