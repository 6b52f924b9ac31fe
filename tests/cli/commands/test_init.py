"""`secretsync init`: a project to begin with, and nothing of what is there is touched."""

import re
import subprocess
from pathlib import Path

import pytest

from secretsync.audit.dockerignore import DockerIgnore
from tests.servers.openbao import VaultSpace
from tests.support.canary import CanaryFactory
from tests.support.processes import RunCli, clean_environment, secretsync_argv
from tests.support.tools import needs_tool


def files_of(folder: Path) -> set[str]:
    """Return the files below `folder`, without git's own."""
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return {name for name in found if not name.startswith(".git/")}


def test_a_first_project_works_at_once(run_cli: RunCli, tmp_path: Path, canary: CanaryFactory) -> None:
    """A new project resolves: development at once, production after its policy's requirements are met."""
    made = run_cli("init", expect=0)
    assert made.stdout.endswith("next: secretsync explain -e development\n")
    assert files_of(tmp_path) == {
        ".dockerignore",
        ".gitignore",
        *(f"env/{name}/{file}.env" for name in ("development", "production") for file in ("app", "common", "security")),
        *(f"providers/{name}.toml" for name in ("development", "production")),
        "env/production/policy.toml",
    }
    run_cli("explain", "-e", "development", expect=0)
    run_cli("check", "-e", "development", expect=0)
    shown = run_cli("run", "-e", "development", "--", "sh", "-c", "echo $ENVIRONMENT $DEBUG $PORT", expect=0)
    assert shown.stdout == "development True 8000\n"
    failed = run_cli("run", "-e", "production", "--", "true", expect=3)
    assert "env/production/security.env:2:12: SECRET_KEY" in failed.stderr
    secret = {"SECRET_KEY": canary()}
    lacking = run_cli("run", "-e", "production", "--", "true", env=secret, expect=2)
    assert "env/production/policy.toml:8: DATABASE_URL: it is required" in lacking.stderr
    env = {**secret, "DATABASE_URL": canary("postgresql://app:", "@db/app")}
    run_cli("run", "-e", "production", "--", "true", env=env, expect=0)


def test_what_is_there_stays(run_cli: RunCli, tmp_path: Path) -> None:
    """A second run changes nothing, and files that somebody wrote are kept."""
    run_cli("init", "-e", "staging", expect=0)
    (tmp_path / "env/staging/common.env").write_text("MINE=1\n")
    before = {name: (tmp_path / name).read_bytes() for name in files_of(tmp_path)}
    again = run_cli("init", "-e", "staging", expect=0)
    assert "kept env/staging/common.env" in again.stdout
    assert {name: (tmp_path / name).read_bytes() for name in files_of(tmp_path)} == before


def test_gitignore_gets_the_lines_that_it_lacks(run_cli: RunCli, tmp_path: Path) -> None:
    """At its end, after a line end of its own, whatever stands in it."""
    (tmp_path / ".gitignore").write_bytes(b"*.pyc\n/.env\n# \xff")
    run_cli("init", "-q", expect=0)
    lines = (tmp_path / ".gitignore").read_bytes().split(b"\n")
    assert lines[:3] == [b"*.pyc", b"/.env", b"# \xff"]
    assert b"/.secrets/" in lines
    assert b"/.secretsync/" in lines
    assert lines.count(b"/.env") == 1


def test_dockerignore_keeps_private_files_out_of_images(run_cli: RunCli, tmp_path: Path, canary: CanaryFactory) -> None:
    """The audit has no finding on an image of the whole folder, and env/ and providers/ are in the image."""
    (tmp_path / ".dockerignore").write_text("*.pyc\n.git")
    run_cli("init", "-q", expect=0)
    text = (tmp_path / ".dockerignore").read_text()
    assert text.startswith("*.pyc\n.git\n# written by secretsync init")
    assert text.split("\n").count(".git") == 1
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY . .\n")
    for name in (".env", ".env.local", ".secrets/development/key"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"DB_PASSWORD={canary()}\n")
    assert "[image-context]" not in run_cli("audit", "-e", "development").stdout
    ignore = DockerIgnore(text.split("\n"))
    kept = (".env.example", "env/production/security.env", "env/production/policy.toml", "providers/production.toml")
    assert not any(ignore.excludes(name) for name in kept)
    assert all(ignore.excludes(name) for name in (".git/config", "web/.env", ".secretsync/history/x.json", "backups/x"))
    (tmp_path / ".dockerignore").unlink()
    assert "[image-context]" in run_cli("audit", "-e", "development").stdout


@pytest.mark.parametrize("rule", ["env/", "*.env", "env", "env/*"])
def test_a_folder_that_git_ignores_is_said(run_cli: RunCli, tmp_path: Path, rule: str) -> None:
    """Such rules are common, and would leave the placeholders out of the repository; the advice mends it."""
    git = needs_tool("git")
    subprocess.run([git, "init", "-q", str(tmp_path)], check=True, capture_output=True)
    assert run_cli("init", expect=0).stderr == ""
    with (tmp_path / ".gitignore").open("a") as file:
        file.write(f"{rule}\n")
    warned = run_cli("init", expect=0).stderr
    assert "warning: git ignores env/development/common.env" in warned
    assert f":{rule});" in warned
    advice = re.findall(r"!\S+", warned.split("\n")[0])
    with (tmp_path / ".gitignore").open("a") as file:
        file.writelines(f"{line}\n" for line in advice)
    assert run_cli("init", expect=0).stderr == ""


@pytest.mark.parametrize("name", ["../x", " ", "a b", "a\nb", "x" * 65, ".", "-x=y"])
def test_names_that_are_none(run_cli: RunCli, tmp_path: Path, name: str) -> None:
    """Refused before a path is built of one."""
    failed = run_cli("init", f"--environment={name}", expect=2)
    assert "the name of an environment" in failed.stderr
    assert files_of(tmp_path) == set()


def test_a_folder_that_cannot_be_written(run_cli: RunCli, tmp_path: Path) -> None:
    """Status 6 with the path where something stands in the way, 2 where there is no folder."""
    (tmp_path / "env").write_text("a file")
    failed = run_cli("init", expect=6)
    assert "env/development/common.env: it cannot be written" in failed.stderr
    failed = run_cli("init", "--root", "gone", expect=2)
    assert "gone: there is no such folder" in failed.stderr
    (tmp_path / "env").unlink()
    (tmp_path / ".gitignore").mkdir()
    failed = run_cli("init", expect=6)
    assert ".gitignore: it is not a regular file but a folder" in failed.stderr


def test_a_project_for_docker_secrets_files(run_cli: RunCli, tmp_path: Path) -> None:
    """After the three commands that `init --store` prints, the application runs."""
    made = run_cli("init", "--store", "docker", "--service", "web", expect=0)
    assert "env/production/web.env" in files_of(tmp_path)
    commands = [line.removeprefix("next: ") for line in made.stdout.splitlines() if line.startswith("next: ")]
    assert len(commands) == 3
    run_cli("run", "-e", "production", "--", "true", expect=3)
    for command in commands:
        run_cli(*command.replace("COMMAND", "true").split()[1:], expect=0)


def test_a_project_for_vault(run_cli: RunCli, vault: VaultSpace) -> None:
    """A project for Vault resolves after the secret is set; the path has the environment and the service."""
    made = run_cli("init", "--store", "vault", "--service", "web", "-e", "staging", expect=0)
    assert "next: secretsync set SECRET_KEY -e staging --generate 48\n" in made.stdout
    policy = vault.policy("secret/*", capabilities=["create", "read", "update"])
    env = vault.environ(vault.token(policy))
    run_cli("set", "SECRET_KEY", "-e", "staging", "--generate", "48", env=env, expect=0)
    run_cli("run", "-e", "staging", "--", "true", env=env, expect=0)


@pytest.mark.parametrize("store", ["vault", "aws", "ssm", "azure", "docker"])
def test_the_files_for_each_store_are_right(run_cli: RunCli, store: str) -> None:
    """The bindings of each store have no mistake, and name one place for the secret."""
    run_cli("init", "--store", store, expect=0)
    explained = run_cli("explain", "-e", "production", "--offline", expect=0)
    assert f"{store}:" in explained.stdout


def test_a_full_disk(run_cli: RunCli, tmp_path: Path) -> None:
    """A file that cannot be written as a whole is not there, so that the next run creates it."""
    command = f"ulimit -f 0; exec {' '.join(secretsync_argv(('init',)))}"
    environment = clean_environment(tmp_path, {})
    failed = subprocess.run(["sh", "-c", command], cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert failed.returncode == 6
    assert b"it cannot be written" in failed.stderr
    assert files_of(tmp_path) == set()
    assert "created env/development/common.env" in run_cli("init", expect=0).stdout


def test_another_store_for_bindings_that_are_kept(run_cli: RunCli, tmp_path: Path) -> None:
    """If the bindings are kept, the line that binds the secret to the named store is shown."""
    assert run_cli("init", "--store", "docker", expect=0).stderr == ""
    assert run_cli("init", "--store", "docker", expect=0).stderr == ""
    before = (tmp_path / "providers/production.toml").read_bytes()
    second = run_cli("init", "--store", "vault", "--service", "web", expect=0)
    assert 'add to [secrets]: SECRET_KEY = "vault:secret/production/web#SECRET_KEY"' in second.stderr
    assert (tmp_path / "providers/production.toml").read_bytes() == before
