"""`secretsync doctor` on the stores that need no server."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

from secretsync.core.errors import ProblemKind, ResolutionError
from secretsync.providers.docker import DockerProvider
from secretsync.providers.interface import StoreContext
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
