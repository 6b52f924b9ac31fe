"""`make demo`: this repository's own development environment resolves with no server, and starts an application."""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.canary import CanaryFactory
from tests.support.projects import MakeProject, Project

ROOT = Path(__file__).parents[2]
FILES = ("secret_key", "jwt_secret", "database_password")


@pytest.fixture
def demo(project: MakeProject, canary: CanaryFactory) -> Project:
    """Return a copy of env/, providers/ and demo/, with secrets files of its own."""
    made = project({f".secrets/development/{name}": canary(after="\n") for name in FILES})
    for folder in ("env", "providers", "demo"):
        shutil.copytree(ROOT / folder, made.root / folder)
    return made


@pytest.fixture
def environment(canary: CanaryFactory) -> Mapping[str, str]:
    """Return the variables that the demo's shell exports."""
    return {"SMTP_PASSWORD": canary()}


def test_explain_shows_every_key_masked(demo: Project, environment: Mapping[str, str]) -> None:
    """With the store of each secret, and no value of one (the fixture sees to that)."""
    shown = demo.cli("explain", "-e", "development", env=environment, expect=0).stdout
    for key in ("SECRET_KEY", "DATABASE_URL", "SMTP_PASSWORD", "DEBUG"):
        assert key in shown, key
    for reference in ("docker:secret_key", "docker:database_password", "env:SMTP_PASSWORD"):
        assert reference in shown, reference


def test_the_application_starts(demo: Project, environment: Mapping[str, str]) -> None:
    """It has its settings and its secrets, and shows only the former."""
    run = demo.cli("run", "-e", "development", "--", sys.executable, "-I", "demo/app.py", env=environment, expect=0)
    assert run.stdout == (
        "started in development: debug True, log level DEBUG\n"
        "database app_development at 127.0.0.1:5432\n"
        "a session of 86400 seconds, signed with SECRET_KEY=<Secret ********>: valid\n"
    )


def test_nothing_starts_without_the_secrets(demo: Project) -> None:
    """A missing secret is status 3, and the report says which one and where it is written."""
    (demo.root / ".secrets" / "development" / "jwt_secret").unlink()
    run = demo.cli("run", "-e", "development", "--", sys.executable, "-I", "demo/app.py", expect=3)
    assert run.stdout == ""
    assert "env/development/security.env:3" in run.stderr
    assert "JWT_SECRET" in run.stderr
