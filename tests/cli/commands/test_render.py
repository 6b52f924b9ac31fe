"""`secretsync render`: everything selected in one list, in the format that was asked for, or nothing at all."""

import json
import os
import pty
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.canary import CanaryFactory
from tests.support.processes import clean_environment, run_command, secretsync_argv
from tests.support.projects import MakeProject, Project


@pytest.fixture
def shop(project: MakeProject, canary: CanaryFactory) -> Project:
    """Return a project with a setting, a secrets file and two services."""
    return project(
        {
            "env/test/common.env": "PORT=8000\nNAME=whole\n",
            "env/test/security.env": "SECRET_KEY=$<docker:key>\n",
            "env/test/web.env": "NAME=web\n",
            "env/test/db.env": "URL=x:${SECRET_KEY}@db\n",
            "providers/test.toml": '[stores.docker]\ndir = "files"\n',
            "files/key": canary(),
        }
    )


def test_json_is_one_object_sorted_by_key(shop: Project) -> None:
    """Without a schema: it is the configuration itself."""
    key = shop.read("files/key")
    rendered = shop.cli("render", "-e", "test", "--format", "json", reveals=True, expect=0)
    document = json.loads(rendered.stdout)
    assert list(document.items()) == [
        ("NAME", "web"),
        ("PORT", "8000"),
        ("SECRET_KEY", key),
        ("URL", f"x:{key}@db"),
    ]
    assert rendered.stderr == ""
    some = shop.cli("render", "-e", "test", "--service", "db", "--format", "json", reveals=True, expect=0)
    assert json.loads(some.stdout) == {**document, "NAME": "whole"}


def test_the_shell_reads_what_was_rendered(shop: Project, canary: CanaryFactory) -> None:
    """A hostile value survives `eval`, and nothing in it runs."""
    value = canary(after="a$<X>${HOME}$(touch ran)`touch ran`\"'\\\n\té")
    shop.write("files/key", value + "\n")
    command = shlex.join(secretsync_argv(["render", "-e", "test", "--format", "shell"]))
    script = f'eval "$({command})" && printf %s "$SECRET_KEY"'
    env = clean_environment(shop.home)
    assert run_command(["sh", "-c", script], cwd=shop.root, env=env, reveals=True, expect=0).stdout == value
    assert not (shop.root / "ran").exists()


def test_our_own_loader_reads_what_was_rendered(shop: Project, canary: CanaryFactory) -> None:
    """`dotenv` goes back in by `--env-file`, unchanged."""
    shop.write("files/key", canary(after="a$<X>${HOME}$$<Y>#'\\ é\n\"\n"))
    first = shop.cli("render", "-e", "test", "--format", "dotenv", reveals=True, expect=0)
    shop.write("rendered.env", first.stdout_bytes)
    again = shop.cli("render", "--env-file", "rendered.env", "--format", "json", reveals=True, expect=0)
    direct = shop.cli("render", "-e", "test", "--format", "json", reveals=True, expect=0)
    assert again.stdout == direct.stdout


def test_a_value_that_the_format_cannot_carry(shop: Project) -> None:
    """Status 6 that names entry, format and reason; nothing is written."""
    shop.write("files/key", "two\nlines")
    failed = shop.cli("render", "-e", "test", "--format", "docker", expect=6)
    cause = "the format docker cannot carry it: it contains a line feed, which ends the value"
    assert f"  env/test/db.env:1: URL: {cause}" in failed.stderr
    assert f"  env/test/security.env:1: SECRET_KEY: {cause}" in failed.stderr
    assert failed.stdout == ""


def test_there_is_no_default_format(shop: Project) -> None:
    """`render` without a format, or with an unknown one, lists the formats."""
    failed = shop.cli("render", "-e", "test", expect=2)
    assert "--format" in failed.stderr
    failed = shop.cli("render", "-e", "test", "--format", "xml", expect=2)
    assert "json" in failed.stderr
    assert failed.stdout == ""


def test_nothing_is_written_where_one_is_missing(shop: Project) -> None:
    """Status 3, and not a byte of what did resolve."""
    (shop.root / "env/test/db.env").write_text("A=$<docker:gone>\n")
    failed = shop.cli("render", "-e", "test", "--format", "json", expect=3)
    assert failed.stdout == ""
    assert "secretsync render: env/test/db.env:1:3: A: docker:gone: there is no file " in failed.stderr
    assert "; put it there, or name its folder: dir in [stores.docker] of the bindings" in failed.stderr


def test_an_environment_must_be_named(shop: Project) -> None:
    """A guess could write the wrong secrets."""
    failed = shop.cli("render", "--format", "json", expect=2)
    assert "-e NAME" in failed.stderr
    assert "$SECRETSYNC_ENV" in failed.stderr


def test_a_terminal_shows_nothing_without_reveal(shop: Project) -> None:
    """Status 2 on a terminal; with `--reveal` it is written there."""
    for options, status in (([], 2), (["--reveal"], 0)):
        ours, theirs = pty.openpty()
        argv = secretsync_argv(["render", "-e", "test", "--format", "json", *options])
        env = clean_environment(shop.home)
        done = subprocess.run(
            argv, cwd=shop.root, env=env, stdout=theirs, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, check=False
        )
        os.close(theirs)
        assert done.returncode == status
        if status:
            assert b"--reveal" in done.stderr
        else:
            assert b"SECRET_KEY" in os.read(ours, 65536)
        os.close(ours)


def test_a_name_that_steers_a_process(shop: Project) -> None:
    """From a store it is refused, as by `run`, unless it is allowed by name."""
    shop.write("env/test/db.env", "LD_PRELOAD=$<docker:key>\n")
    failed = shop.cli("render", "-e", "test", "--format", "json", expect=6)
    assert "env/test/db.env:1: LD_PRELOAD: " in failed.stderr
    assert "--allow-name LD_PRELOAD" in failed.stderr
    options = ["--format", "json", "--allow-name", "LD_PRELOAD"]
    rendered = shop.cli("render", "-e", "test", *options, reveals=True, expect=0)
    assert "LD_PRELOAD" in json.loads(rendered.stdout)


@pytest.mark.parametrize("command", [["render", "--format", "json"], ["explain"], ["check"], ["providers", "env"]])
def test_a_standard_output_that_cannot_be_written(shop: Project, command: list[str]) -> None:
    """Closed or full, it is status 6 with a sentence; a reader that went away is status 6 without one."""
    # More than any buffer holds.
    shop.write("env/test/common.env", "".join(f"K{number}={'x' * 100}\n" for number in range(2000)))
    name, *options = command
    source = [] if name == "providers" else ["-e", "test"]
    line = shlex.join(secretsync_argv([name, *source, *options]))
    env = clean_environment(shop.home)
    for redirection in (">&-", "> /dev/full"):
        failed = run_command(["sh", "-c", f"{line} {redirection}"], cwd=shop.root, env=env, expect=6)
        assert failed.stderr.startswith("secretsync: standard output cannot be written: ")
        assert failed.stderr.count("\n") == 1
    # Opened for reading and writing, so that nobody waits; then its only reader is gone.
    reader, writer = os.pipe()
    os.close(reader)
    argv = secretsync_argv([name, *source, *options])
    done = subprocess.run(argv, cwd=shop.root, env=env, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (6, b"")


def test_output_is_utf8_in_any_locale(project: MakeProject) -> None:
    """Under the C locale and an encoding that Python is told to use, too."""
    made = project({"env/test/common.env": "A=é\n"})
    env = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for command in (["render", "--format", "json"], ["explain"]):
        argv = secretsync_argv([command[0], "-e", "test", *command[1:]], isolated=False)
        environment = clean_environment(made.home, env)
        assert "é".encode() in run_command(argv, cwd=made.root, env=environment, expect=0).stdout_bytes


def test_a_path_that_is_not_utf8(project: MakeProject) -> None:
    """A path that is not UTF-8 works, and messages show it with escapes."""
    made = project()
    folder = os.fsencode(made.root)
    with open(folder + b"/a\xff.env", "wb") as file:
        file.write(b"A=$<env:GONE>\n")
    env = clean_environment(made.home)
    for command, status in ((b"render", 3), (b"explain", 0), (b"check", 3)):
        formats = [] if command == b"explain" else [b"--format", b"json"]
        argv = [
            os.fsencode(sys.executable),
            b"-I",
            b"-m",
            b"secretsync",
            command,
            b"--env-file",
            b"a\xff.env",
            *formats,
        ]
        done = subprocess.run(argv, cwd=made.root, env=env, capture_output=True, check=False)
        assert done.returncode == status, done.stderr
        assert b"internal error" not in done.stderr
        assert rb"a\udcff.env" in done.stderr + done.stdout


def test_env_file_with_a_path_elsewhere(project: MakeProject, tmp_path: Path) -> None:
    """Files are named from the working directory, and shown as they were named."""
    (tmp_path / "x.env").write_text("A=1\nB=$<docker:gone>\n")
    failed = project().cli("render", "--env-file", str(tmp_path / "x.env"), "--format", "json", expect=3)
    assert f"{tmp_path}/x.env:2:3: B: docker:gone: " in failed.stderr
