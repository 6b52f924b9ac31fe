"""No command writes over a file of the configuration."""

import json
import os
from pathlib import Path

import pytest

from tests.support.canary import CanaryFactory
from tests.support.projects import MakeProject, Project

ENV_FILE = "env/production/security.env"
BINDINGS = "providers/production.toml"
EXAMPLE = "KEY=$<docker:key>\n"
WRITERS = {
    "render": ("render", "-e", "production", "--format", "dotenv", "--output"),
    "record": ("run", "-e", "production", "--record"),
    "check": ("check", "-e", "production", "--format", "json", "--output"),
    "check-rotation": ("check-rotation", "-e", "production", "--format", "json", "--output"),
    "audit": ("audit", "-e", "production", "--format", "json", "--output"),
    "ps": ("ps", "--format", "json", "--output"),
    "template": ("template", "--output"),
    "schema": ("schema", "bindings", "--output"),
}


@pytest.fixture
def made(project: MakeProject, canary: CanaryFactory) -> Project:
    """Return a project with one secret."""
    files = {ENV_FILE: EXAMPLE, BINDINGS: '[stores.docker]\ndir = "s"\n', "s/key": canary()}
    return project({**files, "a.env": EXAMPLE, "t.txt": "${KEY}\n"})


@pytest.mark.parametrize("path", [ENV_FILE, BINDINGS, "env/production/new.env", "./env/../" + ENV_FILE])
@pytest.mark.parametrize("writer", WRITERS)
def test_files_of_the_project(made: Project, writer: str, path: str) -> None:
    """An env file and the bindings are refused as the target, also before they exist."""
    before = {name: made.read(name) for name in (ENV_FILE, BINDINGS)}
    command = ("--", "echo", "started") if writer == "record" else ()
    refused = made.cli(*WRITERS[writer], path, *command, expect=2)
    assert "it is a file of the configuration; name another file" in refused.stderr
    assert refused.stdout == ""
    assert {name: made.read(name) for name in before} == before
    assert not (made.root / "env/production/new.env").exists()


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        (("--env-file", "a.env", "--format", "json"), "a.env"),
        (("--env-file", "a.env", "--bindings", "b.toml", "--format", "json"), "b.toml"),
        (("-e", "production", "--template", "t.txt", "--escape", "none"), "t.txt"),
        (("-e", "production", "--template", "t.txt", "--escape", "none"), "linked.txt"),
    ],
)
def test_named_files(made: Project, arguments: tuple[str, ...], path: str) -> None:
    """A file that the same command reads is refused, also by another name of it."""
    made.write("b.toml", made.read(BINDINGS))
    os.link(made.root / "t.txt", made.root / "linked.txt")
    before = made.read(path)
    refused = made.cli("render", *arguments, "--output", path, expect=2)
    assert f"--output {path}: it is a file of the configuration" in refused.stderr
    assert made.read(path) == before


def test_the_folder_of_another_program(made: Project, tmp_path: Path) -> None:
    """A folder env/ that is not in the project is written to as each other one."""
    target = tmp_path / "env" / "app" / "report.env"
    target.parent.mkdir(parents=True)
    made.cli("check", "-e", "production", "--format", "json", "--output", str(target), expect=0)
    assert json.loads(target.read_text())["schema"] == 1
