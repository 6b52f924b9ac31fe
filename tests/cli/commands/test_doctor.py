"""`secretsync doctor` on the stores that need no server."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

import secretsync
from secretsync.core.errors import ProblemKind, ResolutionError
from secretsync.providers.docker import DockerProvider
from secretsync.providers.interface import StoreContext
from tests.support.canary import CanaryFactory, find_leaks
from tests.support.processes import CommandResult, clean_environment, run_command
from tests.support.projects import MakeProject

BINDINGS = "lookup = ['docker']\n[stores.docker]\ndir = 'files'\n"


def test_a_folder_that_is_not_there_is_said(project: MakeProject) -> None:
    """A missing directory is a note and not a failure, because a container may have no secrets."""
    made = project({"env/test/common.env": "A=$<docker:a>\n", "providers/test.toml": BINDINGS})
    folder = str(made.root / "files")
    said = made.cli("doctor", "-e", "test", expect=0).stdout
    assert f"no folder {folder}" in said
    (store,) = json.loads(made.cli("doctor", "-e", "test", "--format", "json", expect=0).stdout)["stores"]
    assert (store["store"], store["endpoint"], store["details"]) == ("docker", folder, {"no folder": folder})
    os.mkdir(folder)
    assert "no folder" not in made.cli("doctor", "-e", "test", expect=0).stdout


def test_a_folder_that_we_may_not_enter_is_denied() -> None:
    """A directory that the user may not enter is denied. Another user asks, because root may enter every directory."""
    nobody = os.geteuid() or 65534
    folder = Path(tempfile.mkdtemp(prefix="secretsync-test-"))
    try:
        folder.chmod(0o755)
        barred = folder / "files"
        barred.mkdir(mode=0o600)
        os.chown(barred, nobody, -1)
        cause, hint = told_as(nobody, str(barred))
    finally:
        shutil.rmtree(folder)
    assert cause == f"no permission to enter {barred}"
    assert hint == f"we are user id {nobody}"


def told_as(user: int, folder: str) -> tuple[str, str]:
    """Return the provider's report on a folder, as this user, from a separate process."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setresuid(user, user, user)
            context = StoreContext(store="docker", environment="test", settings={"dir": folder})
            DockerProvider(context).identity()
        except ResolutionError as error:
            problem = error.problems[0]
            os.write(writer, json.dumps([problem.kind.value, problem.cause, problem.hint]).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    kind, cause, hint = json.loads(said)
    assert kind == ProblemKind.DENIED.value
    return cause, hint


# Reports a version for the distributions in `installed`, and for no other.
INSTALLED = """
from importlib import metadata
def version(name):
    if name not in installed:
        raise metadata.PackageNotFoundError(name)
    return "9.8.7"
metadata.version = version
from secretsync.cli import main
main(arguments)
"""


@pytest.mark.parametrize(
    ("installed", "shown", "is_warned"),
    [
        (("secretsync-adapter",), "secretsync-adapter 9.8.7 in ", False),
        (("secretsync-adapter", "secretsync"), "secretsync-adapter 9.8.7 in ", True),
        (("secretsync",), "the distribution secretsync-adapter is not installed", True),
        ((), "the distribution secretsync-adapter is not installed", False),
    ],
)
def test_the_first_line_names_the_distribution(
    project: MakeProject, installed: tuple[str, ...], shown: str, *, is_warned: bool
) -> None:
    """The first line shows which SecretSync runs, and another distribution of the name is a warning."""
    made = project({"env/test/common.env": "A=$<docker:a>\n", "providers/test.toml": BINDINGS})

    def doctor(*options: str) -> CommandResult:
        arguments = ["doctor", "-e", "test", *options]
        argv = [sys.executable, "-c", f"installed, arguments = {installed!r}, {arguments!r}{INSTALLED}"]
        return run_command(argv, cwd=made.root, env=clean_environment(made.home), expect=0)

    done = doctor()
    line = done.stdout.split("\n")[0]
    assert shown in line
    assert str(Path(secretsync.__file__).parent) in line
    assert ("uninstall both, then install secretsync-adapter" in done.stderr) is is_warned
    document = json.loads(doctor("--format", "json").stdout)["installation"]
    assert document["version"] == ("9.8.7" if "secretsync-adapter" in installed else None)
    assert document["other"] == ("9.8.7" if "secretsync" in installed else None)


@pytest.mark.parametrize("output", ["text", "json"])
def test_the_checklist_of_logins(project: MakeProject, canary: CanaryFactory, output: str) -> None:
    """`--explain` lists the ways to log in to each store, and shows no value of an input."""
    secret = canary()
    bindings = "[stores.vault]\naddress = 'http://127.0.0.1:9'\n[stores.vault.auth]\nmethod = 'approle'\n"
    made = project({"env/test/common.env": "A=$<vault:secret/a#b>\n", "providers/test.toml": bindings})
    environ = {"VAULT_SECRET_ID": secret}
    plain = made.cli("doctor", "-e", "test", "--format", output, env=environ, expect=4).stdout
    assert "logins" not in plain
    assert "ways to log in" not in plain
    shown = made.cli("doctor", "-e", "test", "--explain", "--format", output, env=environ, expect=4).stdout
    missing = "the setting auth.role_id or the setting auth.role_id_file or VAULT_ROLE_ID or BAO_ROLE_ID"
    assert not find_leaks(shown)
    if output == "json":
        (store,) = json.loads(shown)["stores"]
        assert store["logins"] == [
            {
                "name": "approle",
                "state": "incomplete",
                "found": ["VAULT_SECRET_ID"],
                "missing": [missing],
                "mistakes": [],
                "next_step": f"set {missing}",
            }
        ]
    else:
        assert "  [ ] approle: incomplete\n        found: VAULT_SECRET_ID\n" in shown
