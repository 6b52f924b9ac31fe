"""The next step of a failed command: where it is printed, and which options are refused."""

from pathlib import Path

import pytest

from secretsync import UsageError, resolve_config
from tests.support.projects import MakeProject


@pytest.mark.parametrize(
    ("option", "text"),
    [
        *(("--allow-name", text) for text in ("1x", "a b", "A=1", "A*")),
        *(("--pass-env", text) for text in ("a b", "1x", "A=1", "A,B")),
    ],
)
def test_what_cannot_be_a_name(project: MakeProject, option: str, text: str) -> None:
    """Status 2 for an option that can name no variable; the text is not repeated."""
    made = project({".env": "A=1\n"})
    failed = made.cli("run", "--env-file", ".env", option, text, "--", "true", expect=2)
    assert f"argument {option}: it must be the name of a variable" in failed.stderr
    assert f"'{text}'" not in failed.stderr


@pytest.mark.parametrize("pattern", ["AWS_*", "*", "A?", "[AB]_C", "app.name"])
def test_patterns_of_names(project: MakeProject, pattern: str) -> None:
    """A pattern of names is accepted."""
    project({".env": "A=1\n"}).cli("run", "--env-file", ".env", "--pass-env", pattern, "--", "true", expect=0)


def test_the_hint_follows_the_problems(project: MakeProject) -> None:
    """The emergency option is the last line."""
    made = project({"env/production/common.env": "DEBUG=True\n"})
    failed = made.cli("run", "-e", "production", "--", "true", expect=2)
    assert "DEBUG" in failed.stderr.splitlines()[0]
    assert failed.stderr.splitlines()[-1].endswith("in an emergency, --no-validate accepts the values")


def test_the_library_without_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An application without files is started through `run`."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r'files=\[".env"\].*start it through `secretsync run`'):
        resolve_config("production", environ={})
