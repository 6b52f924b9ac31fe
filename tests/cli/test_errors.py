"""What leaves a command that meets something unforeseen: a type and our own lines, and no value."""

import sys

import pytest

from tests.support.canary import CanaryFactory
from tests.support.processes import clean_environment, run_command
from tests.support.projects import MakeProject, Project


@pytest.fixture
def shop(project: MakeProject, canary: CanaryFactory) -> Project:
    """Return a setting and a secrets file."""
    return project(
        {
            "env/test/common.env": "PORT=8000\nLEVEL=$<env:LEVEL:-INFO>\n",
            "env/test/security.env": "SECRET_KEY=$<docker:key>\n",
            "providers/test.toml": '[stores.docker]\ndir = "files"\n',
            "files/key": canary(),
        }
    )


@pytest.mark.parametrize(
    "failure",
    [
        "ValueError(value)",
        "KeyError(value)",
        "MemoryError(value)",
        "RecursionError(value)",
        "UnicodeDecodeError('utf-8', value.encode(), 0, 1, value)",
        "type('Odd' , (Exception,), {'__str__': lambda self: value, '__repr__': lambda self: value})()",
        "OSError(5, value, value)",
        "SystemExit(value)",
    ],
)
@pytest.mark.parametrize("command", ["check", "run"])
def test_an_unforeseen_error_shows_its_type_alone(
    shop: Project, canary: CanaryFactory, failure: str, command: str
) -> None:
    """Status 2, one line; neither the message, nor the chain, nor a local variable."""
    program = (
        "import os\n"
        "from secretsync.cli import each_environment, loading, main\n"
        "value = os.environ['VALUE']\n"
        "def fail(*_, **__):\n"
        "    try:\n"
        "        raise RuntimeError(value)\n"
        "    except RuntimeError as error:\n"
        f"        raise {failure} from error\n"
        "loading.open_plan = each_environment.load_plan = fail\n"
        f"main([{command!r}, '-e', 'test', '--', 'true'][: 3 if {command!r} == 'check' else None])\n"
    )
    argv = [sys.executable, "-I", "-c", program]
    failed = run_command(argv, cwd=shop.root, env=clean_environment(shop.home, {"VALUE": canary()}), expect=2)
    assert failed.stdout == ""
    if not failure.startswith("SystemExit"):
        kind = "Odd" if failure.startswith("type") else failure.partition("(")[0]
        assert failed.stderr.startswith(f"secretsync: internal error, please report it: {kind} at cli/")
        assert failed.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "command", [["run", "-e", "test", "--", "true"], ["check"], ["render", "--env-file", "/x.env", "--format", "json"]]
)
def test_a_working_directory_that_is_gone(shop: Project, command: list[str]) -> None:
    """A deleted working directory is an error on stderr; `--root` works without one."""
    argv = [sys.executable, "-I", "-m", "secretsync"]
    enter = (
        "import os, sys; os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone'); os.execv(sys.argv[1], sys.argv[1:])"
    )
    run = [sys.executable, "-I", "-c", enter, *argv]
    env = clean_environment(shop.home)
    failed = run_command([*run, *command], cwd=shop.root, env=env, expect=2)
    assert failed.stderr.startswith(f"secretsync {command[0]}: ")
    said = "/x.env: there is no such file" if "/x.env" in command else "the working directory is not there any more; "
    assert said in failed.stderr
    named = ["run", "-e", "test", "--root", str(shop.root), "--", "true"]
    run_command([*run, *named], cwd=shop.root, env=env, expect=0)


def test_a_store_that_cannot_be_built_is_said_with_who_needs_it(shop: Project) -> None:
    """File, line, key, reference, cause and next step."""
    shop.write("env/test/security.env", "\nA=$<vault:secret/app#key>\n")
    for command in (["run", "--", "true"], ["check"], ["check-rotation"], ["render", "--format", "json"]):
        failed = shop.cli(command[0], "-e", "test", *command[1:], expect=2)
        assert failed.stderr == (
            f"secretsync {command[0]}: env/test/security.env:2:3: A: vault:secret/app#key: it has no address; "
            "set address in the bindings, or VAULT_ADDR\n"
        )


@pytest.mark.parametrize("options", [["-X", "dev"], ["-X", "faulthandler"], ["-v", "-W", "error"], ["-bb", "-O"]])
def test_interpreters_that_talk_show_nothing(shop: Project, options: list[str]) -> None:
    """Development mode, warnings as errors and -v show no value and no warning of SecretSync."""
    for command in (["render", "--format", "json"], ["explain"], ["check", "-v"], ["run", "-v", "--", "true"]):
        argv = [sys.executable, "-I", *options, "-m", "secretsync", command[0], "-e", "test", *command[1:]]
        env = clean_environment(shop.home)
        done = run_command(argv, cwd=shop.root, env=env, reveals=command[0] == "render", expect=0)
        if "-v" not in options:
            said = [line for line in done.stderr.split("\n") if line and not line.startswith("secretsync: ")]
            assert said == []


@pytest.mark.parametrize("talk", [[], ["-q"], ["-v"]])
def test_every_command_keeps_quiet_about_values(shop: Project, talk: list[str]) -> None:
    """Clean and failing, at each level of talk; the harness looks at standard output and error."""
    for security in ("SECRET_KEY=$<docker:key>\n", "SECRET_KEY=$<docker:key#a>\n", "SECRET_KEY=$<docker:key>$<gone>\n"):
        shop.write("env/test/security.env", security)
        for command in (["explain"], ["check"], ["check", "--fetch"], ["run", "--", "true"]):
            name, *options = command
            shop.cli(name, "-e", "test", *talk, *options)
