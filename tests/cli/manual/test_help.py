"""Help: each command says what it does and shows an example; wrong commands are told what to do."""

import pytest

from secretsync import __version__
from secretsync.cli.commands import COMMANDS
from tests.support.processes import RunCli


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["help"]])
def test_the_overview(run_cli: RunCli, arguments: list[str]) -> None:
    """Each command on a line, and an example; nothing on stderr."""
    shown = run_cli(*arguments, expect=0)
    for name, summary in COMMANDS.items():
        assert f"  {name} " in shown.stdout
        assert "".join(summary.split()) in "".join(shown.stdout.split())
    assert "example:" in shown.stdout
    assert shown.stderr == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_with_an_example(run_cli: RunCli, command: str) -> None:
    """Without a project."""
    shown = run_cli(command, "--help", expect=0)
    assert shown.stdout.startswith(f"usage: secretsync {command} ")
    assert "\nexample:\n  " in shown.stdout
    assert f"secretsync {command} " in shown.stdout.partition("\nexample:\n")[2]
    assert shown.stderr == ""


def test_the_example_is_behind_the_separator_no_help_of_ours(run_cli: RunCli) -> None:
    """`run -- COMMAND --help` asks the command."""
    failed = run_cli("run", "--", "ls", "--help", expect=2)
    assert "usage: secretsync" not in failed.stdout


def test_the_version(run_cli: RunCli) -> None:
    """`--version` is the package's."""
    for option in ("--version", "-V"):
        assert run_cli(option, expect=0).stdout == f"secretsync {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rnu"], "there is no command 'rnu'; did you mean run?"),
        (["-e", "test"], "write options after the command"),
        (["xyzzy"], "`secretsync --help` lists the commands"),
        (["a\nb\x1b[31m"], "there is no command "),
        (["run", "-e", "test", "printenv"], "secretsync run --help"),
        (["check", "--no-such-option"], "secretsync check --help"),
        (["check", "--env", "x"], "secretsync check --help"),
        (["explain", "A", "B\x1b[31m"], "secretsync explain --help"),
    ],
)
def test_wrong_commands(run_cli: RunCli, arguments: list[str], said: str) -> None:
    """Status 2, a next step, and no control character of what was typed."""
    failed = run_cli(*arguments, expect=2)
    assert said in failed.stderr
    assert "\x1b" not in failed.stderr
    assert failed.stdout == ""
