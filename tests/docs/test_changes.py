"""What docs/changes.md shows is what happens."""

import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from secretsync.core.system.current_user import HINTS
from secretsync.tracking.compare import ChangeKind
from tests.support.processes import clean_environment, run_command
from tests.support.projects import MakeProject

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/changes.md").read_text(encoding="utf-8")
SESSIONS = re.findall(r"^```console\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("session", SESSIONS)
def test_sessions(project: MakeProject, session: str) -> None:
    """The commands of a block, one after the other, in a copy of this repository's configuration; `...` is any text."""
    made = project()
    for folder in ("env", "providers"):
        shutil.copytree(ROOT / folder, made.root / folder)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = clean_environment(made.home, {"PATH": path, "SECRET_KEY": "k" * 40, "DATABASE_URL": "x"})
    steps = re.split(r"^\$ ", session, flags=re.MULTILINE)[1:]
    assert steps
    for step in steps:
        command, _, expected = step.partition("\n")
        done = run_command(["bash", "-c", f"{{ {command}; }} 2>&1"], cwd=made.root, env=env)
        pattern = re.escape(expected.rstrip("\n")).replace("\\.\\.\\.", r"[\s\S]*")
        assert re.fullmatch(pattern, done.stdout.rstrip("\n")), done.stdout


def test_every_kind_is_explained() -> None:
    """In the table of kinds; and every variable that is taken for a hint is named."""
    table = TEXT.partition("| Kind | Means |")[2].partition("\n\n")[0]
    for kind in ChangeKind:
        assert re.search(rf"^\|[^|]*\b{kind.value}\b[^|]*\|", table, re.MULTILINE), kind
    for hint in HINTS:
        assert f"`{hint}`" in TEXT


def test_the_line_of_the_access_log(project: MakeProject) -> None:
    """The example has the members that lines have, in their order; each has its row."""
    (shown,) = re.findall(r"^```json\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    made = project({"env/production/security.env": "K=$<env:A_TOKEN>\n"})
    env = {"A_TOKEN": "x", "SECRETSYNC_ACCESS_LOG": "log"}
    made.cli("check", "-e", "production", "--fetch", env=env, expect=0)
    members = list(json.loads(made.read("log")))
    assert list(json.loads(shown)) == members
    table = TEXT.partition("| Member | Is |")[2].partition("\n\n")[0]
    said = set(re.findall(r"`(\w+)`", "".join(line.split("|")[1] for line in table.split("\n")[2:])))
    assert said == set(members) - {"schema", "time", "environment"}
