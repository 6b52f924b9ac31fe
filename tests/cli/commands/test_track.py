"""`secretsync track` as a process: what it records, and that nothing of its file is ever lost."""

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from secretsync.tracking.history import DamagedError, parse_history
from secretsync.tracking.history_file import read_history
from tests.support.canary import CanaryFactory
from tests.support.limits import HANG
from tests.support.processes import clean_environment, run_command, secretsync_argv
from tests.support.projects import MakeProject, Project
from tests.support.tools import needs_tool

HISTORY = ".secretsync/history/production.json"
FILES = {
    "env/production/common.env": "LOG_LEVEL=INFO\nGREETING=hello ${LOG_LEVEL}\n",
    "env/production/security.env": "SECRET_KEY=$<SECRET_KEY>\nDOOR_PIN=5\n",
    "env/production/web.env": "PORT=80\n",
    "env/staging/common.env": "LOG_LEVEL=DEBUG\n",
    "providers/production.toml": "[stores.docker]\ndir = 'secrets'\n[secrets]\nSECRET_KEY = 'docker:secret_key'\n",
}


@pytest.fixture
def made(project: MakeProject, canary: CanaryFactory) -> Project:
    """Return an environment with settings, a secret in a file, a masked setting and a service."""
    made = project({**FILES, "secrets/secret_key": canary()})
    for name in (".secretsync", "env"):
        canary.watch(made.root / name)
    return made


def records(made: Project, name: str = HISTORY) -> list[dict[str, Any]]:
    """Return the records of a history file."""
    document = json.loads(made.read(name))
    assert document["schema"] == 1
    found: list[dict[str, Any]] = document["records"]
    return found


def entries(record: dict[str, Any]) -> dict[str, Any]:
    """Return the entries of a record, by key."""
    return {entry["key"]: entry for entry in record["entries"]}


def test_a_record(made: Project) -> None:
    """Keys, services, files, text of settings, references; when, who and why; nothing of a secret."""
    done = made.cli("track", "-e", "production", "--message", "release 42", expect=0)
    assert done.stdout.startswith("production: recorded at ")
    assert done.stdout.endswith(": 5 entries, 1 reference; the first record\n")
    assert done.stderr == ""
    (record,) = records(made)
    assert record["message"] == "release 42"
    assert record["actor"]["uid"] == os.getuid()
    assert record["commit"] is None
    assert not record["offline"]
    assert record["time"].endswith("Z")
    found = entries(record)
    assert found["GREETING"] == {
        "key": "GREETING",
        "service": None,
        "file": "common.env",
        "value": "hello ${LOG_LEVEL}",
        "sources": [],
    }
    assert found["PORT"]["service"] == "web"
    assert found["DOOR_PIN"]["value"] is None  # a sensitive name: whatever it says
    assert found["SECRET_KEY"]["sources"] == [
        {"references": ["docker:secret_key"], "answer": "docker:secret_key", "version": None, "status": "found"}
    ]
    assert record["stores"] == [{"name": "docker", "provider": "docker", "settings": {"dir": "secrets"}}]


def test_modes(made: Project) -> None:
    """The folder and the file are ours alone, whatever the umask says."""
    argv = " ".join(secretsync_argv(["track", "-e", "production"]))
    run_command(["sh", "-c", f"umask 000; {argv}"], cwd=made.root, env=clean_environment(made.home), expect=0)
    assert stat.S_IMODE((made.root / HISTORY).stat().st_mode) == 0o600
    assert stat.S_IMODE((made.root / HISTORY).parent.stat().st_mode) == 0o700


def test_what_has_not_changed_is_no_record(made: Project) -> None:
    """Said, and left; --always records it all the same."""
    made.cli("track", "-e", "production", expect=0)
    before = made.read(HISTORY)
    done = made.cli("track", "-e", "production", expect=0)
    assert "nothing has changed since" in done.stdout
    assert made.read(HISTORY) == before
    # A line further down is the same entry.
    made.write("env/production/common.env", "# a comment\n\n" + FILES["env/production/common.env"])
    made.cli("track", "-e", "production", expect=0)
    assert made.read(HISTORY) == before
    told = json.loads(made.cli("track", "-e", "production", "--format", "json", expect=0).stdout)
    assert not told["recorded"]
    assert not any(told["changes"].values())
    made.cli("track", "-e", "production", "--always", expect=0)
    assert len(records(made)) == 2


def test_the_last_ten_are_kept(made: Project) -> None:
    """Or as many as --keep says."""
    for number in range(12):
        made.write("env/production/web.env", f"PORT={number}\n")
        made.cli("track", "-e", "production", "-q", expect=0)
    kept = [entries(record)["PORT"]["value"] for record in records(made)]
    assert kept == [str(number) for number in range(2, 12)]
    made.write("env/production/web.env", "PORT=x\n")
    done = made.cli("track", "-e", "production", "--keep", "3", expect=0)
    assert done.stdout.endswith("1 changed\n")
    assert [entries(record)["PORT"]["value"] for record in records(made)] == ["10", "11", "x"]
    listed = made.cli("track", "-e", "production", "--list", expect=0).stdout.split("\n")
    assert [line.split()[0] for line in listed if line] == ["RECORD", "HEAD", "HEAD~1", "HEAD~2"]
    assert len(json.loads(made.cli("track", "-e", "production", "--list", "--format", "json").stdout)["records"]) == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--keep", "0"], "it must be a number from 1"),
        (["--keep", "x"], "it must be a number from 1"),
        (["--message", "x" * 1001], "1000 characters"),
        (["--history", "-"], "--history names a file"),
        (["--service", "web"], "there is no option of this name"),
    ],
)
def test_wrong_calls(made: Project, arguments: list[str], said: str) -> None:
    """Status 2, and no file."""
    assert said in made.cli("track", "-e", "production", *arguments, expect=2).stderr
    assert not (made.root / ".secretsync").exists()


def test_env_files_name_their_history(made: Project) -> None:
    """Without an environment there is no place for one; a history is of what it was begun with."""
    files = ["--env-file", "env/production/common.env"]
    assert "name one: --history FILE" in made.cli("track", *files, expect=2).stderr
    made.cli("track", *files, "--history", "mine.json", expect=0)
    assert [entry["file"] for entry in records(made, "mine.json")[0]["entries"]] == ["env/production/common.env"] * 2
    failed = made.cli("track", "-e", "staging", "--history", "mine.json", expect=2)
    assert "this history is one of env/production/common.env, and staging was asked for" in failed.stderr
    made.cli("diff", *files, "--history", "mine.json", "--exit-code", expect=0)


def test_git(made: Project) -> None:
    """The commit is recorded, and whether the files differ from it; a hook's GIT_DIR does not mislead."""
    env = clean_environment(made.home, {"GIT_CONFIG_GLOBAL": "/dev/null"})
    git = [needs_tool("git"), "-c", "user.name=x", "-c", "user.email=x@example.com"]
    for arguments in (["init", "-q"], ["add", "env", "providers"], ["commit", "-q", "-m", "x"]):
        run_command([*git, *arguments], cwd=made.root, env=env, expect=0)
    head = run_command([*git, "rev-parse", "HEAD"], cwd=made.root, env=env, expect=0).stdout.strip()
    made.cli("track", "-e", "production", env={"GIT_DIR": "/nowhere"}, expect=0)
    made.write("env/production/web.env", "PORT=81\n")
    made.cli("track", "-e", "production", expect=0)
    assert [(record["commit"], record["uncommitted"]) for record in records(made)] == [(head, False), (head, True)]
    assert f"{head[:10]}+" in made.cli("track", "-e", "production", "--list", expect=0).stdout


def test_actors_of_ci_are_claims_on_one_line(made: Project) -> None:
    """The user id is the kernel's; what variables say stands beside it, and forges no line."""
    env = {"GITHUB_ACTOR": "eve\nHEAD~9  \x1b[31mforged", "SUDO_USER": "alice"}
    made.cli("track", "-e", "production", env=env, expect=0)
    assert records(made)[0]["actor"]["GITHUB_ACTOR"] == env["GITHUB_ACTOR"]
    listed = made.cli("track", "-e", "production", "--list", expect=0).stdout
    assert len(listed.split("\n")) == 3
    assert "\x1b" not in listed
    assert "SUDO_USER=alice, GITHUB_ACTOR=eve\\nHEAD~9" in listed


def test_a_store_that_does_not_answer_leaves_no_record(made: Project) -> None:
    """A state with holes would look like one that is known: status 5; --offline records what the files say."""
    made.write("providers/production.toml", "[secrets]\nSECRET_KEY = 'vault:secret/app#key'\n")
    env = {"VAULT_ADDR": "http://127.0.0.1:1", "VAULT_TOKEN": "x"}
    failed = made.cli("track", "-e", "production", "--timeout", "2s", env=env, expect=5)
    assert "env/production/security.env:1:12: SECRET_KEY: vault:secret/app#key" in failed.stderr
    assert "nothing was recorded; --offline records the files" in failed.stderr
    assert not (made.root / HISTORY).exists()
    done = made.cli("track", "-e", "production", "--offline", expect=0)
    assert "offline, without versions; the first record" in done.stdout
    (record,) = records(made)
    assert record["offline"]
    (source,) = entries(record)["SECRET_KEY"]["sources"]
    assert source == {"references": ["vault:secret/app#key"], "answer": None, "version": None, "status": None}
    failed = made.cli("diff", "-e", "production", "--timeout", "2s", env=env, expect=5)
    assert "--offline compares the files" in failed.stderr


def test_versions_after_an_offline_record_are_news(made: Project) -> None:
    """Nothing differs, and more is known: that is a record. The other way round it is none."""
    made.cli("track", "-e", "production", "--offline", expect=0)
    assert "no change" in made.cli("track", "-e", "production", expect=0).stdout
    assert "nothing has changed" in made.cli("track", "-e", "production", "--offline", expect=0).stdout
    assert [record["offline"] for record in records(made)] == [True, False]


def test_that_a_secret_is_gone_is_a_state(made: Project) -> None:
    """A missing secret is recorded as missing; an unreadable policy is an error, because it names secrets."""
    (made.root / "secrets/secret_key").unlink()
    made.cli("track", "-e", "production", expect=0)
    assert entries(records(made)[0])["SECRET_KEY"]["sources"][0]["status"] == "missing"
    made.write("env/production/policy.toml", "sensitive = 1\n")
    failed = made.cli("track", "-e", "production", expect=2)
    assert "env/production/policy.toml:1: sensitive" in failed.stderr


def test_names_that_the_policy_calls_sensitive(made: Project) -> None:
    """Their text is not recorded."""
    made.write("env/production/policy.toml", "sensitive = ['GREETING']\n")
    made.cli("track", "-e", "production", expect=0)
    found = entries(records(made)[0])
    assert found["GREETING"]["value"] is None
    assert found["LOG_LEVEL"]["value"] == "INFO"


DAMAGED = {
    "": "is empty",
    "{": "is not JSON",
    "[]": "has no records in it",
    '{"schema": 1}': "has no records in it",
    '{"schema": 2, "environment": "production", "records": []}': "has another schema than 1",
    '{"schema": 1, "environment": "production", "records": [1]}': "has a part without its 'time'",
    '{"schema": 1, "environment": "production", "records": {}}': "has a part without its 'records'",
    '{"schema": 1, "environment": "production", "records": [{"time": "x", "actor": {}}]}': (
        "has a record without a valid time or actor"
    ),
    "[" * 100_000: "is nested too deeply",
    "\ud800": "is not UTF-8",
}


@pytest.mark.parametrize("text", DAMAGED, ids=list(DAMAGED.values()))
def test_a_damaged_history_is_never_written_over(made: Project, text: str) -> None:
    """`track` and `diff` report a damaged history and do not change the file."""
    data = text.encode("utf-8", "surrogatepass")
    made.write(HISTORY, data)
    for command in ("track", "diff"):
        failed = made.cli(command, "-e", "production", expect=2)
        assert f"{HISTORY}: this history {DAMAGED[text]}" in failed.stderr
        assert "put it back from a backup, or move it away" in failed.stderr
    assert (made.root / HISTORY).read_bytes() == data


def test_any_cut_is_damage(made: Project) -> None:
    """A truncated history is damaged at every length, and never a shorter history."""
    made.cli("track", "-e", "production", expect=0)
    whole = (made.root / HISTORY).read_bytes().rstrip()
    assert parse_history(whole.decode())
    for end in range(0, len(whole), 7):
        with pytest.raises(DamagedError):
            parse_history(whole[:end].decode())


def test_links_and_folders_are_refused(made: Project) -> None:
    """Nothing is written through a link, neither the history nor its lock."""
    made.write("precious", "mine")
    folder = made.root / ".secretsync/history"
    folder.mkdir(parents=True)
    lock = folder / "production.json.lock"
    lock.symlink_to(made.root / "precious")
    failed = made.cli("track", "-e", "production", expect=6)
    assert "its lock is a symbolic link" in failed.stderr
    lock.unlink()
    lock.mkdir()
    made.cli("track", "-e", "production", expect=6)
    lock.rmdir()
    os.mkfifo(lock)
    assert "its lock is no file" in made.cli("track", "-e", "production", expect=6).stderr
    lock.unlink()
    made.cli("track", "-e", "production", expect=0)
    (folder / "production.json").rename(made.root / "elsewhere.json")
    (folder / "production.json").symlink_to(made.root / "elsewhere.json")
    made.write("env/production/web.env", "PORT=82\n")
    failed = made.cli("track", "-e", "production", expect=6)
    assert "it is a symbolic link" in failed.stderr
    assert len(records(made, "elsewhere.json")) == 1
    assert made.read("precious") == "mine"


def test_a_folder_that_cannot_be_written(made: Project) -> None:
    """Status 6, with the way out."""
    made.write(".secretsync", "a file")
    failed = made.cli("track", "-e", "production", expect=6)
    assert "it cannot be written" in failed.stderr
    assert "--history names another file" in failed.stderr


def test_many_writers_lose_nothing(made: Project) -> None:
    """Eight processes, four records each, at once: every one of them is there, and the file is whole."""
    script = 'for n in 1 2 3 4; do "$@" --message "$W-$n" || exit 1; done'
    argv = secretsync_argv(["track", "-e", "production", "--always", "--keep", "100", "-q", "--offline"])
    running = [
        subprocess.Popen(
            ["sh", "-c", script, "sh", *argv],
            cwd=made.root,
            env=clean_environment(made.home, {"W": str(writer)}),
            stderr=subprocess.PIPE,
        )
        for writer in range(8)
    ]
    for process in running:
        _, said = process.communicate(timeout=HANG)
        assert process.returncode == 0, said
    found = records(made)
    assert {record["message"] for record in found} == {f"{w}-{n}" for w in range(8) for n in range(1, 5)}
    assert len(found) == 32
    for writer in range(8):  # each in its order
        own = [record["message"] for record in found if record["message"].startswith(f"{writer}-")]
        assert own == sorted(own)
    times = [record["time"] for record in found]
    assert times == sorted(times)


# A writer that is killed at any moment: each record it says it wrote is there, and the file is whole.
WRITER = """
import sys
from datetime import UTC, datetime
from secretsync.tracking.history import EntryState, EnvironmentState, HistoryRecord
from secretsync.tracking.history_file import append_record
path = sys.argv[1]
state = EnvironmentState(
    environment="test",
    entries=tuple(EntryState(key=f"K{n}", service=None, file="common.env", value="x" * 100) for n in range(50)),
)
def make(records):
    number = int(records[-1].message) + 1 if records else 0
    made.append(number)
    return HistoryRecord(time=datetime.now(UTC), state=state, actor={"uid": 0}, message=str(number))
while True:
    made = []
    append_record(path, "test", path, make, keep=10)
    print(made[0], flush=True)
"""


def test_killed_at_any_moment(tmp_path: Path) -> None:
    """Kill -9 while it writes: the old history or the new one, never a part; a dead process holds no lock."""
    path = str(tmp_path / "history.json")
    last = -1
    for lines in [*range(1, 13), 1, 2, 3]:
        writer = subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        said = [int(writer.stdout.readline()) for _ in range(lines)]
        writer.send_signal(signal.SIGKILL)
        said += [int(line) for line in writer.stdout]
        writer.wait()
        writer.stdout.close()
        found = [int(record.message or "") for record in read_history(path, "test", path)]
        assert found == list(range(max(0, found[-1] - 9), found[-1] + 1))
        assert said == list(range(last + 1, said[-1] + 1))
        assert found[-1] in (said[-1], said[-1] + 1)  # it may have been killed before it could say so
        last = found[-1]
