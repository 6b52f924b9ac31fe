"""docs/live.md: the example runs, and the tables have every argument and every part of the handle."""

import inspect
import re
from pathlib import Path
from typing import Any

import pytest

import secretsync
from secretsync.refreshing.scope import LiveScope
from tests.support.canary import CanaryFactory
from tests.support.projects import MakeProject

PAGE = (Path(__file__).parents[2] / "docs" / "live.md").read_text(encoding="utf-8")


def test_the_first_example(
    project: MakeProject, canary: CanaryFactory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The example at the top of the page runs, and its callback prints the key that changed."""
    made = project(
        {
            "env/production/common.env": "PORT=80\nDEBUG=False\nFORCE_HTTPS=True\n",
            "env/production/security.env": "SECRET_KEY=$<docker:key>\n",
            "env/production/database.env": "PASSWORD=$<docker:key>\n",
            "providers/production.toml": '[stores.docker]\ndir = "files"\n',
            "files/key": canary(),
        }
    )
    monkeypatch.chdir(made.root)
    names: dict[str, Any] = {}
    try:
        exec(PAGE.split("```python\n")[1].split("```")[0], names)
        made.write("files/key", canary())
        assert names["live"].refresh() == {"SECRET_KEY", "PASSWORD"}
        names["stop"]()
    finally:
        names["live"].close()
    assert capsys.readouterr().out == "changed: SECRET_KEY\n"


def test_the_tables_are_complete() -> None:
    """Each argument that `resolve_config` does not have, and each public part of a handle, is on the page."""
    arguments = set(inspect.signature(secretsync.live).parameters)
    own = arguments - set(inspect.signature(secretsync.resolve_config).parameters)
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE.split("| Means |")[1].split("\n\n")[0], re.MULTILINE)) == own
    parts = {name for name in vars(secretsync.Live) if not name.startswith("_")}
    parts |= {name for name in vars(LiveScope) if not name.startswith("_")}
    shown = set(re.findall(r"`(\w+)", PAGE)) | {"install_log_masking", "environment", "inherited", "keys", "items"}
    assert parts - shown - {"values"} == set()
