"""`secretsync providers`: what is installed, and what each accepts."""

import json
from importlib.util import find_spec

import pytest

from secretsync.providers.registry import BUILT_IN
from tests.support.processes import RunCli
from tests.support.tools import needs

PRESENT = sorted(name for name, target in BUILT_IN.items() if find_spec(target.partition(":")[0]) is not None)
KEYS = ["name", "title", "built_in", "ready", "extra", "path", "key", "options", "settings", "credentials"]


def test_the_five_are_listed(run_cli: RunCli) -> None:
    """The built-in providers are listed by name, without importing an SDK."""
    needs(sorted(BUILT_IN) == PRESENT, f"all of {', '.join(BUILT_IN)}")
    document = json.loads(run_cli("providers", "--format", "json", expect=0).stdout)
    assert document["schema"] == 1
    assert [row["name"] for row in document["providers"]] == sorted(BUILT_IN)
    shown = run_cli("providers", expect=0).stdout
    assert all(f"{name}: " in shown for name in BUILT_IN)


@pytest.mark.parametrize("name", PRESENT)
def test_one_provider(run_cli: RunCli, name: str) -> None:
    """With its reference, options, settings and state, as text and as a document."""
    document = json.loads(run_cli("providers", name, "--format", "json", expect=0).stdout)
    (row,) = document["providers"]
    assert list(row) == KEYS
    assert row["name"] == name
    assert row["built_in"] is True
    shown = run_cli("providers", name, expect=0).stdout
    assert row["title"] in shown
    assert row["path"] in shown
    assert all(f"{setting} (" in shown for setting in row["settings"])


def test_an_unknown_provider(run_cli: RunCli) -> None:
    """Status 2 with the nearest, or with those that there are, on one line."""
    assert "did you mean docker?" in run_cli("providers", "dokcer", expect=2).stderr
    failed = run_cli("providers", "x\ny\x1b[1m", expect=2).stderr
    assert failed.count("\n") == 1
    assert "\x1b" not in failed
    assert "docker" in failed
