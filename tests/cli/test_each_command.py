"""Rules for the options of every command: what is named, what may be repeated, what is asked for."""

import argparse
import importlib
from collections.abc import Iterator

import pytest

from secretsync.cli.commands import COMMANDS
from secretsync.cli.options import build_parser
from tests.support.projects import MakeProject, Project

FILES = {"env/production/common.env": "CODE=1\nPRODUCTION=1\n", "env/staging/common.env": "CODE=2\nSTAGING=1\n"}

# Arguments without which a command would not read its options; a new command without arguments needs no row.
ARGUMENTS = {
    "run": ("--", "true"),
    "render": ("--format", "json"),
    "get": ("env:CODE",),
    "restore": ("archive.tar.gz",),
}
SEVERAL = {"check", "audit", "check-rotation", "doctor", "template"}
CREATES = {"init"}  # creates each environment that is named, so that none is ignored


def parser_of(command: str) -> argparse.ArgumentParser:
    """Return the parser of a command."""
    module = importlib.import_module(f"secretsync.cli.commands.{command.replace('-', '_')}")
    return build_parser(command, module)


def options_of(command: str) -> dict[str, argparse.Action]:
    """Return the options of a command by their long names."""
    actions = parser_of(command)._actions
    return {name: action for action in actions for name in action.option_strings if name.startswith("--")}


READERS = [command for command in COMMANDS if "--environment" in options_of(command)]


def single_options() -> Iterator[tuple[str, str]]:
    """Yield each option of each command that takes one value."""
    for command in COMMANDS:
        for name, action in options_of(command).items():
            appends = action.nargs == 0 or isinstance(action, argparse._AppendAction) or name == "--env-file-optional"
            if not appends:
                yield command, name


@pytest.fixture
def shop(project: MakeProject) -> Project:
    """Two environments, none of them called development."""
    return project(FILES)


@pytest.mark.parametrize("command", READERS)
def test_a_repeated_environment(shop: Project, command: str) -> None:
    """Both environments are read, or the second name is refused, because only one of them would be checked."""
    rest = ARGUMENTS.get(command, ())
    if command in SEVERAL:
        done = shop.cli(command, "-e", "staging", "-e", "production", *rest, expect=0)
        shown = (done.stdout if command != "template" else shop.read(".env.example")).lower()
        assert "staging" in shown
        assert "production" in shown
    elif command not in CREATES:
        done = shop.cli(command, "-e", "staging", "-e", "production", *rest, expect=2)
        assert "--environment can be given only once" in done.stderr


@pytest.mark.parametrize("command", sorted(set(READERS) - CREATES))
def test_a_missing_environment(shop: Project, command: str) -> None:
    """A command refuses to choose an environment, and lists those of the project."""
    rest = ARGUMENTS.get(command, ())
    if command == "template":
        shop.cli(command, *rest, expect=0)
        return
    done = shop.cli(command, *rest, expect=2)
    if command == "explain":
        assert "env/development: there is no env file there" in done.stderr
        shop.write("env/development/common.env", "CODE=3\n")
        assert shop.cli(command, *rest, expect=0).stdout.startswith("development")
        return
    assert "no environment is named (the project has production, staging); give -e NAME" in done.stderr
    assert ("--all" in done.stderr) == (command in SEVERAL)
    assert done.stdout == ""
    # A folder with the default name of the library changes nothing.
    shop.write("env/development/common.env", "CODE=3\n")
    shop.cli(command, *rest, expect=2)
    for variable in ("SECRETSYNC_ENV", "ENVIRONMENT"):
        named = shop.cli(command, *rest, env={variable: "production", "CODE": "1"}, reveals=True)
        # A comparison with the last record needs a record.
        assert named.status == 0 or "there is no record of production" in named.stderr


@pytest.mark.parametrize(("command", "option"), [*single_options()])
def test_an_option_with_one_value_is_not_repeated(
    command: str, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second value is refused for every option that takes one, because only the last one would count."""
    action = options_of(command)[option]
    value = {"timeout": "3s", "at": "2027-01-01", "keep": "3"}.get(action.dest, "x")
    value = next(iter(action.choices)) if action.choices else value
    with pytest.raises(SystemExit) as refused:
        parser_of(command).parse_args([option, value, option, value])
    assert refused.value.code == 2
    assert "can be given only once" in capsys.readouterr().err


@pytest.mark.parametrize("command", sorted(SEVERAL))
def test_all_environments_of_a_project_without_any(project: MakeProject, command: str) -> None:
    """`--all` refuses a project without an environment, because a check of nothing would be green."""
    made = project({"env/README": "no environment yet\n"})
    done = made.cli(command, "--all", "--root", str(made.root), expect=2)
    assert "`secretsync init`" in done.stderr
