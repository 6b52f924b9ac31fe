"""The recipes of docs/shells.md do what the page says."""

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from secretsync.cli.manual.option_list import command_module
from secretsync.cli.parser import build_parser
from secretsync.cli.shells.completion_scripts import SCRIPTS
from tests.support.canary import CanaryFactory
from tests.support.limits import HANG
from tests.support.processes import clean_environment
from tests.support.projects import MakeProject, Project
from tests.support.tools import needs_tool

PAGE = (Path(__file__).parents[2] / "docs" / "shells.md").read_text(encoding="utf-8")


def block(heading: str, language: str) -> str:
    """Return the first block of a language below a heading."""
    section = PAGE.split(f"\n{heading}\n", 1)[1]
    found = re.search(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def shop(project: MakeProject, canary: CanaryFactory) -> Project:
    """Return a project whose secret is in a file, and `secretsync` as a command."""
    made = project(
        {
            "env/development/common.env": "NAME='two words'\n",
            "env/development/security.env": "TOKEN=$<docker:token>\n",
            "providers/development.toml": '[stores.docker]\ndir = "files"\n',
            "files/token": canary(),
        }
    )
    made.write("bin/secretsync", f'#!/bin/sh\nexec "{sys.executable}" -I -m secretsync "$@"\n', mode=0o755)
    return made


def run(shop: Project, *argv: str) -> subprocess.CompletedProcess[str]:
    """Run a program with `secretsync` in its PATH."""
    env = clean_environment(shop.home, {"LC_ALL": "C.UTF-8"})
    env["PATH"] = f"{shop.root / 'bin'}:{env['PATH']}"
    return subprocess.run(argv, cwd=shop.root, env=env, capture_output=True, text=True, timeout=HANG, check=False)


def test_direnv(shop: Project) -> None:
    """The recipe loads the values, and no value at all if a secret is missing."""
    needs_tool("direnv")
    shop.write(".envrc", block("### direnv", "sh"))
    assert run(shop, "direnv", "allow", ".").returncode == 0
    shown = run(shop, "direnv", "exec", ".", "sh", "-c", 'printf "%s|%s" "$NAME" "$TOKEN"')
    assert shown.stdout == f"two words|{shop.read('files/token')}"
    assert shop.read("files/token") not in shown.stderr
    (shop.root / "files/token").unlink()
    failed = run(shop, "direnv", "exec", ".", "sh", "-c", 'printf "%s" "$NAME"')
    assert failed.returncode != 0
    assert failed.stdout == ""


def test_fish(shop: Project) -> None:
    """The command sets the values, and none if a secret is missing."""
    needs_tool("fish")
    script = block("## Values in the shell", "fish") + "printenv NAME TOKEN\n"
    assert run(shop, "fish", "--no-config", "-c", script).stdout == f"two words\n{shop.read('files/token')}\n"
    (shop.root / "files/token").unlink()
    assert run(shop, "fish", "--no-config", "-c", script).stdout == ""


def test_mise() -> None:
    """The tasks are commands that SecretSync accepts."""
    tasks = tomllib.loads(block("### mise", "toml"))["tasks"]
    assert len(tasks) == 2
    for task in tasks.values():
        program, command, *arguments = shlex.split(task["run"])
        assert program == "secretsync"
        module = command_module(command)
        if hasattr(module, "split"):
            arguments, rest = module.split(arguments)
            assert rest
        assert build_parser(command, module).parse_args(arguments).environment in ("development", ["development"])


@pytest.mark.parametrize("shell", SCRIPTS)
def test_the_line_for_each_shell(shell: str) -> None:
    """The page and the script name the same command."""
    assert f"`{shell}`" in PAGE or f"| {shell} |" in PAGE
    line = SCRIPTS[shell].partition("Load it")[2].partition("\n")[0].partition(": ")[2]
    assert line in PAGE.replace("\\|", "|")
