"""Running git."""

import os
import subprocess
from pathlib import Path

import pytest

from secretsync.core import git
from secretsync.core.git import GitError, ignored_paths, run_git
from tests.support.tools import needs_tool


def fake_git(folder: Path, script: str) -> dict[str, str]:
    """Return an environment whose `git` is a shell script."""
    program = folder / "git"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def test_no_variable_of_a_hook_reaches_git(tmp_path: Path) -> None:
    """Remove every GIT_ variable, but keep the index if the caller wants it."""
    environ = fake_git(tmp_path, "env") | {"GIT_DIR": "/elsewhere", "GIT_INDEX_FILE": "index", "LC_ALL": "de_DE.UTF-8"}
    seen = run_git(str(tmp_path), environ, "status").split("\n")
    assert {line for line in seen if line.startswith(("GIT_", "LC_ALL"))} == {"GIT_OPTIONAL_LOCKS=0", "LC_ALL=C"}
    assert "GIT_INDEX_FILE=index" in run_git(str(tmp_path), environ, "status", keeps_index=True).split("\n")


def test_the_repository_starts_no_program(tmp_path: Path) -> None:
    """Switch fsmonitor off, because the repository's configuration names its program."""
    environ = fake_git(tmp_path, 'printf "%s\\n" "$@"')
    assert run_git("x", environ, "status") == "-c\ncore.fsmonitor=false\n-C\nx\nstatus\n"


def test_input_and_both_outputs(tmp_path: Path) -> None:
    """Pass stdin on, and read more from stdout and stderr than a pipe holds."""
    environ = fake_git(tmp_path, "cat; head -c 300000 /dev/zero >&2; head -c 300000 /dev/zero")
    assert run_git("x", environ, stdin="\udcff") == "\udcff" + "\0" * 300000


@pytest.mark.parametrize(
    ("script", "cause"),
    [
        ("exit 128", "this is no git repository"),
        ("echo 'fatal: detected dubious ownership in x' >&2; exit 128", "which another user owns"),
        ("cat /dev/zero", "more than 1 MiB"),
        ("cat /dev/zero >&2", "more than 1 MiB"),
    ],
)
def test_failures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, cause: str) -> None:
    """Raise GitError with the reason."""
    monkeypatch.setattr(git, "_MAX_BYTES", 1024**2)
    with pytest.raises(GitError, match=cause):
        run_git("x", fake_git(tmp_path, script))


@pytest.mark.parametrize("script", ["kill -STOP $$", "exec >&- 2>&-; kill -STOP $$"])
def test_git_that_does_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Raise GitError at the deadline, also if git has closed its outputs."""
    monkeypatch.setattr(git, "_SECONDS", 0.2)
    with pytest.raises(GitError, match="did not answer in time"):
        run_git("x", fake_git(tmp_path, script))


def test_no_git(tmp_path: Path) -> None:
    """Raise GitError if git is not installed, or cannot be started."""
    with pytest.raises(GitError, match="is not installed"):
        run_git("x", {"PATH": str(tmp_path)})
    (tmp_path / "git").write_text("")
    with pytest.raises(GitError, match="could not be started"):
        run_git("x", {"PATH": str(tmp_path)})


def test_ignored_paths(tmp_path: Path) -> None:
    """Return the paths that a rule ignores, with file, line and pattern of the rule, whatever is in their names."""
    tool = needs_tool("git")
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_DIR": "/elsewhere"}
    clean = {name: value for name, value in environ.items() if name != "GIT_DIR"}
    subprocess.run([tool, "init", "-q", str(tmp_path)], check=True, capture_output=True, env=clean)
    (tmp_path / ".gitignore").write_text("*.env\n!b.env\n")
    paths = ["a.env", "b.env", "c", "new\nline.env", "tab\t.env"]
    assert ignored_paths(str(tmp_path), environ, paths) == dict.fromkeys(
        ("a.env", "new\nline.env", "tab\t.env"), ".gitignore:1:*.env"
    )
    assert ignored_paths(str(tmp_path), environ, ["c"]) == {}
