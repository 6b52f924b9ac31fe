"""The page on compatibility has the schema numbers and the platforms of the code."""

import json
import re
import tarfile
import tomllib
from pathlib import Path
from typing import Any

from secretsync.core import __version__
from tests.support.canary import CanaryFactory
from tests.support.projects import MakeProject

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "compatibility.md").read_text(encoding="utf-8")


def schemas() -> dict[str, int]:
    """Return the numbers of the page by the first cell of their row."""
    rows = re.findall(r"^\| (.+) \| (\d+) \|$", PAGE.partition("## Schema numbers")[2], re.MULTILINE)
    return {name: int(number) for name, number in rows}


def test_schema_numbers(project: MakeProject, canary: CanaryFactory) -> None:
    """Each document has the number of the page."""
    made = project(
        {
            "env/test/common.env": "A=1\nB=$<docker:b>\n",
            "providers/test.toml": "[stores.docker]\ndir = 'files'\n",
            "files/b": canary(),
        }
    )
    environment = ("-e", "test")

    def document(*arguments: str) -> Any:
        return json.loads(made.cli(*arguments, *environment, "--format", "json").stdout)

    made.cli("track", *environment, "--history", "history.json", expect=0)
    made.cli("run", *environment, "--", "true", env={"SECRETSYNC_ACCESS_LOG": str(made.root / "access.log")}, expect=0)
    made.cli("backup", "--output", "saved", expect=0)
    commands = {name: document(name)["schema"] for name in ("check", "explain", "doctor", "audit", "check-rotation")}
    commands["diff"] = json.loads(
        made.cli("diff", *environment, "--history", "history.json", "--format", "json").stdout
    )["schema"]
    found = schemas()
    assert [name for name in commands if f"`{name}" not in "".join(found)] == []
    for row, number in found.items():
        for name in re.findall(r"`([\w-]+)", row):
            assert commands.get(name, number) == number, name
    assert json.loads(made.read("history.json"))["schema"] == found["history of `track`"]
    (archive,) = (made.root / "saved").iterdir()
    with tarfile.open(archive) as tar:
        manifest = tar.extractfile(tar.getmembers()[0])
        assert manifest is not None
        assert json.load(manifest)["schema"] == found["manifest of a `backup` archive"]
    assert json.loads(made.read("access.log").split("\n")[0])["schema"] == found["a line of the access log"]


def test_versions_of_python() -> None:
    """The page has the versions of the classifiers, and the version of the package is below 1.0."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    versions = re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"]))
    assert re.findall(r"3\.\d+", PAGE.partition("| Linux |")[2].split("\n")[0]) == versions
    assert project["version"] == __version__
    assert __version__.startswith("0.")
