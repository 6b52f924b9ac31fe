"""`secretsync check`: does every secret exist? It reads no value, and says what it could not check."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.providers.plugin.fixtures import RequestLog
from tests.support.canary import CanaryFactory
from tests.support.projects import MakeProject, Project

Values = Callable[[Mapping[str, str]], Path]
KEYS = {"kind", "key", "file", "line", "column", "reference", "store", "cause", "hint"}


@pytest.fixture
def probed(
    project: MakeProject, probe_values: Values, requests: RequestLog, canary: CanaryFactory
) -> Callable[..., Project]:
    """`probed("A=$<probe:x>", x="value")` is a project whose store writes down what it is asked."""

    def make(security: str, **values: str) -> Project:
        settings = f'log = "{requests.path}"\nvalues = "{probe_values(values or {"x": canary()})}"\n'
        return project({"env/test/security.env": security, "providers/test.toml": f"[stores.probe]\n{settings}"})

    return make


def test_no_value_is_read(probed: Callable[..., Project], plugin: Path, requests: RequestLog) -> None:
    """Each secret is asked for once, for its metadata, and what that cannot say is said."""
    made = probed("A=$<probe:x#field>\nB=$<probe:x>\nC=$<env:LEVEL:-INFO>\n")
    checked = made.cli("check", "-e", "test", sys_path=[plugin], expect=0)
    assert requests.wait() == "describe probe:x\n"
    assert checked.stderr == ""
    assert checked.stdout == (
        "not checked: 2 points: the fields of 1 reference; the right to read values; -v lists the reasons\n"
        "test: 1 secret found, nothing is missing\n"
    )
    assert made.cli("check", "-e", "test", "-v", sys_path=[plugin], expect=0).stdout == (
        "not checked: the fields of 1 reference: no value was read (probe:x#field)\n"
        "not checked: the right to read values: probe\n"
        "test: 1 secret found, nothing is missing\n"
    )
    assert made.cli("check", "-e", "test", "-q", sys_path=[plugin], expect=0).stdout == ""


def test_fetch_reads_every_value(probed: Callable[..., Project], plugin: Path, requests: RequestLog) -> None:
    """`--fetch` finds a missing field, and leaves no row unchecked."""
    made = probed("A=$<probe:x#gone>\n", x='{"field": "value"}')
    failed = made.cli("check", "-e", "test", "--fetch", sys_path=[plugin], expect=3)
    assert requests.wait() == "fetch probe:x\n"
    assert "env/test/security.env:1:3: A: probe:x#gone: the secret has no such field" in failed.stderr
    made.write("env/test/security.env", "A=$<probe:x#field>\n")
    checked = made.cli("check", "-e", "test", "--fetch", sys_path=[plugin], expect=0)
    assert checked.stdout == "test: every value was read, nothing is missing\n"


def test_the_document(probed: Callable[..., Project], plugin: Path) -> None:
    """Schema, environment, sorted problems with each member, and what was not checked; nothing on stderr."""
    made = probed("B=$<probe:gone>\nA=$<probe:deny/a>x$<probe:away/b>\nC=$<probe:x>\n")
    checked = made.cli("check", "-e", "test", "--format", "json", sys_path=[plugin], expect=3)
    document = json.loads(checked.stdout)
    assert list(document) == ["schema", "project", "environment", "problems", "not_checked"]
    assert document["schema"] == 1
    assert document["environment"] == "test"
    assert all(set(problem) == KEYS for problem in document["problems"])
    shown = [(row["line"], row["column"], row["kind"], row["key"], row["reference"]) for row in document["problems"]]
    assert shown == [
        (1, 3, "missing", "B", "probe:gone"),
        (2, 3, "denied", "A", "probe:deny/a"),
        (2, 19, "unavailable", "A", "probe:away/b"),
    ]
    assert document["problems"][0]["file"] == "env/test/security.env"
    assert document["problems"][0]["store"] == "probe"
    assert document["not_checked"] == ["the right to read values: probe"]
    assert checked.stderr == ""


@pytest.mark.parametrize(
    ("security", "status", "kind"),
    [
        ("A=$<\n", 2, "configuration"),
        ("A=$<probe:gone>\n", 3, "missing"),
        ("A=$<probe:disabled/a>\n", 3, "unusable"),
        ("A=$<probe:deny/a>\n", 4, "denied"),
        ("A=$<probe:away/a>\n", 5, "unavailable"),
        ("A=$<probe:x>\n", 0, None),
    ],
)
def test_status_and_kind(
    probed: Callable[..., Project], plugin: Path, security: str, status: int, kind: str | None
) -> None:
    """The exit status follows the kind of problem, in text, in JSON and with `--fetch`."""
    made = probed(security)
    for options in ([], ["--fetch"]):
        made.cli("check", "-e", "test", *options, sys_path=[plugin], expect=status)
        checked = made.cli("check", "-e", "test", "--format", "json", *options, sys_path=[plugin], expect=status)
        kinds = [problem["kind"] for problem in json.loads(checked.stdout)["problems"]]
        assert kinds == ([] if kind is None else [kind])


def test_usage_errors_are_a_document_too(probed: Callable[..., Project]) -> None:
    """`--json` prints a JSON document even for a usage error."""
    checked = probed("A=1\n").cli("check", "-e", "tset", "--format", "json", expect=2)
    document = json.loads(checked.stdout)
    assert document["environment"] == "tset"
    assert "did you mean test?" in document["problems"][0]["cause"]


@pytest.mark.parametrize(
    ("options", "env", "shown"),
    [
        (["-e", "development"], {}, "development"),
        ([], {"SECRETSYNC_ENV": "test"}, "test"),
        (["--env-file", "env/test/common.env", "--env-file", "b.env"], {}, "env/test/common.env, b.env"),
    ],
)
def test_a_document_says_what_it_is_about(
    project: MakeProject, options: list[str], env: dict[str, str], shown: str
) -> None:
    """The JSON document names project and environment even if the files have errors."""
    made = project({"env/test/common.env": "A=$<\n", "env/development/common.env": "A=$<\n", "b.env": ""})
    checked = made.cli("check", "--format", "json", *options, env=env, expect=2)
    assert json.loads(checked.stdout)["environment"] == shown


def test_a_store_that_hangs(probed: Callable[..., Project], plugin: Path) -> None:
    """Status 5 at the deadline."""
    made = probed("A=$<probe:hang/a>\n")
    failed = made.cli("check", "-e", "test", "--timeout", "200ms", sys_path=[plugin], expect=5)
    assert "no answer within 0.2 s" in failed.stderr


def test_env_files(project: MakeProject) -> None:
    """A project without folders is checked by its files."""
    made = project({"a.env": "A=$<docker:gone>\n", "b.env": "B=1\n"})
    checked = made.cli("check", "--env-file", "a.env", "--env-file", "b.env", "--format", "json", expect=3)
    document = json.loads(checked.stdout)
    assert document["problems"][0]["file"] == "a.env"
    assert document["environment"] == "a.env, b.env"


def test_strict_fails_on_what_was_not_checked(probed: Callable[..., Project], plugin: Path) -> None:
    """`--strict` ends with 1 after anything that was not checked, in text and JSON; a problem has precedence."""
    made = probed("A=$<probe:x#field>\n", x='{"field": "value"}')
    for options in ([], ["--format", "json"], ["-q"]):
        made.cli("check", "-e", "test", *options, sys_path=[plugin], expect=0)
        made.cli("check", "-e", "test", "--strict", *options, sys_path=[plugin], expect=1)
    said = made.cli("check", "-e", "test", "--strict", "-v", sys_path=[plugin], expect=1)
    assert "not checked: the fields of 1 reference" in said.stdout
    assert "--fetch reads every value" in said.stderr
    made.cli("check", "-e", "test", "--strict", "--fetch", sys_path=[plugin], expect=0)
    made.write("env/test/security.env", "A=$<probe:x#field>\nB=$<probe:gone>\n")
    made.cli("check", "-e", "test", "--strict", sys_path=[plugin], expect=3)


def test_strict_with_secrets_files(project: MakeProject, canary: CanaryFactory) -> None:
    """The right to read a file is known without reading it, and a field inside of it is not."""
    made = project(
        {
            "env/test/security.env": "A=$<docker:a>\n",
            "providers/test.toml": '[stores.docker]\ndir = "files"\n',
            "files/a": canary(),
        }
    )
    assert "not checked" not in made.cli("check", "-e", "test", "--strict", expect=0).stdout
    made.write("env/test/security.env", "A=$<docker:a#field>\n")
    assert "the fields of 1 reference" in made.cli("check", "-e", "test", "--strict", expect=1).stdout
