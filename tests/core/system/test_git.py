"""Running git."""

import os
import subprocess
from pathlib import Path

import pytest

from secretsync.core.system import git
from secretsync.core.system.git import GitError, ignored_paths, run_git
from tests.support.tools import needs_tool


def fake_git(folder: Path, script: str) -> dict[str, str]:
    """Return an environment whose `git` is a shell script."""
    program = folder / "git"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def repository(folder: Path) -> Path:
    """Return a folder with an empty `.git`, whose name a shell would change without quotes."""
    made = folder / "it's"
    (made / ".git").mkdir(parents=True)
    return made


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
        ("exit 128", "git failed with status 128"),
        ("echo 'fatal: not a git repository: x' >&2; exit 128", "does not accept"),
        ("echo 'fatal: unsafe repository (x is owned by someone else)' >&2; exit 128", "another user owns"),
        ("echo 'fatal: detected dubious ownership in x' >&2; exit 128", "because another user owns it"),
        ("cat /dev/zero", "more than 1 MiB"),
        ("cat /dev/zero >&2", "more than 1 MiB"),
    ],
)
def test_failures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, cause: str) -> None:
    """Raise GitError with the reason."""
    monkeypatch.setattr(git, "_MAX_BYTES", 1024**2)
    with pytest.raises(GitError, match=cause) as raised:
        run_git(str(repository(tmp_path)), fake_git(tmp_path, script))
    assert raised.value.hint is not None
    if "another user" in cause:
        assert raised.value.hint == f"git config --global --add safe.directory '{tmp_path}/it'\"'\"'s'"


@pytest.mark.parametrize("script", ["kill -STOP $$", "exec >&- 2>&-; kill -STOP $$"])
def test_git_that_does_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Raise GitError at the deadline, also if git has closed its outputs."""
    monkeypatch.setattr(git, "_SECONDS", 0.2)
    with pytest.raises(GitError, match="did not answer in time"):
        run_git(str(repository(tmp_path)), fake_git(tmp_path, script))


def test_no_git(tmp_path: Path) -> None:
    """Raise GitError if git is not installed, or cannot be started."""
    folder = str(repository(tmp_path))
    with pytest.raises(GitError, match="is not installed") as raised:
        run_git(folder, {"PATH": str(tmp_path)})
    assert raised.value.hint == "install git, or run this command where git is"
    (tmp_path / "git").write_text("")
    with pytest.raises(GitError, match="cannot be started"):
        run_git(folder, {"PATH": str(tmp_path)})


@pytest.mark.parametrize("script", ["exit 128", "echo 'fatal: not a git repository: x' >&2; exit 128", None])
def test_no_repository(tmp_path: Path, script: str | None) -> None:
    """Return no next step if the folder is not in a repository, with or without git."""
    environ = {"PATH": str(tmp_path)} if script is None else fake_git(tmp_path, script)
    with pytest.raises(GitError, match="there is no git repository") as raised:
        run_git(str(tmp_path), environ)
    assert raised.value.hint is None


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
