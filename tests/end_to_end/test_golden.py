"""Whole projects on disk, each a folder of `golden/`: what they are, and what `expected.json` says comes out."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from secretsync import Config, resolve_config
from secretsync.core.errors import SecretSyncError
from tests.support.canary import CanaryFactory

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = sorted(folder.name for folder in GOLDEN.iterdir() if folder.is_dir())


def _fill(text: str, canaries: dict[str, str]) -> str:
    """`text` with `@CANARY1@` and its like replaced by this run's secrets."""
    for name, secret in canaries.items():
        text = text.replace(f"@{name}@", secret)
    return text


def _copy(name: str, root: Path, canaries: dict[str, str]) -> Any:
    """Make the project of the case `name` at `root`; return its expected result."""
    shutil.copytree(GOLDEN / name, root)
    for path in (root / "secrets").glob("*"):
        data = path.read_bytes()
        for canary_name, secret in canaries.items():
            data = data.replace(f"@{canary_name}@".encode(), secret.encode())
        path.write_bytes(data)
    (root / "expected.json").unlink()
    return json.loads(_fill((GOLDEN / name / "expected.json").read_text(encoding="utf-8"), canaries))


def _check(config: Config, expected: Any) -> None:
    """Fail where `config` is not what is expected; the message shows keys alone."""
    scopes = {"whole": (config, expected["whole"])}
    scopes |= {name: (config.service(name), values) for name, values in expected.get("services", {}).items()}
    for scope, (have, want) in scopes.items():
        assert sorted(have) == sorted(want), scope
        wrong = [key for key in want if have[key] != want[key]]
        assert not wrong, f"{scope}: {wrong}"
    assert sorted(config.services) == sorted(expected.get("services", {}))
    assert [key for key in sorted(config) if config.origin(key).is_secret] == expected["secret"]
    for key, references in expected.get("references", {}).items():
        assert list(config.origin(key).references) == references


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str, tmp_path: Path, canary: CanaryFactory) -> None:
    """The project gives exactly these values and secrets, or exactly these problems."""
    canaries = {"CANARY1": canary(), "CANARY2": canary()}
    root = tmp_path / "project"
    expected = _copy(name, root, canaries)
    given = expected.get("given", {})

    def load() -> Config:
        return resolve_config("test", root=root, services=given.get("services"), environ=given.get("environ", {}))

    if "problems" not in expected:
        _check(load(), expected)
        return
    with pytest.raises(SecretSyncError) as caught:
        load()
    # Whatever was met on the way may hold a value or a line of a file.
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    said = str(caught.value).split("\n")
    canary.assert_clean("\n".join(said))
    assert len(said) == len(expected["problems"]), said
    assert [line for line, want in zip(said, expected["problems"], strict=True) if not line.startswith(want)] == []
    assert caught.value.exit_status == expected["status"]


def test_the_cases_are_telling() -> None:
    """Each says in one line what it shows, and none is left out."""
    assert len(CASES) >= 12
    for name in CASES:
        expected = json.loads((GOLDEN / name / "expected.json").read_text(encoding="utf-8"))
        assert expected["about"], name
