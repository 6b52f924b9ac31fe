"""Rules on the values of secrets, through the commands that read them."""

import json

import pytest

from tests.support.projects import MakeProject

FILES = {
    "env/production/security.env": "A=$<docker:empty>\nB=$<docker:line>\nC=$<env:API_TOKEN>\nD=$<docker:json#a>\n",
    "providers/production.toml": '[stores.docker]\ndir = "sec"\n',
    "sec/empty": "",
    "sec/line": "\n",
    "sec/json": '{"a": ""}',
}


def test_empty_secrets_stop_every_command_that_reads_values(project: MakeProject) -> None:
    """An empty file, one with a line end, an empty variable, an empty JSON field: each by name, status 2 or 1."""
    made = project(FILES)
    for command in (["run", "--", "true"], ["check", "--fetch"], ["render", "--format", "json"]):
        ran = made.cli(command[0], "-e", "production", *command[1:], expect=2, env={"API_TOKEN": ""})
        assert [f"{key}: its value is empty (empty-secret)" in ran.stderr for key in "ABCD"] == [True] * 4
        assert ran.stdout == ""
    ran = made.cli("audit", "-e", "production", "--online", "--format", "json", expect=1, env={"API_TOKEN": ""})
    found = [one["key"] for one in json.loads(ran.stdout)["checks"] if one["id"] == "empty-secret"]
    assert found == ["A", "B", "C", "D"]


@pytest.mark.parametrize("rule", ["empty-secret", "url-encoding"])
def test_an_ignored_rule_lets_the_values_pass(project: MakeProject, rule: str) -> None:
    """With its reason in the policy."""
    ignore = f'[[ignore]]\nrule = "{rule}"\nreason = "a test"\n'
    text = "A=$<docker:empty>" if rule == "empty-secret" else "A=amqp://u:$<docker:odd>@h"
    files = {**FILES, "env/production/security.env": text, "sec/odd": "p@ss"}
    project(files).cli("run", "-e", "production", "--", "true", expect=2)
    project({**files, "env/production/policy.toml": ignore}).cli("run", "-e", "production", "--", "true", expect=0)


def test_a_secret_that_changes_its_url_is_an_error_online(project: MakeProject) -> None:
    """One finding at the entry: a warning offline, an error online."""
    made = project({**FILES, "env/production/security.env": "A=amqp://u:$<docker:odd>@h\n", "sec/odd": "p@ss"})
    for options, status, severity in (([], 0, "warning"), (["--online"], 1, "error")):
        ran = made.cli("audit", "-e", "production", "--format", "json", *options, expect=status)
        found = [one["severity"] for one in json.loads(ran.stdout)["checks"] if one["id"] == "url-encoding"]
        assert found == [severity]
