"""`secretsync explain`: where each value comes from, masked."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.providers.plugin.fixtures import RequestLog
from tests.support.canary import CanaryFactory
from tests.support.projects import MakeProject, Project

Values = Callable[[Mapping[str, str]], Path]


@pytest.fixture
def shop(project: MakeProject, probe_values: Values, requests: RequestLog, canary: CanaryFactory) -> Project:
    """Create settings, secrets of each kind and a service."""
    settings = f'log = "{requests.path}"\nvalues = "{probe_values({"x": canary()})}"\n'
    return project(
        {
            "env/test/common.env": "PORT=8000\nLEVEL=$<env:LEVEL:-INFO>\nPLACE=$<env:PLACE>\nAPI_TOKEN=$<env:TOKEN>\n",
            "env/test/security.env": "# the key\nSECRET_KEY=$<probe:x>\nGONE=$<probe:gone>\nDENIED=$<probe:deny/a>\n",
            "env/test/web.env": "URL=x:${SECRET_KEY}@${PLACE}\nPORT=9000\n"
            "PLAIN_PASSWORD=typed\nPLAIN_URL=x:${PLAIN_PASSWORD}@\n",
            "providers/test.toml": f"[stores.probe]\n{settings}",
        }
    )


def test_the_table(shop: Project, plugin: Path, canary: CanaryFactory, requests: RequestLog) -> None:
    """Each entry with its value or a mask, its place, and its origins; failures are shown, status 0."""
    env = {"TOKEN": canary(), "PLACE": "here"}
    shown = shop.cli("explain", "-e", "test", sys_path=[plugin], env=env, expect=0)
    rows = {tuple(line.split()[:2]): line.split(maxsplit=4)[2:] for line in shown.stdout.split("\n")[2:] if line}
    assert rows["SERVICE", "KEY"] == ["VALUE", "FILE", "FROM"]
    assert rows["-", "PORT"] == ["8000", "env/test/common.env:1", "written there"]
    assert rows["-", "LEVEL"] == ["INFO", "env/test/common.env:2", "default (env:LEVEL is missing)"]
    assert rows["-", "PLACE"] == ["here", "env/test/common.env:3", "env:PLACE"]
    assert rows["-", "API_TOKEN"] == ["********", "env/test/common.env:4", "env:TOKEN"]
    assert rows["-", "SECRET_KEY"][:2] == ["********", "env/test/security.env:2"]
    assert rows["-", "SECRET_KEY"][2].startswith("probe:x (version ")
    assert rows["web", "URL"][0] == "********"
    assert "probe:x" in rows["web", "URL"][2]
    assert rows["web", "PORT"][:2] == ["9000", "env/test/web.env:2"]
    assert rows["web", "PLAIN_PASSWORD"][0] == "********"
    assert rows["web", "PLAIN_URL"] == ["********", "env/test/web.env:4", "written there"]
    assert rows["-", "DENIED"] == ["********", "env/test/security.env:4", "probe:deny/a DENIED"]
    assert "probe:gone MISSING" in shown.stdout
    assert "fetch" not in requests.wait()


def test_the_document(shop: Project, plugin: Path) -> None:
    """The JSON document has a schema, sorted rows and no value."""
    shown = shop.cli("explain", "-e", "test", "--format", "json", sys_path=[plugin], expect=0)
    document = json.loads(shown.stdout)
    assert list(document) == ["schema", "project", "environment", "entries"]
    assert (document["schema"], document["environment"]) == (1, "test")
    entries = document["entries"]
    order = [(entry["service"] or "", entry["key"]) for entry in entries]
    assert order == sorted(order)
    assert all(list(entry) == ["key", "service", "file", "line", "secret", "origins"] for entry in entries)
    by_key = {(entry["service"], entry["key"]): entry for entry in entries}
    assert by_key[None, "SECRET_KEY"]["secret"] is True
    assert by_key[None, "PORT"] == {
        "key": "PORT",
        "service": None,
        "file": "env/test/common.env",
        "line": 1,
        "secret": False,
        "origins": [],
    }
    (origin,) = by_key[None, "SECRET_KEY"]["origins"]
    assert origin["version"]
    assert {**origin, "version": None} == {
        "reference": "probe:x",
        "store": "probe",
        "provider": "probe",
        "version": None,
        "status": "found",
    }
    (gone,) = by_key[None, "GONE"]["origins"]
    assert gone["status"] == "missing"
    assert "8000" not in shown.stdout


def test_one_key(shop: Project, plugin: Path) -> None:
    """One key is explained in each scope that has it; an unknown key is status 2 with the nearest key."""
    document = json.loads(
        shop.cli("explain", "PORT", "-e", "test", "--format", "json", sys_path=[plugin], expect=0).stdout
    )
    assert [(entry["service"], entry["line"]) for entry in document["entries"]] == [(None, 1), ("web", 2)]
    failed = shop.cli("explain", "PROT", "-e", "test", sys_path=[plugin], expect=2)
    assert "has no key PROT; did you mean PORT?" in failed.stderr
    failed = shop.cli("explain", "a\nb\x1b[1m", "-e", "test", sys_path=[plugin], expect=2)
    assert failed.stderr.count("\n") == 1
    assert "\x1b" not in failed.stderr


def test_values_of_several_lines_stay_on_one(project: MakeProject) -> None:
    """Control characters and length do not break the table."""
    made = project({"env/test/common.env": f'A="one\\ntwo\\t\\x1b[31m"\nB={"x" * 300}\nC=\n'})
    shown = made.cli("explain", "-e", "test", expect=0).stdout
    assert r"one\ntwo\t" in shown
    assert len(shown.split("\n")) == 9
    assert max(map(len, shown.split("\n"))) < 130


def test_configuration_errors_come_all_at_once(project: MakeProject) -> None:
    """Status 2, as by every other command."""
    made = project({"env/test/common.env": "A=$<x:y>\nB=$<>\n"})
    failed = made.cli("explain", "-e", "test", expect=2)
    assert "2 problems" in failed.stderr
    assert failed.stdout == ""
