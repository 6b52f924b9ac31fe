"""The page of messages has the texts that commands print."""

import re
from pathlib import Path

import pytest

from tests.docs.messages import messages, plain
from tests.support.projects import MakeProject

PAGE = (Path(__file__).parents[2] / "docs" / "messages.md").read_text(encoding="utf-8")


def rows_for(cause: str) -> list[str]:
    """Return the messages of the page that a text can be an example of."""
    rows = {message for found in messages().values() for message, _ in found}
    return [row for row in rows if re.fullmatch(".+".join(map(re.escape, row.split("..."))), cause)]


@pytest.mark.parametrize(
    ("files", "arguments", "cause"),
    [
        ({"env/test/a.env": "A=$<B??>\n"}, ("check", "-e", "test"), "a name does not take a field"),
        ({"env/test/a.env": "export\n"}, ("check", "-e", "test"), "there is no name after 'export'"),
        ({"env/test/a.env": "A=1\n"}, ("check", "-e", "test", "--bindings", "x.toml"), "--bindings needs --env-file"),
        ({"env/test/a.env": "A=1\n"}, ("check", "-e", "../x"), None),
        ({"env/test/a.env": "A=1\n"}, ("render", "-e", "test", "--format", "systemd", "--output", "env"), None),
        ({"env/test/a.env": "A=1\n"}, ("restore", "no-such.tar.gz"), None),
    ],
)
def test_a_printed_message_is_on_the_page(
    project: MakeProject, files: dict[str, str], arguments: tuple[str, ...], cause: str | None
) -> None:
    """The words that a command prints are found by searching the page for them."""
    printed = project(files).cli(*arguments).stderr
    assert printed
    pieces = [piece.strip() for line in printed.splitlines() for piece in re.split(r"; ", line)]
    tails = [piece[at:] for piece in pieces for at in [0, *(match.end() for match in re.finditer(": ", piece))]]
    found = [row for tail in tails for row in rows_for(tail)]
    assert found, printed
    assert all(f"| {plain(row)} |" in PAGE for row in found)
    if cause is not None:
        assert cause in printed
        assert cause in found


@pytest.mark.slow
def test_each_part_has_a_general_next_step() -> None:
    """A message without a next step of its own has that of its part, above the table."""
    parts = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    assert len(parts) == len(messages())
    for part in parts:
        introduction, _, table = part.partition("<!-- table: messages ")
        if "|  |" in table:
            assert "Without a next step: " in introduction, part.split("\n")[0]
