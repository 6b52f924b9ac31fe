"""Command lines and files of which a part would be ignored are refused."""

import pytest

from tests.support.canary import CanaryFactory
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
