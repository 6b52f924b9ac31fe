"""A provider of another distribution is found by its name, used like ours, and cannot do us harm."""

import ast
import json
import re
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

import secretsync.providers
from tests.support.canary import CanaryFactory
from tests.support.projects import MakeProject, Project

ROOT = Path(__file__).parents[3]

Values = Callable[[Mapping[str, str]], Path]


@pytest.fixture
def odd(project: MakeProject) -> Callable[[str], Project]:
    """`odd("PATH")` is a project with one reference to the store whose answers are none."""

    def make(path: str) -> Project:
        return project({"env/test/security.env": f"A=$<odd:{path}>\n", "providers/test.toml": "[stores.odd]\n"})

    return make


def test_a_plug_in_answers(project: MakeProject, plugin: Path, probe_values: Values, canary: CanaryFactory) -> None:
    """Its settings, options, fields and bare names work as those of a built-in provider."""
    first, second, third = canary(), canary(), canary()
    values = probe_values({"app": json.dumps({"a": first}), "B": second, "c": third})
    made = project(
        {
            "env/test/security.env": "A=$<probe:app#a>\nB=$<B>\nC=$<probe:c?version=42>\n",
            "providers/test.toml": f'lookup = ["probe"]\n[stores.probe]\nvalues = "{values}"\n',
        }
    )
    rendered = made.cli("render", "-e", "test", "--format", "json", sys_path=[plugin], reveals=True, expect=0)
    assert json.loads(rendered.stdout) == {"A": first, "B": second, "C": third}


def test_a_store_of_another_name_uses_a_plug_in(
    project: MakeProject, plugin: Path, probe_values: Values, canary: CanaryFactory
) -> None:
    """`provider = "probe"` under a store's own name."""
    secret = canary()
    made = project(
        {
            "env/test/security.env": "A=$<other:a>\n",
            "providers/test.toml": (
                f'[stores.other]\nprovider = "probe"\nvalues = "{probe_values({"a": secret})}"\nkey = "x/{{name}}"\n'
            ),
        }
    )
    rendered = made.cli("render", "-e", "test", "--format", "json", sys_path=[plugin], reveals=True, expect=0)
    assert json.loads(rendered.stdout) == {"A": secret}


def test_a_built_in_name_cannot_be_taken(project: MakeProject, plugin: Path, canary: CanaryFactory) -> None:
    """A plug-in called `docker` is left out, in use and in the list."""
    secret = canary()
    made = project(
        {
            "env/test/security.env": "A=$<docker:a>\n",
            "providers/test.toml": '[stores.docker]\ndir = "files"\n',
            "files/a": secret,
        }
    )
    rendered = made.cli("render", "-e", "test", "--format", "json", sys_path=[plugin], reveals=True, expect=0)
    assert json.loads(rendered.stdout) == {"A": secret}
    listed = json.loads(made.cli("providers", "docker", "--format", "json", sys_path=[plugin], expect=0).stdout)
    assert [row["title"] for row in listed["providers"]] == ["Docker secrets files"]


def imported_modules(text: str) -> set[str]:
    """Return the modules of SecretSync that a program imports."""
    nodes = list(ast.walk(ast.parse(text)))
    named = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    named |= {f"{node.module}" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name for name in named if name.partition(".")[0] == "secretsync"}


def test_a_plug_in_imports_public_modules_only() -> None:
    """The plug-in of these tests, and every example of the docs, imports no other module of SecretSync."""
    programs = [path.read_text(encoding="utf-8") for path in (Path(__file__).parent / "distribution").rglob("*.py")]
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        blocks = re.findall(r"^( *)```python\n(.*?)^ *```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        programs += [textwrap.dedent(block) for _, block in blocks]
    assert len(programs) > 10
    imported = set[str]().union(*map(imported_modules, programs))
    imported = {name for name in imported if not name.startswith("secretsync.integrations.")}
    assert imported == {"secretsync", "secretsync.providers", "secretsync.testing"}


def test_every_public_name_exists() -> None:
    """`secretsync.providers` has every name that it lists, and no name twice."""
    assert len(set(secretsync.providers.__all__)) == len(secretsync.providers.__all__)
    for name in secretsync.providers.__all__:
        assert getattr(secretsync.providers, name).__name__


@pytest.mark.parametrize("name", ["broken", "exits", "not-a-provider"])
def test_a_plug_in_that_cannot_be_imported(
    project: MakeProject, plugin: Path, canary: CanaryFactory, name: str
) -> None:
    """It is named, with its place in the files, and nothing of its exception's text is shown."""
    made = project({"env/test/security.env": f"A=$<{name}:a>\n", "providers/test.toml": f"[stores.{name}]\n"})
    env = {"PROBE_TOKEN": canary()}
    for command, *options in (["check"], ["explain"], ["render", "--format", "json"], ["run", "--", "true"]):
        failed = made.cli(command, "-e", "test", *options, sys_path=[plugin], env=env, expect=2)
        assert failed.stdout == ""
        assert name in failed.stderr
        assert "secretsync_probe" in failed.stderr
        assert "env/test/security.env:1:3: A: " in failed.stderr
        assert "internal error" not in failed.stderr


def test_a_broken_plug_in_harms_nobody_else(project: MakeProject, plugin: Path) -> None:
    """Beside one that cannot be imported, all other stores work."""
    made = project({"env/test/common.env": "A=$<env:A:-1>\n"})
    made.cli("check", "-e", "test", sys_path=[plugin], expect=0)


def test_an_sdk_that_is_not_installed(project: MakeProject, plugin: Path) -> None:
    """Status 2: the message names the store and the module, and other stores are not asked for values in vain."""
    made = project({"env/test/security.env": "A=$<needs-sdk:a>\n", "providers/test.toml": "[stores.needs-sdk]\n"})
    for command in (["check"], ["render", "--format", "json"]):
        failed = made.cli(command[0], "-e", "test", *command[1:], sys_path=[plugin], expect=2)
        assert "needs-sdk" in failed.stderr
        assert "no_such_sdk" in failed.stderr
        assert "not installed" in failed.stderr


@pytest.mark.parametrize("fails", ["raise", "exit"])
def test_a_plug_in_that_cannot_be_built(project: MakeProject, plugin: Path, canary: CanaryFactory, fails: str) -> None:
    """Status 2 with the type of what it raised; ending the process is no way out either."""
    made = project(
        {
            "env/test/security.env": "A=$<probe:a>\n",
            "providers/test.toml": f'[stores.probe]\nfails = "{fails}"\n',
        }
    )
    failed = made.cli("run", "-e", "test", "--", "true", sys_path=[plugin], env={"PROBE_TOKEN": canary()}, expect=2)
    assert "probe" in failed.stderr
    assert ("RuntimeError" if fails == "raise" else "SystemExit") in failed.stderr


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("deny/a", 4, "denied: the role tester may not read it"),
        ("away/a", 5, "connection refused"),
        ("disabled/a", 3, "the secret is disabled"),
        ("raise/a", 5, "the provider raised RuntimeError"),
        ("exit/a", 5, "the provider raised SystemExit"),
        ("silent/a", 5, "the store probe gave no answer for it"),
        ("gone", 3, "the probe has no gone"),
    ],
)
def test_each_failure_has_its_status(
    project: MakeProject,
    plugin: Path,
    probe_values: Values,
    canary: CanaryFactory,
    path: str,
    status: int,
    said: str,
) -> None:
    """With file, line, column, key and reference, for `render` and `check` alike."""
    made = project(
        {
            "env/test/security.env": f"A=$<probe:{path}>\n",
            "providers/test.toml": f'[stores.probe]\nvalues = "{probe_values({"x": canary()})}"\n',
        }
    )
    for command in (["render", "--format", "json"], ["check"]):
        failed = made.cli(command[0], "-e", "test", *command[1:], sys_path=[plugin], expect=status)
        assert f"env/test/security.env:1:3: A: probe:{path}: {said}" in failed.stderr
        assert failed.stdout == ""


def test_a_store_that_hangs_costs_no_more_than_the_deadline(project: MakeProject, plugin: Path) -> None:
    """Status 5 at the deadline, although the store's thread still hangs."""
    made = project({"env/test/security.env": "A=$<probe:hang/a>\n", "providers/test.toml": "[stores.probe]\n"})
    failed = made.cli("render", "-e", "test", "--format", "json", "--timeout", "200ms", sys_path=[plugin], expect=5)
    assert "env/test/security.env:1:3: A: probe:hang/a: no answer within 0.2 s" in failed.stderr
    assert "--timeout" in failed.stderr


@pytest.mark.parametrize(
    "path", ["plain", "unwrapped", "no-pair", "none", "no-reference", "number", "other-reference", "naive"]
)
def test_answers_that_are_none_are_failures(
    odd: Callable[[str], Project], plugin: Path, canary: CanaryFactory, path: str
) -> None:
    """Whatever a plug-in yields, the outcome is status 5 and holds nothing of it."""
    failed = odd(path).cli(
        "render", "-e", "test", "--format", "json", sys_path=[plugin], env={"ODD_VALUE": canary()}, expect=5
    )
    assert f"env/test/security.env:1:3: A: odd:{path}: " in failed.stderr
    assert failed.stdout == ""


@pytest.mark.parametrize("path", ["plain", "no-pair", "none", "no-reference", "other-reference", "naive"])
def test_odd_metadata_is_a_failure(odd: Callable[[str], Project], plugin: Path, path: str) -> None:
    """`check` and `explain` take no answer that is none, nor a time without its zone."""
    made = odd(path)
    failed = made.cli("check", "-e", "test", sys_path=[plugin], expect=5)
    assert f"env/test/security.env:1:3: A: odd:{path}: " in failed.stderr
    shown = made.cli("explain", "-e", "test", sys_path=[plugin], expect=0)
    assert f"odd:{path} UNAVAILABLE" in shown.stdout


def test_the_first_of_two_answers_counts(odd: Callable[[str], Project], plugin: Path) -> None:
    """A reference that is answered twice keeps its first answer."""
    rendered = odd("twice").cli("render", "-e", "test", "--format", "json", sys_path=[plugin], expect=0)
    assert json.loads(rendered.stdout) == {"A": "first"}


def test_plug_ins_are_listed(project: MakeProject, plugin: Path) -> None:
    """One plug-in, with its settings, by `providers`."""
    shown = project().cli("providers", "probe", sys_path=[plugin], expect=0).stdout
    assert "probe: A store for tests" in shown
    assert "(plug-in)" in shown
    listed = json.loads(project().cli("providers", "probe", "--format", "json", sys_path=[plugin], expect=0).stdout)
    (row,) = listed["providers"]
    assert row["built_in"] is False
    assert set(row["settings"]) == {"values", "log", "fails"}
    assert row["credentials"] == ["PROBE_TOKEN", "PROBE_*_SECRET"]
