"""The access log: a line for each secret read, whole and escaped, and what happens where it cannot be written."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsync import resolve_config
from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed, Found, Missing, SecretRef, Selector
from secretsync.core.secret import Payload
from secretsync.planning.plan import SecretPart
from secretsync.planning.references import Target
from secretsync.resolving.requests.access_log import AccessLog, Read
from secretsync.resolving.stores import Answers
from tests.servers.faults import FaultProxy, html
from tests.servers.openbao import VaultSpace
from tests.support.canary import CanaryFactory, make_canary
from tests.support.limits import HANG
from tests.support.processes import clean_environment, run_command, secretsync_argv
from tests.support.projects import MakeProject, Project

BINDINGS = (
    "[stores.docker]\ndir = 'secrets'\n"
    "[secrets]\nSECRET_KEY = 'docker:secret_key'\nDB_PASSWORD = 'docker:db#/db/password'\n"
)


@pytest.fixture
def made(project: MakeProject, canary: CanaryFactory) -> Project:
    """Secrets in files, one of them for two keys, settings, and a log that no secret may be in."""
    made = project(
        {
            "env/production/common.env": "LEVEL=$<env:LEVEL:-INFO>\nHOME_DIR=${HOME}\n",
            "env/production/security.env": "SECRET_KEY=$<SECRET_KEY>\nAPI_TOKEN=$<API_TOKEN>\n",
            "env/production/web.env": "URL=postgresql://app:$<DB_PASSWORD>@db/\n",
            "providers/production.toml": BINDINGS,
            "secrets/secret_key": canary(after="x" * 8),
            "secrets/db": json.dumps({"db": {"password": canary()}}),
        }
    )
    canary.watch(made.root / "env")
    return made


@pytest.fixture
def log(made: Project, canary: CanaryFactory) -> Path:
    """Return the path of the log."""
    return canary.watch(made.root / "access.log")


def lines(log: Path) -> list[dict[str, Any]]:
    """Return the lines of the log."""
    text = log.read_text(encoding="ascii")
    assert text.endswith("\n")
    return [json.loads(line) for line in text[:-1].split("\n")]


RENDER = ("render", "-e", "production", "--format", "json", "--no-validate")


def test_lines(made: Project, log: Path, canary: CanaryFactory) -> None:
    """Each key and place that was asked; settings from the environment are no secrets."""
    token = {"API_TOKEN": canary()}
    made.cli(*RENDER, "--access-log", "access.log", env=token, reveals=True, expect=0)
    found = lines(log)
    assert [(one["key"], one["service"], one["store"], one["path"], one["field"], one["outcome"]) for one in found] == [
        ("SECRET_KEY", None, "docker", "secret_key", None, "found"),
        ("API_TOKEN", None, "docker", "api_token", None, "missing"),
        ("API_TOKEN", None, "env", "API_TOKEN", None, "found"),
        ("URL", "web", "docker", "db", "/db/password", "found"),
    ]
    for one in found:
        assert one["schema"] == 1
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", one["time"])
        assert one["environment"] == "production"
        assert one["actor"]["uid"] == os.getuid()
        assert isinstance(one["pid"], int)
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_mode_under_any_umask(made: Project, log: Path) -> None:
    """0600 from the first instant, and no less; a log that is there keeps its mode, and its lines."""
    argv = " ".join(secretsync_argv(["get", "-e", "production", "SECRET_KEY"]))
    env = clean_environment(made.home, {"SECRETSYNC_ACCESS_LOG": str(log)})
    for umask in ("000", "777"):
        command = ["sh", "-c", f"umask {umask}; {argv}"]
        run_command(command, cwd=made.root, env=env, reveals=True, expect=0)
        assert stat.S_IMODE(log.stat().st_mode) == 0o600
        assert len(lines(log)) == 1
        log.unlink()
    log.write_text("")
    log.chmod(0o640)
    run_command(["sh", "-c", argv], cwd=made.root, env=env, reveals=True, expect=0)
    run_command(["sh", "-c", argv], cwd=made.root, env=env, reveals=True, expect=0)
    assert stat.S_IMODE(log.stat().st_mode) == 0o640
    assert len(lines(log)) == 2


def test_commands_that_read_and_those_that_do_not(made: Project, log: Path, canary: CanaryFactory) -> None:
    """Values alone are reads: metadata are not."""
    env = {"SECRETSYNC_ACCESS_LOG": str(log), "API_TOKEN": canary()}
    silent = (["explain"], ["check"], ["check-rotation"], ["track"], ["diff"], ["audit"], ["doctor"])
    for arguments in silent:
        made.cli(*arguments, "-e", "production", env=env)
        assert not log.exists(), arguments
    made.cli("check", "-e", "production", "--fetch", env=env, expect=0)
    assert len(lines(log)) == 4
    made.cli("audit", "-e", "production", "--online", env=env)
    assert len(lines(log)) == 8
    made.cli("get", "-e", "production", "docker:secret_key", env=env, reveals=True, expect=0)
    assert [lines(log)[-1][name] for name in ("key", "path")] == [None, "secret_key"]
    made.cli("get", "-e", "production", "SECRET_KEY", env=env, reveals=True, expect=0)
    assert [lines(log)[-1][name] for name in ("key", "path")] == ["SECRET_KEY", "secret_key"]


@pytest.fixture
def garbled_vault(fault_proxy: Callable[[str], FaultProxy]) -> FaultProxy:
    """Return a server in the place of Vault that answers at once with a web page."""
    proxy = fault_proxy("http://127.0.0.1:1")
    proxy.fail(html())
    return proxy


def test_failures_are_lines_too(made: Project, log: Path, canary: CanaryFactory, garbled_vault: FaultProxy) -> None:
    """A failed read is a line with its outcome."""
    (made.root / "secrets/secret_key").unlink()
    (made.root / "secrets/secret_key").mkdir()
    made.write("env/production/more.env", "V=$<vault:secret/app#key>\n")
    env = {"VAULT_ADDR": garbled_vault.url, "VAULT_TOKEN": canary()}
    made.cli(*RENDER, "--access-log", str(log), env=env, expect=3)
    outcomes = {(one["key"], one["store"]): one["outcome"] for one in lines(log)}
    assert outcomes == {
        ("SECRET_KEY", "docker"): "unusable",
        ("API_TOKEN", "docker"): "missing",
        ("API_TOKEN", "env"): "missing",
        ("URL", "docker"): "found",
        ("V", "vault"): "unavailable",
    }


def test_versions_and_denials_of_vault(project: MakeProject, vault: VaultSpace, canary: CanaryFactory) -> None:
    """The version that was read, also where none was asked for; and that it was denied."""
    mount = vault.kv2()
    for _ in range(2):
        vault.write(mount, "app", {"key": canary()})
    vault.write(mount, "closed", {"key": canary()})
    token = vault.token(vault.policy(f"{mount}/data/app", "sys/internal/ui/mounts/*"))
    text = f"A=$<vault:{mount}/app#key>\nB=$<vault:{mount}/app?version=1#key>\nC=$<vault:{mount}/closed#key>\n"
    made = project({"env/production/security.env": text})
    log = canary.watch(made.root / "access.log")
    env = vault.environ(token)
    made.cli("run", "-e", "production", "--access-log", str(log), "--", "true", env=env, expect=4)
    assert [(one["key"], one["version"], one["outcome"]) for one in lines(log)] == [
        ("A", "2", "found"),
        ("B", "1", "found"),
        ("C", None, "denied"),
    ]


CHILD = """
import json, os, sys
from secretsync import resolve_config
config = resolve_config("production", validate=False)
config["SECRET_KEY"]
print(os.getpid())
"""


def test_the_application_of_run(made: Project, log: Path, canary: CanaryFactory) -> None:
    """The application writes no line, and its environment does not name the log of --access-log."""
    token = {"API_TOKEN": canary()}
    run = ("run", "-e", "production", "--no-validate")
    done = made.cli(*run, "--", sys.executable, "-c", CHILD, env={**token, "SECRETSYNC_ACCESS_LOG": str(log)}, expect=0)
    assert {one["pid"] for one in lines(log)} == {int(done.stdout)}
    assert len(lines(log)) == 4
    # Where the application may not write the log: it reads nothing, and says nothing.
    show = "env | grep ACCESS_LOG; ls -l /proc/self/fd"
    done = made.cli(*run, "--access-log", str(log), "--", "sh", "-c", show, env=token, expect=0)
    assert "access" not in done.stdout.lower()
    assert len(lines(log)) == 8


def test_the_library(
    made: Project, log: Path, canary: CanaryFactory, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """`resolve_config` heeds the variable, `refresh` too; a log that cannot be written is a warning."""
    monkeypatch.setenv("SECRETSYNC_ACCESS_LOG", str(log))
    monkeypatch.setenv("API_TOKEN", canary())
    monkeypatch.chdir(made.root)
    config = resolve_config("production", validate=False)
    config.refresh()
    assert len(lines(log)) == 8
    log.unlink()
    log.mkdir()
    with caplog.at_level(logging.WARNING, "secretsync"):
        assert resolve_config("production", validate=False)["LEVEL"] == "INFO"
    (record,) = caplog.records
    assert record.getMessage() == f"{log}: the access log cannot be written: Is a directory"
    log.rmdir()
    config.refresh()  # it is tried again each time
    assert len(lines(log)) == 4


def spoil(kind: str, made: Project, log: Path) -> None:
    """Make `log` something that nobody should write to."""
    if kind == "link":
        log.symlink_to(made.write("precious", "mine"))
    elif kind == "fifo":
        os.mkfifo(log)
    elif kind == "folder":
        log.mkdir()
    elif kind == "no folder":
        log.parent.rmdir()


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        ("link", "it is a symbolic link"),
        ("fifo", "it is not a regular file"),
        ("folder", "Is a directory"),
        ("no folder", "No such file or directory"),
    ],
)
def test_a_log_that_cannot_be_written(made: Project, canary: CanaryFactory, kind: str, cause: str) -> None:
    """A warning; with --require-access-log status 6 before any store is asked, and nothing is rendered or started."""
    folder = made.root / "logs"
    folder.mkdir()
    log = folder / "access.log"
    spoil(kind, made, log)
    env = {"API_TOKEN": canary(), "SECRETSYNC_ACCESS_LOG": str(log)}
    done = made.cli(*RENDER, env=env, reveals=True, expect=0)
    assert f"secretsync: warning: {log}: the access log cannot be written: {cause}\n" in done.stderr
    assert "SECRET_KEY" in done.stdout
    for arguments in (RENDER, ("run", "-e", "production", "--no-validate"), ("get", "-e", "production", "SECRET_KEY")):
        end = ("--", "touch", "started") if arguments[0] == "run" else ()
        failed = made.cli(*arguments, "--require-access-log", *end, env=env, expect=6)
        assert f"{log}: the access log cannot be written: {cause}; nothing is resolved without it" in failed.stderr
        assert failed.stdout == ""
    assert not (made.root / "started").exists()
    if kind == "link":
        assert made.read("precious") == "mine"


def test_required_means_before_the_stores_are_asked(made: Project, tmp_path: Path, garbled_vault: FaultProxy) -> None:
    """Nobody connects to the store where the log cannot be opened; without --require-access-log somebody does."""
    made.write("env/production/more.env", "V=$<vault:secret/app#key>\n")
    env = {"VAULT_ADDR": garbled_vault.url, "VAULT_TOKEN": "x", "SECRETSYNC_ACCESS_LOG": str(tmp_path)}
    made.cli(*RENDER, "--require-access-log", env=env, expect=6)
    assert garbled_vault.requests.connections == 0
    made.cli(*RENDER, env=env, expect=3)
    assert garbled_vault.requests.connections > 0


def test_required_and_not_named(made: Project) -> None:
    """Status 2: nobody would ever see the lines. An empty name is none."""
    assert "no access log is named" in made.cli(*RENDER, "--require-access-log", expect=2).stderr
    assert "its value is empty" in made.cli(*RENDER, "--access-log", "", expect=2).stderr
    empty = {"SECRETSYNC_ACCESS_LOG": ""}
    made.cli("get", "-e", "production", "SECRET_KEY", env=empty, reveals=True, expect=0)


def test_a_disk_that_is_full_by_then(made: Project, log: Path, canary: CanaryFactory) -> None:
    """The log can be opened and not be written: required, the secrets that were read go nowhere."""
    env = clean_environment(made.home, {"API_TOKEN": canary(), "SECRETSYNC_ACCESS_LOG": str(log)})

    def limited(*arguments: str, **options: Any) -> Any:
        command = f"ulimit -f 0; exec {' '.join(secretsync_argv(arguments))}"
        return run_command(["sh", "-c", command], cwd=made.root, env=env, **options)

    failed = limited(*RENDER, "--require-access-log", expect=6)
    assert "the access log cannot be written: File too large" in failed.stderr
    assert failed.stdout == ""
    assert "warning: " in limited(*RENDER, reveals=True, expect=0).stderr
    assert log.read_bytes() == b""


def test_a_line_that_was_cut(made: Project, log: Path) -> None:
    """A truncated line stays alone; the next line begins on a new line."""
    log.write_text('{"schema": 1, "ti')
    made.cli("get", "-e", "production", "SECRET_KEY", "--access-log", "access.log", reveals=True, expect=0)
    cut, line, end = log.read_text().split("\n")
    assert cut == '{"schema": 1, "ti'
    assert json.loads(line)["key"] == "SECRET_KEY"
    assert end == ""


def test_many_writers(made: Project, log: Path) -> None:
    """Processes that append at the same time lose nothing and tear nothing."""
    argv = secretsync_argv(["get", "-e", "production", "SECRET_KEY", "--access-log", str(log)])
    script = 'for n in 1 2 3 4 5; do "$@" >/dev/null || exit 1; done'
    env = clean_environment(made.home)
    running = [subprocess.Popen(["sh", "-c", script, "sh", *argv], cwd=made.root, env=env) for _ in range(6)]
    assert [process.wait(HANG) for process in running] == [0] * 6
    assert len(lines(log)) == len({one["pid"] for one in lines(log)}) == 30


RESOLVES = """
import sys
from secretsync import resolve_config
for _ in range(100):
    resolve_config("test", root=sys.argv[1])
"""


def test_many_lines_at_once(project: MakeProject, canary: CanaryFactory) -> None:
    """10,000 lines of two processes, by fifty: no line is torn, lost or empty, wherever the other one is writing."""
    entries = "".join(f"KEY_{number}=$<docker:secret>\n" for number in range(50))
    bindings = "[stores.docker]\ndir = 'secrets'\n"
    made = project({"env/test/common.env": entries, "providers/test.toml": bindings, "secrets/secret": canary()})
    log = canary.watch(made.root / "access.log")
    env = {**clean_environment(made.home), "SECRETSYNC_ACCESS_LOG": str(log)}
    argv = [sys.executable, "-c", RESOLVES, str(made.root)]
    running = [subprocess.Popen(argv, cwd=made.root, env=env) for _ in range(2)]
    assert [process.wait(HANG) for process in running] == [0, 0]
    whole = [(one["pid"], one["key"]) for one in lines(log)]
    assert Counter(Counter(whole).values()) == {100: 100}
    blocks = [whole[start : start + 50] for start in range(0, len(whole), 50)]
    assert all(len({pid for pid, _ in block}) == 1 for block in blocks)


def test_a_log_that_somebody_locked(made: Project, log: Path) -> None:
    """A lock of another process delays neither reads nor lines."""
    log.touch()
    with log.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        made.cli("get", "-e", "production", "SECRET_KEY", "--access-log", "access.log", reveals=True, expect=0)
    assert [one["key"] for one in lines(log)] == ["SECRET_KEY"]


def test_standard_error(made: Project, canary: CanaryFactory) -> None:
    """For containers, whose logs are collected from there."""
    done = made.cli(
        *RENDER,
        "--access-log",
        "/dev/stderr",
        "--require-access-log",
        env={"API_TOKEN": canary()},
        reveals=True,
        expect=0,
    )
    assert len([json.loads(line) for line in done.stderr.split("\n") if line.startswith("{")]) == 4


def test_a_log_of_somebody_else(made: Project, log: Path) -> None:
    """A log of another owner in a shared directory is refused, because the owner could read it."""
    if os.geteuid() != 0:
        pytest.skip("needs root, which is not here")
    log.write_text("")
    os.chown(log, 12345, -1)
    done = made.cli("get", "-e", "production", "SECRET_KEY", "--access-log", "access.log", reveals=True, expect=0)
    assert "the access log cannot be written: it belongs to another user" in done.stderr
    assert log.read_text() == ""


HOSTILE = st.text(st.sampled_from('a\n\r\x1b\x00\x7f\x85\x9b\u2028\u202e\ud800"\\{}é漢'), max_size=8)


@given(
    names=st.lists(HOSTILE, min_size=6, max_size=6),
    hint=HOSTILE,
    outcome=st.sampled_from(["found", "missing", "denied", "unusable", "unavailable"]),
)
def test_whatever_is_in_a_name(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], hint: str, outcome: str
) -> None:
    """One line of ASCII without control characters, which says exactly what the name was, and never the value."""
    path = tmp_path_factory.getbasetemp() / f"hostile-{os.getpid()}.log"
    path.unlink(missing_ok=True)
    key, environment, secret, field, version, store = names
    target = Target(SecretRef(store, secret), Selector(field=field), "shown", is_bound=True)
    answer: Any = {
        "found": Found(Payload(make_canary(), version=version)),
        "missing": Missing(make_canary()),
    }.get(outcome) or Failed(ProblemKind(outcome), make_canary())
    read = Read(
        part=SecretPart("written", (target,), None, None, 0),
        key=key,
        service=None,
        environment=environment,
        is_secret=True,
    )
    log = AccessLog(str(path), {"GITHUB_ACTOR": hint}, warn=pytest.fail, is_required=True)
    log.prepare([read])
    log.write([read], Answers({target.ref: answer}))
    data = path.read_bytes()
    assert data.endswith(b"\n")
    assert all(0x20 <= byte < 0x7F for byte in data[:-1])
    assert b"c4n4ry" not in data
    said = json.loads(data)
    assert (said["key"], said["environment"], said["path"], said["field"]) == (key, environment, secret, field)
    assert said["version"] == ((version or None) if outcome == "found" else None)
    assert said["outcome"] == outcome
    assert said["actor"].get("GITHUB_ACTOR", "") == hint
