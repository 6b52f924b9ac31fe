"""Names and values that have a meaning for fish: each one is exported as it is, or refused."""

import subprocess
from pathlib import Path

import pytest

from secretsync.rendering import formats
from tests.rendering.formats.hostile import CANARY_FILE
from tests.rendering.formats.readers import ReaderFailed, read_with_fish
from tests.support.tools import needs_tool

KNOWN = """
BROWSER CDPATH CMD_DURATION COLORTERM COLUMNS EDITOR HOME HOMEPATH IFS LANG LC_ALL LC_MESSAGES LD_LIBRARY_PATH LINES
MANPATH
PATH SHELL TERM TERMINFO TZ USER XDG_CONFIG_HOME XDG_DATA_HOME and argv begin command else end fish_color_command
fish_complete_path fish_escape_delay_ms fish_features fish_function_path fish_greeting fish_read_limit fish_trace
fish_user_paths function if not or set status switch umask version while
"""
# What the test itself needs, and what fish sets if it is missing.
OWN = {"HOME", "LC_ALL", "LOGNAME", "OLDPWD", "USER", "PATH"}
VALUES = (f"a[$(touch {CANARY_FILE})]", f"(touch {CANARY_FILE})", "a:b", "x::y:", ":", "", "5", "/usr/bin:/bin")


def names_of_fish(folder: Path) -> list[str]:
    """Return the names of fish's own variables, and of those that its manual describes."""
    env = {"PATH": "/usr/bin:/bin", "HOME": str(folder)}
    command = [needs_tool("fish"), "--no-config", "-c", "set --names"]
    listed = subprocess.run(command, capture_output=True, env=env, text=True, check=True).stdout
    return sorted({*listed.split(), *KNOWN.split()} - OWN)


@pytest.mark.parametrize("value", VALUES)
def test_every_name_is_exact_or_refused(tmp_path: Path, value: str) -> None:
    """A name of fish neither ends the file, nor shows a value, nor runs a command."""
    names = names_of_fish(tmp_path)
    assert len(names) > 40
    items = {"AAA": "before", **dict.fromkeys(names, value), "zzz": "after"}
    refused = {problem.key for problem in formats.problems("fish", items)}
    assert {"status", "fish_trace", "PWD", "__fish_data_dir"} <= refused
    kept = {name: text for name, text in items.items() if name not in refused}
    try:
        found = read_with_fish(formats.render("fish", kept).encode(), tmp_path)
    except ReaderFailed as failed:
        pytest.fail(f"{failed}")
    assert {name: text for name, text in kept.items() if found.get(name) != text} == {}
    assert not (tmp_path / CANARY_FILE).exists()


@pytest.mark.parametrize("name", ["PATH", "CDPATH"])
def test_empty_folders_in_a_path(tmp_path: Path, name: str) -> None:
    """An empty folder would become the current folder, so that fish would run programs from there."""
    for value in ("", ":", "/usr/bin:", ":/usr/bin", "/bin::/usr/bin"):
        assert formats.problems("fish", {name: value})
    items = {name: "/usr/bin:/bin"}
    needs_tool("fish")
    (tmp_path / "file.fish").write_text(formats.render("fish", items))
    command = ["fish", "--no-config", "-c", f"source file.fish; /usr/bin/printenv {name}"]
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "/usr/bin:/bin\n"


def test_quotes_and_the_file(tmp_path: Path) -> None:
    """Only a backslash and a quote are escaped. fish can check the file without running it."""
    text = formats.render("fish", {"B": "it's \\ $HOME (x)\n", "A": ""})
    assert text == "set -gx A ''\nset -gx B 'it\\'s \\\\ $HOME (x)\n'\n"
    (tmp_path / "file.fish").write_text(text)
    command = [needs_tool("fish"), "--no-execute", "file.fish"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=True).stderr == b""
