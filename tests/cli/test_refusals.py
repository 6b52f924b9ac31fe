"""Command lines and files of which a part would be ignored are refused."""

import sys

import pytest

from tests.support.canary import CanaryFactory
from tests.support.processes import clean_environment, run_command
from tests.support.projects import MakeProject

FILES = {"env/production/common.env": "CODE=1\n", "env/staging/common.env": "CODE=2\n"}


@pytest.mark.parametrize("command", ["explain", "track", "check", "check-rotation", "doctor"])
def test_a_misspelled_key_of_the_policy_is_refused(project: MakeProject, command: str, canary: CanaryFactory) -> None:
    """Refuse a policy with an unknown key, because a misspelled `sensitive` would show what it was to mask."""
    made = project({**FILES, "env/production/policy.toml": 'sensitve = ["CODE"]\n'})
    made.write("env/production/common.env", f"CODE={canary()}\n")
    refused = made.cli(command, "-e", "production", expect=2)
    assert "env/production/policy.toml:1: sensitve: unknown key; did you mean sensitive?" in refused.stderr


def test_the_name_of_env_files_is_no_secret(project: MakeProject) -> None:
    """A token that was pasted as the environment's name is not printed."""
    made = project({"a.env": "A=1\n"})
    token = "sk_live_51HabcDEFghiJKLmnoPQRstu"
    refused = made.cli("check", "--env-file", "a.env", "-e", token, expect=2)
    assert token not in refused.stderr + refused.stdout


@pytest.mark.parametrize("text", ["$<env:GONE:?{}>", "${{GONE:?{}}}", "${{GONE?use {}}}"])
def test_a_message_with_a_token_is_not_printed(project: MakeProject, text: str) -> None:
    """A token after `:?`, typed in place of `:-`, is not printed as the user's own message."""
    token = "ghp_abcdEFGH1234abcdEFGH1234abcdEFGH1234"
    made = project({"a.env": f"A={text.format(token)}\nB=${{GONE:?ask the team}}\n"})
    refused = made.cli("run", "--env-file", "a.env", "--", "true")
    assert refused.status in (2, 3)
    assert token not in refused.stderr


def test_the_url_of_a_wrong_command_is_not_printed(project: MakeProject) -> None:
    """A URL with a password in the place of the command is not printed."""
    url = "postgres://u:hunter-4711@h/x"
    made = project({"a.env": "A=1\n"})
    refused = made.cli("run", "--env-file", "a.env", "--", url, expect=127)
    assert url not in refused.stderr
    assert "the command: there is no such file" in refused.stderr


def test_the_first_mistakes_with_run_get_their_advice(project: MakeProject) -> None:
    """A command without the two hyphens, and an option that does not exist, are answered with the next step."""
    made = project(FILES)
    assert "put -- before the command" in made.cli("run", "-e", "production", "python", "app.py", expect=2).stderr
    assert "-e NAME names an environment" in made.cli("check", "production", expect=2).stderr
    assert "two hyphens" not in made.cli("check", "--every", expect=2).stderr
    assert "options have two hyphens" in made.cli("check", "-json", expect=2).stderr


@pytest.mark.parametrize("option", ["--env-file", "--env-file-optional", "--bindings", "--root", "-e", "--service"])
def test_an_empty_value_of_an_option_is_refused(project: MakeProject, option: str) -> None:
    """Refuse the value of an unset variable of a script, because without it other files or stores would be read."""
    made = project({**FILES, ".env": "A=1\n"})
    source = ("-e", "production") if option in ("--root", "--service") else ("--env-file", ".env")
    refused = made.cli("run", *source, option, "", "--", "true", expect=2)
    assert "its value is empty; give a value, or remove the option" in refused.stderr


@pytest.mark.parametrize(
    ("value", "arguments", "status"),
    [
        ("$<docker:key>", ("check-rotation", "-e", "production"), 6),
        ("$<docker:key>", ("check-rotation", "-e", "production", "--format", "json"), 6),
        ("$<docker:key>", ("check-rotation", "-e", "production", "--format", "prometheus"), 6),
        ("$<docker:gone>", ("check-rotation", "-e", "production"), 3),
        ("hunter-4711", ("audit", "-e", "production"), 6),
        ("$<docker:key>", ("explain", "-e", "production"), 6),
    ],
)
def test_a_report_that_is_lost_is_an_error(
    project: MakeProject, value: str, arguments: tuple[str, ...], status: int
) -> None:
    """A full disk is reported, and its status is 6 if the findings are only findings."""
    made = project(
        {
            "env/production/security.env": f"API_KEY={value}\n",
            "providers/production.toml": '[stores.docker]\ndir = "files"\n',
            "files/key": "not empty",
        }
    )
    argv = ["sh", "-c", 'exec "$@" > /dev/full', "-", sys.executable, "-I", "-m", "secretsync", *arguments]
    lost = run_command(argv, cwd=made.root, env=clean_environment(made.home), expect=status)
    assert "secretsync: standard output cannot be written: No space left on device" in lost.stderr
