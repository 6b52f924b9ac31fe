"""This repository: its own env/ and providers/ can be committed, its Makefile and its CI say what they cannot do."""

import shutil
import stat
import sys
import tomllib
from pathlib import Path

import pytest
from dotenv.parser import parse_stream

from tests.support.processes import clean_environment, run_command
from tests.support.tools import needs, needs_tool

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = ("development", "staging", "production")
FILES = ("common.env", "security.env", "app.env", "database.env")


def keys(environment: str) -> dict[str, dict[str, str | None]]:
    """Return the keys that each env file of `environment` defines."""
    found = {}
    for name in FILES:
        with (ROOT / "env" / environment / name).open(encoding="utf-8") as stream:
            found[name] = {entry.key: entry.value for entry in parse_stream(stream) if entry.key}
    return found


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_secret_is_written_down(environment: str) -> None:
    """An entry with a secret's name is a placeholder or a variable, and every bare name leads somewhere."""
    for entries in keys(environment).values():
        for key, value in entries.items():
            if any(word in key for word in ("SECRET", "PASSWORD", "TOKEN", "DSN")) or key.endswith("_KEY"):
                assert value is not None, key
                assert value.startswith(("$<", "${")), key


def test_each_environment_says_the_same_things() -> None:
    """A key that development has is in every other environment too, in the same file."""
    for environment in ENVIRONMENTS[1:]:
        for name, entries in keys("development").items():
            assert not set(entries) - set(keys(environment)[name]), (environment, name)


def test_production_binds_every_bare_name() -> None:
    """Nothing in production is looked for: each secret is in one known place."""
    bindings = tomllib.loads((ROOT / "providers" / "production.toml").read_text(encoding="utf-8"))
    written = keys("production")["security.env"].items()
    bare = {key for key, value in written if value in (f"$<{key}>", f"${{{key}}}")}
    assert set(bindings["secrets"]) == bare
    stores = {
        (entry if isinstance(entry, str) else entry["ref"]).partition(":")[0] for entry in bindings["secrets"].values()
    }
    assert stores == {"aws", "vault", "azure", "docker"}


def test_git_keeps_env_where_people_ignore_it_everywhere(tmp_path: Path) -> None:
    """Rules of one's own against env/ and *.env do not keep the examples out; development's secrets stay out."""
    git = needs_tool("git")
    excludes = tmp_path / "excludes"
    excludes.write_text("env/\n.env\n*.env\n/env\nproviders\n*.toml\n")
    env = clean_environment(tmp_path)
    shutil.copyfile(ROOT / ".gitignore", tmp_path / ".gitignore")
    run_command([git, "init", "--quiet", str(tmp_path)], cwd=tmp_path, env=env, expect=0)
    files = [f"env/{environment}/{name}" for environment in ENVIRONMENTS for name in FILES]
    files += [f"providers/{environment}.toml" for environment in ENVIRONMENTS]
    argv = [git, "-c", f"core.excludesFile={excludes}", "check-ignore", "--no-index"]
    assert run_command([*argv, *files], cwd=tmp_path, env=env, expect=1).stdout == ""
    secret = ".secrets/development/secret_key"
    assert run_command([*argv, secret], cwd=tmp_path, env=env, expect=0).stdout == f"{secret}\n"


def test_development_secrets_are_made_once_and_for_their_owner(tmp_path: Path) -> None:
    """Each file has a value of its own, mode 0600 in a folder of mode 0700, and a second run leaves it."""
    folder = tmp_path / "secrets"
    argv = [sys.executable, "-I", str(ROOT / "demo" / "make_secrets.py"), str(folder)]
    env = clean_environment(tmp_path)
    run_command(argv, cwd=tmp_path, env=env, expect=0)
    made = {path.name: path.read_text() for path in folder.iterdir()}
    assert set(made) == {"database_password", "jwt_secret", "secret_key"}
    assert len(set(made.values())) == 3
    assert min(map(len, made.values())) > 32
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    again = run_command(argv, cwd=tmp_path, env=env, expect=0)
    assert again.stdout == ""
    assert {path.name: path.read_text() for path in folder.iterdir()} == made


def test_an_old_python_is_told(tmp_path: Path) -> None:
    """The message names the version needed, the one found, and how to name another."""
    make = needs_tool("make")
    shutil.copyfile(ROOT / "Makefile", tmp_path / "Makefile")
    old = tmp_path / "python3.10"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.10.12 && exit\nexit 1\n')
    old.chmod(0o755)
    run = run_command([make, "demo", f"PYTHON={old}"], cwd=tmp_path, env=clean_environment(tmp_path), expect=2)
    assert "needs Python 3.11 or newer" in run.stderr
    assert "Python 3.10.12" in run.stderr
    assert "PYTHON=" in run.stderr
    assert not (tmp_path / ".venv").exists()


def test_help_lists_the_targets(tmp_path: Path) -> None:
    """`make` without a target lists the targets and runs none."""
    make = needs_tool("make")
    shown = run_command([make], cwd=ROOT, env=clean_environment(tmp_path), expect=0).stdout
    assert [line.split()[1] for line in shown.splitlines()] == [
        "demo",
        "demo-cloud",
        "test-fast",
        "test",
        "test-long",
        "test-oldest",
        "bench",
        "bench-short",
        "lint",
        "docs",
        "docs-tables",
        "man",
        "docs-pictures",
        "clean",
    ]


def test_packages_for_ci_are_named_with_a_reason(tmp_path: Path) -> None:
    """One Debian package a line, sorted, with a comment that says what for."""
    lines = [
        line for line in (ROOT / ".ci" / "packages.txt").read_text().split("\n") if line and not line.startswith("#")
    ]
    names = [line.split()[0] for line in lines]
    assert names == sorted(names)
    assert all(line.partition("#")[2].strip() for line in lines)
    needs(shutil.which("dpkg-query"), "dpkg")
    # Not as root nothing is installed, and that is said.
    bash = needs_tool("bash")
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, script in (("id", "echo 1000"), ("dpkg-query", "exit 1")):
        (tools / name).write_text(f"#!/bin/sh\n{script}\n")
        (tools / name).chmod(0o755)
    env = clean_environment(tmp_path)
    env["PATH"] = f"{tools}:{env['PATH']}"
    said = run_command([bash, str(ROOT / ".ci" / "install-packages")], cwd=tmp_path, env=env, expect=0).stdout
    assert said == f"packages: not root on Debian; without these some tests are skipped: {' '.join(names)}\n"
