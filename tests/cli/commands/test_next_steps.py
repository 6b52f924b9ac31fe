"""The next step of a failed command: where it is printed, and which options are refused."""

from pathlib import Path

import pytest

from secretsync import UsageError, resolve_config
from secretsync.core.model import Failed, Found, SecretRef, Selector
from secretsync.core.secret import Secret
from secretsync.providers import docker
from secretsync.providers.interface import Deadline, StoreContext
from secretsync.resolving.requests.write import FieldChange
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


@pytest.mark.parametrize("command", ["check", "check-rotation"])
def test_a_missing_secret_names_the_command_that_stores_it(project: MakeProject, command: str) -> None:
    """The next step is `secretsync set` if it can store the secret: by its binding, or by its reference."""
    made = project(
        {
            "env/production/security.env": "TOKEN=$<TOKEN>\nKEY=$<docker:my.key>\nCODE=$<CODE>\nJSON_KEY=$<JSON_KEY>\n",
            "providers/production.toml": (
                '[stores.docker]\ndir = "secrets"\n[secrets]\nTOKEN = "docker:token"\nCODE = "env:CODE"\n'
                'JSON_KEY = "docker:a?as=json"\n'
            ),
        }
    )
    result = made.cli(command, "-e", "production", "--format", "json")
    assert "`secretsync set TOKEN -e production`" in result.stdout
    assert "`secretsync set docker:my.key -e production`" in result.stdout
    assert "set CODE" not in result.stdout
    assert "set JSON_KEY" not in result.stdout


def test_the_default_folder_is_not_created(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A write to a docker store without settings does not create the default folder."""
    folder = tmp_path / "run/secrets"
    monkeypatch.setattr(docker, "_FOLDER", str(folder))
    change = FieldChange([(Selector(), Secret("text"))])
    ref = SecretRef("docker", "token")
    store = docker.DockerProvider(StoreContext(store="docker", environment="test"))
    refused = store.write(ref, change, Deadline(10))
    assert isinstance(refused, Failed)
    assert refused.cause == f"there is no folder {folder}, and the settings do not name another one"
    assert refused.hint == "set dir in [stores.docker] of the bindings, or create the folder"
    assert not folder.parent.exists()
    folder.mkdir(parents=True)
    assert isinstance(store.write(ref, change, Deadline(10)), Found)
