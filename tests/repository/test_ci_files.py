"""The files for CI systems, and the forms of this repository, are what their systems accept."""

import json
import os
import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import validators

from secretsync.cli.commands import COMMANDS
from secretsync.cli.parser import build_parser
from secretsync.core.light import import_module
from tests.support.processes import CommandResult, clean_environment, run_command
from tests.support.projects import MakeProject
from tests.support.tools import needs_tool

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
# Each file with the JSON Schema of its system.
SCHEMAS = {
    "action.yml": "github-actions",
    ".github/workflows/checks.yml": "github-workflows",
    ".github/ISSUE_TEMPLATE/bug.yml": "github-issue-forms",
    ".github/ISSUE_TEMPLATE/feature.yml": "github-issue-forms",
    ".github/ISSUE_TEMPLATE/config.yml": "github-issue-config",
    "templates/secretsync.yml": "gitlab-ci",
    "docs/examples/github-workflow.yml": "github-workflows",
    "docs/examples/rotation-workflow.yml": "github-workflows",
    "docs/examples/gitlab-ci.yml": "gitlab-ci",
    "docs/examples/azure-pipelines.yml": "azure-pipelines",
    "docs/examples/circleci.yml": "circle-ci",
}


class _Loader(yaml.SafeLoader):
    """YAML as these systems read it: `on` is a name and not a boolean."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:bool" or first not in "oOyYnN"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def documents(name: str) -> list[Any]:
    """Return the YAML documents of a file."""
    return list(yaml.load_all((ROOT / name).read_text(encoding="utf-8"), _Loader))


def schema_of(name: str) -> Any:
    """Return a JSON Schema as the system's vendor publishes it."""
    return json.loads((files("check_jsonschema") / "builtin_schemas" / "vendor" / f"{name}.json").read_bytes())


def errors_of(document: Any, schema: str) -> list[str]:
    """Return the places of a document that its schema does not allow."""
    loaded = schema_of(schema)
    return [error.json_path for error in validators.validator_for(loaded)(loaded).iter_errors(document)]


@pytest.mark.parametrize(("name", "schema"), SCHEMAS.items(), ids=list(SCHEMAS))
def test_the_schema_accepts_the_file(name: str, schema: str) -> None:
    """Each document is valid."""
    for document in documents(name):
        assert errors_of(document, schema) == []


@pytest.mark.parametrize(
    ("schema", "document"),
    [
        ("github-actions", {"name": "x"}),
        ("github-workflows", {"on": "push", "jobs": {"a": {"steps": []}}}),
        ("gitlab-ci", {"job": {"script": 1}}),
        ("azure-pipelines", {"steps": [{"scrip": "x"}]}),
        ("circle-ci", {"version": 2.1, "jobs": {"a": {"docker": "x"}}}),
        ("github-issue-forms", {"name": "x", "description": "y", "body": []}),
    ],
)
def test_the_schema_refuses_a_mistake(schema: str, document: Mapping[str, Any]) -> None:
    """The schemas notice a mistake, so that the test above is worth something."""
    assert errors_of(document, schema)


def test_every_yaml_file_for_ci_has_a_schema() -> None:
    """A new file is validated too. Rules for alerts have a test of their own."""
    found = [*ROOT.glob(".github/**/*.yml"), *ROOT.glob("templates/*.yml"), *ROOT.glob("docs/examples/*.yml")]
    names = {path.relative_to(ROOT).as_posix() for path in found} - {"docs/examples/rotation-alerts.yml"}
    assert names | {"action.yml"} == set(SCHEMAS)


def scripts(node: Any) -> Iterator[str]:
    """Return every shell script of a document."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("run", "script", "command") and isinstance(value, str):
                yield value
            elif key == "script" and isinstance(value, list):
                yield from value
            else:
                yield from scripts(value)
    elif isinstance(node, list):
        for value in node:
            yield from scripts(value)


@pytest.mark.parametrize("name", [name for name in SCHEMAS if name.startswith("docs/examples/")])
def test_commands_of_the_examples(name: str) -> None:
    """Each command line of SecretSync in an example is one that the parser takes."""
    lines = [
        line.strip().partition(" || ")[0]
        for document in documents(name)
        for script in scripts(document)
        for line in script.split("\n")
        if line.strip().startswith("secretsync ")
    ]
    assert lines or name in ("docs/examples/github-workflow.yml", "docs/examples/gitlab-ci.yml")
    for line in lines:
        _, command, *arguments = shlex.split(line)
        assert command in COMMANDS
        module = import_module(f"secretsync.cli.commands.{command.replace('-', '_')}")
        build_parser(command, module).parse_args(arguments)


@pytest.mark.parametrize("name", ["action.yml", ".github/workflows/checks.yml"])
def test_scripts_are_bash(name: str, tmp_path: Path) -> None:
    """Bash can parse each script, and no script holds an expression, because its text could be code."""
    bash = needs_tool("bash")
    found = [script for document in documents(name) for script in scripts(document)]
    assert found
    for script in found:
        assert "${{" not in script
        run_command([bash, "-n", "-c", script], cwd=tmp_path, env=clean_environment(tmp_path), expect=0)


def check_step(project: MakeProject, **inputs: str) -> tuple[CommandResult, str, Path]:
    """Run the second step of the action in a project with two environments; return result, outputs and directory."""
    bash = needs_tool("bash")
    (action,) = documents("action.yml")
    step = action["runs"]["steps"][1]
    made = project({"env/production/common.env": "DEBUG=True\n", "env/test/common.env": "DEBUG=True\n"})
    values = {name: inputs.get(name, str(given.get("default", ""))) for name, given in action["inputs"].items()}
    variables = {
        key: re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda match: values[match[1]], text)
        for key, text in step["env"].items()
    }
    output = made.root / "output"
    path = os.pathsep.join([str(BIN), os.environ["PATH"]])
    env = clean_environment(made.home, {**variables, "PATH": path, "GITHUB_OUTPUT": str(output)})
    argv = [bash, "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    done = run_command(argv, cwd=made.root, env=env)
    return done, output.read_text() if output.exists() else "", made.root


@pytest.mark.parametrize(
    ("inputs", "status", "shown"),
    [
        ({}, 1, "file=env/production/common.env"),
        ({"environments": "production test"}, 1, "file=env/production/common.env"),
        ({"environments": "test"}, 0, ""),
        ({"environments": "no-such"}, 2, ""),
        ({"command": "check"}, 0, ""),
        ({"command": "check-rotation", "environments": "test", "arguments": "--timeout 5s"}, 0, ""),
    ],
)
def test_the_check_of_the_action(project: MakeProject, inputs: dict[str, str], status: int, shown: str) -> None:
    """The step checks the environments that the input names, or all, and ends with the status of the command."""
    done, output, _ = check_step(project, **inputs)
    assert (done.status, output) == (status, f"status={status}\n"), done.stdout + done.stderr
    assert shown in done.stdout


@pytest.mark.parametrize("name", ["environments", "arguments", "root", "command"])
def test_an_input_of_the_action_is_not_code(project: MakeProject, name: str) -> None:
    """A shell command in an input is text."""
    done, _, root = check_step(project, **{name: "$(touch made) `touch made`; touch made"})
    assert done.status == 2
    assert not (root / "made").exists()


def test_the_workflow_has_each_job() -> None:
    """Lint, the site, tests on each supported Python, a wheel that is built once and tested, and known weaknesses."""
    (workflow,) = documents(".github/workflows/checks.yml")
    jobs = workflow["jobs"]
    assert set(jobs) == {"docs", "lint", "tests", "wheel", "installed", "weaknesses"}
    classifiers = re.findall(r":: (3\.\d+)\"", (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for job in ("tests", "installed"):
        assert jobs[job]["strategy"]["matrix"]["python"] == classifiers
    assert jobs["installed"]["needs"] == "wheel"
    lines = [line for script in scripts(workflow) for line in script.split("\n")]
    assert sum("python -m build" in line for line in lines) == 1
    targets = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)[0].split()
    made = {line.removeprefix("make ").strip() for line in lines if line.startswith("make ")}
    assert made == {"docs", "lint", "test"}
    assert made <= set(targets)
    assert any("pip-audit" in line for line in lines)
    assert workflow["permissions"] == {"contents": "read"}
    for line in lines:
        for path in re.findall(r"(?<![\w/])(?:\.ci|demo)/[\w./-]+", line):
            assert (ROOT / path).exists()


def test_the_page_has_the_inputs_of_the_action() -> None:
    """The table of the page has each input with its default."""
    page = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    (action,) = documents("action.yml")
    rows = re.findall(r"^\| `(\w+)` \| (?:`([^`]*)`)? ?\|", page, re.MULTILINE)
    assert dict(rows) == {name: given["default"] for name, given in action["inputs"].items()}
