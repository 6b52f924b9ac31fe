"""Histories of earlier versions, which recorded values that may be secrets."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.canary import CanaryFactory, find_leaks
from tests.support.projects import MakeProject, Project

HISTORY = ".secretsync/history/production.json"


def entry(key: str, value: str | None, *, file: str = "common.env", sources: int = 0) -> dict[str, Any]:
    """Return an entry of a recorded state."""
    source = {"references": ["env:X"], "answer": None, "version": None, "status": None}
    return {"key": key, "service": None, "file": file, "value": value, "sources": [source] * sources}


def record(time: str, entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a record as an earlier version wrote it."""
    return {
        "time": time,
        "actor": {"uid": 1},
        "message": None,
        "commit": None,
        "uncommitted": False,
        "offline": True,
        "entries": entries,
        "stores": [],
    }


@pytest.fixture
def old(project: MakeProject, canary: CanaryFactory) -> Project:
    """Return a project and a history with values of names of several forms, in two records."""
    secret = canary()
    made = project(
        {
            "env/production/common.env": f"DB_PASS={secret}\nLOG_LEVEL=INFO\nMAX_TOKENS=4096\n",
            "env/production/policy.toml": 'sensitive = ["DOOR_CODE"]\n',
        }
    )
    entries = [
        entry("DB_PASS", secret),
        entry("DOOR_CODE", secret),
        entry("LEVEL", f"$<LEVEL:-{secret}>", sources=1),
        entry("PART", secret),
        entry("PART_PWD", "${PART}"),
        entry("QUOTED", f"$<docker:x:-{secret}>"),
        entry("REGION", f"${{REGION:-{secret}}}", file="security.env"),
        entry("LOG_LEVEL", "$<env:LOG_LEVEL:-INFO>", sources=1),
        entry("MAX_TOKENS", "4096"),
        entry("DB_URL", "postgresql://app:$<PW>@db/app", sources=1),
    ]
    records = [record(f"2026-11-2{day}T08:00:00Z", entries) for day in (1, 2)]
    made.write(HISTORY, json.dumps({"schema": 1, "environment": "production", "records": records}), mode=0o600)
    return made


REMOVED = "DB_PASS, DOOR_CODE, LEVEL, PART, QUOTED, REGION"


def values(made: Project, index: int = -1) -> dict[str, str | None]:
    """Return the recorded texts of a record, by key."""
    document = json.loads(made.read(HISTORY))
    return {entry["key"]: entry["value"] for entry in document["records"][index]["entries"]}


def test_purge(old: Project) -> None:
    """Values that may be secrets are removed from every record; the message names keys and no value."""
    assert find_leaks(old.read(HISTORY))
    done = old.cli("track", "-e", "production", "--purge", expect=0)
    assert f"{HISTORY}: an earlier version of SecretSync recorded values" in done.stderr
    assert f"removed now: {REMOVED}; rotate them" in done.stderr
    assert "the values of 6 keys removed" in done.stdout
    assert not find_leaks(old.read(HISTORY))
    for index in (0, 1):
        kept = {key: value for key, value in values(old, index).items() if value is not None}
        assert kept == {
            "PART_PWD": "${PART}",
            "LOG_LEVEL": "$<env:LOG_LEVEL:-INFO>",
            "MAX_TOKENS": "4096",
            "DB_URL": "postgresql://app:$<PW>@db/app",
        }
    assert len(json.loads(old.read(HISTORY))["records"]) == 2
    assert (old.root / HISTORY).stat().st_mode & 0o777 == 0o600


def test_purging_again_changes_nothing(old: Project) -> None:
    """The second time nothing is written, and there is no warning."""
    old.cli("track", "-e", "production", "--purge", expect=0)
    before = (old.root / HISTORY).stat()
    done = old.cli("track", "-e", "production", "--purge", expect=0)
    after = (old.root / HISTORY).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert done.stderr == ""
    assert "no value had to be removed" in done.stdout


def test_the_next_record_purges(old: Project) -> None:
    """`track` removes the values by itself, also with --quiet, and records."""
    done = old.cli("track", "-e", "production", "-q", expect=0)
    assert f"removed now: {REMOVED}; rotate them" in done.stderr
    assert not find_leaks(old.read(HISTORY))
    assert len(json.loads(old.read(HISTORY))["records"]) == 3
    done = old.cli("track", "-e", "production", expect=0)
    assert done.stderr == ""
    assert "nothing has changed" in done.stdout


def test_a_record_that_fails_purges(old: Project) -> None:
    """A secret in a history does not wait for a store that answers."""
    old.write("env/production/security.env", "A=$<vault:secret/a#b>\n")
    old.write("providers/production.toml", "[stores.vault]\naddress = 'http://127.0.0.1:9'\n")
    done = old.cli("track", "-e", "production", "--timeout", "2s")
    assert done.status != 0
    assert "rotate them" in done.stderr
    assert not find_leaks(old.read(HISTORY))


def test_other_files_are_named(old: Project, tmp_path: Path) -> None:
    """Archives and saved audits of the project are named; other files are not."""
    named = [
        "backups/secretsync-20261121T080000Z.tar.gz",
        "audits/audit-production-20261121T080000Z.json",
        "audit-all-20261121T080000Z-2.json",
    ]
    for name in (*named, "audits/other.json", "backups/notes.tar.gz"):
        old.write(name, "{}")
    os.symlink(tmp_path, old.root / "link")
    done = old.cli("track", "-e", "production", "--purge", "--format", "json", expect=0)
    document = json.loads(done.stdout)
    assert document["purged"] == REMOVED.split(", ")
    assert document["other_files"] == sorted(named)
    assert all(name in done.stderr for name in named)
    assert "other.json" not in done.stderr + done.stdout


@pytest.mark.parametrize(
    "arguments", [("track", "--list", "--format", "json"), ("diff", "HEAD~1", "HEAD"), ("diff", "HEAD")]
)
def test_reading_an_old_history_shows_no_secret(old: Project, arguments: tuple[str, ...]) -> None:
    """Before a purge too: the run fails if a secret is printed."""
    name, *rest = arguments
    done = old.cli(name, "-e", "production", *rest, expect=0)
    assert "4096" in done.stdout or name == "diff"


def test_a_damaged_history_is_left_as_it_is(old: Project) -> None:
    """A history that cannot be read is an error."""
    old.write(HISTORY, "{}")
    old.cli("track", "-e", "production", "--purge", expect=2)
    assert old.read(HISTORY) == "{}"


def test_without_a_history(old: Project) -> None:
    """Nothing is created."""
    (old.root / HISTORY).unlink()
    old.cli("track", "-e", "production", "--purge", expect=0)
    assert not (old.root / HISTORY).exists()


def test_purge_and_list_exclude_each_other(old: Project) -> None:
    """`--purge` and `--list` together are a usage error."""
    old.cli("track", "-e", "production", "--purge", "--list", expect=2)
