"""`--env-file`: files in place of `env/`, with or without the name of an environment."""

import json
import sys
from typing import Any

import pytest

from secretsync import ConfigurationError, UsageError, ValidationError, check_rotation, resolve_config
from tests.support.canary import CanaryFactory
from tests.support.projects import MakeProject, Project

# What the .env of a web application under development contains.
DEVELOPMENT = """\
DEBUG=true
SECRET_KEY=dev
ENVIRONMENT=production
SECURE_SSL_REDIRECT=false
DATABASE_URL=sqlite:///db.sqlite3
ALLOWED_HOSTS=*
"""
LENIENT, STRICT = ("dev", "CI", "local", "development"), ("production", "staging", "prod-eu")


@pytest.fixture
def single(project: MakeProject) -> Project:
    """Return a project that is one env file."""
    return project({".env": DEVELOPMENT})


def name_by(how: str, name: str) -> tuple[list[str], dict[str, str | None]]:
    """Return the options and the environment that name an environment."""
    return (["-e", name], {}) if how == "-e" else ([], {how: name})


def test_the_first_minute(single: Project) -> None:
    """The command of the README starts the application, and `render` and the library agree."""
    show = "import os; print(os.environ['DEBUG'], os.environ['ENVIRONMENT'])"
    done = single.cli("run", "--env-file", ".env", "--", sys.executable, "-c", show, expect=0)
    assert done.stdout == "true production\n"
    assert done.stderr == ""
    rendered = single.cli("render", "--env-file", ".env", "--format", "json", expect=0)
    config = resolve_config(files=[single.root / ".env"], environ={})
    assert json.loads(rendered.stdout) == dict(config)
    assert (config.environment, config.is_strict) == (None, False)


@pytest.mark.parametrize("command", [["run", "--", "true"], ["render", "--format", "json"]])
def test_missing_secret_stops_everything(project: MakeProject, command: list[str]) -> None:
    """Lenient is about values, not about secrets."""
    made = project({".env": "A=$<docker:no-such-secret>\n"})
    made.cli(command[0], "--env-file", ".env", *command[1:], expect=3)


@pytest.mark.parametrize("how", ["-e", "SECRETSYNC_ENV", "ENVIRONMENT"])
def test_name_decides_strictness(single: Project, how: str) -> None:
    """The environment's name, from the option or a variable, decides strictness for each command."""
    for name in (*LENIENT, *STRICT):
        options, env = name_by(how, name)
        status = 0 if name in LENIENT else 2
        done = single.cli("render", *options, "--env-file", ".env", "--format", "json", env=env, expect=status)
        assert ("debug-off" in done.stderr) is (name in STRICT)
    options, env = name_by(how, "production")
    refused = single.cli("run", *options, "--env-file", ".env", "--", "touch", "started", env=env, expect=2)
    assert ".env:1: DEBUG: " in refused.stderr
    assert not (single.root / "started").exists()


@pytest.mark.parametrize("strict", [True, False])
def test_bindings_decide_if_they_say_so(single: Project, strict: bool) -> None:
    """`strict` in the bindings is stronger than a name and than no name."""
    single.write("s.toml", f"strict = {str(strict).lower()}\n")
    for options in ([], ["-e", "dev"], ["-e", "production"]):
        files = ["--env-file", ".env", "--bindings", "s.toml"]
        single.cli("run", *options, *files, "--", "true", expect=2 if strict else 0)


def test_library_takes_a_name_with_files(single: Project) -> None:
    """`resolve_config(files=...)` takes the name of an environment, like the command line."""
    files = [str(single.root / ".env")]
    assert resolve_config("dev", files=files, environ={}).environment == "dev"
    assert resolve_config(files=files, environ={"ENVIRONMENT": "local"}).environment == "local"
    for name, environ in (("production", {}), (None, {"SECRETSYNC_ENV": "production"})):
        with pytest.raises(ValidationError, match="DEBUG"):
            resolve_config(name, files=files, environ=environ)
        assert resolve_config(name, files=files, environ=environ, validate=False).is_strict
    with pytest.raises(UsageError, match="an environment's name"):
        resolve_config("../x", files=files, environ={})


@pytest.mark.parametrize("how", ["-e", "SECRETSYNC_ENV", "ENVIRONMENT"])
def test_name_is_in_the_keys_of_stores(project: MakeProject, canary: CanaryFactory, how: str) -> None:
    """`{environment}` in a key. Without a name it is status 2, for each command."""
    made = project({".env": "A=$<TOKEN>\n", "secrets/shop-token": canary()})
    made.write("s.toml", 'lookup = ["docker"]\n[stores.docker]\ndir = "secrets"\nkey = "{environment}-{lower}"\n')
    files = ["--env-file", ".env", "--bindings", "s.toml"]
    options, env = name_by(how, "shop")
    done = made.cli("run", *options, *files, "--no-validate", "--", "printenv", "A", env=env, reveals=True, expect=0)
    assert done.stdout == made.read("secrets/shop-token") + "\n"
    got = made.cli("get", "TOKEN", *options, *files, env=env, reveals=True, expect=0)
    assert got.stdout == made.read("secrets/shop-token")
    for command in (["run"], ["get", "TOKEN"], ["check"], ["explain"], ["doctor"], ["audit"], ["check-rotation"]):
        rest = ["--", "touch", "started"] if command == ["run"] else []
        failed = made.cli(*command, *files, *rest, expect=2)
        assert "the key of the store docker contains {environment}, and no environment is named" in failed.stderr
    assert not (made.root / "started").exists()
    with pytest.raises(ConfigurationError, match="no environment is named"):
        resolve_config(files=[made.root / ".env"], bindings=made.root / "s.toml", environ={})


def test_folders_are_not_read(project: MakeProject) -> None:
    """The name is that of an environment with folders, whose files, bindings and policy do not count."""
    made = project(
        {
            ".env": "A=$<env:X:-1>\n",
            "env/production/common.env": "B=${\n",
            "env/production/policy.toml": "nonsense = 1\n",
            "providers/production.toml": "nonsense = 1\n",
        }
    )
    options = ["-e", "production", "--env-file", ".env"]
    done = made.cli("render", *options, "--format", "json", expect=0)
    assert json.loads(done.stdout) == {"A": "1"}
    for command in ("check", "audit", "check-rotation", "explain", "doctor"):
        assert "nonsense" not in made.cli(command, *options).stderr
    report = json.loads(made.cli("audit", *options, "--format", "json").stdout)
    assert "env/production" not in json.dumps(report)


def test_commands_that_judge_are_strict_without_a_name(project: MakeProject) -> None:
    """`check`, `audit` and `check-rotation`, and the library's `check_rotation`; a lenient name makes them lenient."""
    made = project({".env": f"{DEVELOPMENT}TOKEN=$<docker:t>\n", "s.toml": '[stores.docker]\ndir = "f"\n', "f/t": "x"})
    files = ["--env-file", ".env", "--bindings", "s.toml"]
    for options, strictness, status in (([], "strict", 1), (["-e", "dev"], "lenient", 0)):
        checked = made.cli("check", "-v", *options, *files, expect=0)
        assert f": {strictness}, " in checked.stderr
        made.cli("check-rotation", *options, *files, expect=status)
        audited = made.cli("audit", *options, *files)
        assert ("debug-off" in audited.stdout) is bool(status)
    paths: dict[str, Any] = {"files": [made.root / ".env"], "bindings": made.root / "s.toml", "root": made.root}
    assert int(check_rotation(environ={}, **paths).exit_status) == 1
    assert int(check_rotation("dev", environ={}, **paths).exit_status) == 0


def test_label_is_the_name_if_there_is_one(single: Project) -> None:
    """Each command that reports names the environment, else the files."""
    single.write(".env", "A=1\n")
    for options, env, label in (
        ([], {}, ".env"),
        (["-e", "blue"], {}, "blue"),
        ([], {"ENVIRONMENT": "green"}, "green"),
    ):
        for command in (["explain"], ["check"], ["doctor"], ["track", "--history", f"h-{label}.json"]):
            done = single.cli(*command, *options, "--env-file", ".env", "--format", "json", env=dict(env), expect=0)
            assert json.loads(done.stdout)["environment"] == label, command
    broken = single.write("broken.env", "A=${\n")
    failed = single.cli("check", "-e", "blue", "--env-file", str(broken), "--format", "json", expect=2)
    assert json.loads(failed.stdout)["environment"] == "blue"


def test_history_of_files_has_to_be_named(single: Project) -> None:
    """The history of the environment with this name belongs to its folders."""
    single.write(".env", "A=1\n")
    for command in ("track", "diff"):
        failed = single.cli(command, "-e", "production", "--env-file", ".env", expect=2)
        assert "--history FILE" in failed.stderr
    history = ["-e", "production", "--env-file", ".env", "--history", "h.json"]
    single.cli("track", *history, expect=0)
    single.write(".env", "A=2\n")
    done = single.cli("diff", *history, expect=0)
    assert "production HEAD" in done.stdout
    assert not (single.root / ".secretsync").exists()


def test_several_names_for_the_same_files(single: Project) -> None:
    """Commands that take several environments judge the files for each of them."""
    single.write(".env", "DEBUG=true\n")
    done = single.cli("audit", "-e", "dev", "-e", "production", "--env-file", ".env", "--format", "json", expect=1)
    names = [report["environment"] for report in json.loads(done.stdout)["environments"]]
    assert names == ["dev", "production"]
