"""`run --resolve-environment`: placeholders in variables that a platform's settings brought."""

import json
import sys

import pytest

from tests.support.canary import make_canary
from tests.support.processes import clean_environment, run_command, secretsync_argv
from tests.support.projects import MakeProject, Project

RUN = ("run", "--resolve-environment", "--")
BINDINGS = '[stores.docker]\ndir = "secrets"\n'


@pytest.fixture
def secret() -> str:
    """Return a value that would be replaced if it were looked at a second time."""
    return make_canary(after="$<docker:other>${HOME}$$")


@pytest.fixture
def place(project: MakeProject, secret: str) -> Project:
    """Make the files of an image without an env/ folder: bindings, and mounted secrets."""
    return project(
        {"providers/production.toml": BINDINGS, "secrets/db_password": secret, "secrets/other": make_canary()}
    )


def variables(place: Project, *arguments: str, **env: str) -> dict[str, str]:
    """Return the application's variables after a start with SECRETSYNC_ENV=production."""
    done = place.cli(*(arguments or RUN), "env", "-0", env={"SECRETSYNC_ENV": "production", **env}, reveals=True)
    assert done.status == 0, done.stderr
    return dict(entry.split("=", 1) for entry in done.stdout.split("\0") if entry)


def test_placeholder_in_a_variable_is_resolved(place: Project, secret: str) -> None:
    """Once, also inside text; everything else in the environment stays as it is."""
    found = variables(
        place,
        DB_PASSWORD="$<docker:db_password>",
        DB_URL="db://app:$<docker:db_password?as=text>@${DB_HOST:-x}/$$<docker:y>$",
        OTHER="${HOME} $$ $(id)",
    )
    assert found["DB_PASSWORD"] == secret
    assert found["DB_URL"] == f"db://app:{secret}@${{DB_HOST:-x}}/$<docker:y>$"
    assert found["OTHER"] == "${HOME} $$ $(id)"
    assert secret not in found["SECRETSYNC_RESOLVED"]


def test_nothing_is_resolved_unless_asked_for(place: Project) -> None:
    """Without the option a variable is handed over untouched."""
    place.write("env/production/common.env", "A=1\n")
    found = variables(place, "run", "--", DB_PASSWORD="$<docker:db_password>")
    assert found["DB_PASSWORD"] == "$<docker:db_password>"


def test_no_environment_need_be_named_where_there_is_none(place: Project, secret: str) -> None:
    """Without an environment the stores are the default ones or those of --bindings, and it is strict."""
    env = {"A": "$<docker:db_password>", "B": "$<env:C>", "C": "c"}
    arguments = ("run", "--resolve-environment", "--bindings", "providers/production.toml", "-v", "--")
    done = place.cli(*arguments, "printenv", "A", "B", env=env, expect=0, reveals=True)
    assert done.stdout == f"{secret}\nc\n"
    assert "process environment: strict" in done.stderr


def test_environment_must_be_named_where_there_are_some(place: Project) -> None:
    """A guess could start the wrong one."""
    place.write("env/staging/common.env", "A=1\n")
    stderr = place.cli(*RUN, "true", expect=2).stderr
    assert "no environment is named" in stderr
    assert "give -e NAME or --env-file FILE" in stderr
    assert "env/production" in place.cli(*RUN, "true", env={"SECRETSYNC_ENV": "production"}, expect=2).stderr


def test_root_that_is_not_there_is_an_error(place: Project) -> None:
    """A mistyped folder is not a project without files."""
    place.cli("run", "--resolve-environment", "--root", "nowhere", "--", "true", expect=2)


def test_env_files_stand_above_variables(place: Project, secret: str) -> None:
    """Env files override inherited variables with placeholders."""
    place.write("env/production/common.env", "A=file\nURL=db:${DB_PASSWORD}\n")
    place.write("env/production/security.env", "OWN=${OWN}\n")
    found = variables(place, A="$<docker:not_there>", DB_PASSWORD="$<docker:db_password>", OWN="$<docker:db_password>")
    assert (found["A"], found["URL"], found["OWN"]) == ("file", f"db:{secret}", secret)


def test_errors_name_the_variable(place: Project) -> None:
    """All of them in one report, before a store is asked; and what a store lacks."""
    env = {"SECRETSYNC_ENV": "production", "A": "$<docker:db_password", "B": "x $<nowhere:y>", "1C": "$<docker:z>"}
    done = place.cli(*RUN, "echo", "started", env=env, expect=2)
    assert done.stdout == ""
    for start in ("A: ", "B: there is no store of this name", "1C: "):
        assert f"process environment: {start}" in done.stderr
    env = {"SECRETSYNC_ENV": "production", "A": "$<docker:not_there>"}
    assert "process environment: A: docker:not_there: " in place.cli(*RUN, "true", env=env, expect=3).stderr


def test_placeholder_is_never_taken_for_a_value(place: Project) -> None:
    """`$<env:X>` does not give the text of a placeholder that stands in X."""
    env = {"SECRETSYNC_ENV": "production", "X": "$<docker:db_password>", "Y": "$<env:X>"}
    assert "Y: env:X" in place.cli(*RUN, "true", env=env, expect=3).stderr


@pytest.mark.sink("files/*")
def test_variables_can_become_files(place: Project, secret: str) -> None:
    """Secrets of inherited variables become files with `--files`."""
    env = {"SECRETSYNC_ENV": "production", "DB_PASSWORD": "$<docker:db_password>", "LEVEL": "$<env:L:-INFO>"}
    arguments = ("run", "--resolve-environment", "--files", "files", "--allow-disk", "--", "printenv")
    done = place.cli(*arguments, "DB_PASSWORD_FILE", "LEVEL", env=env, expect=0)
    assert done.stdout == f"{place.root.resolve()}/files/DB_PASSWORD\nINFO\n"
    assert (place.root / "files" / "DB_PASSWORD").read_text() == secret
    assert place.cli(*arguments, "DB_PASSWORD", env=env).status == 1


@pytest.mark.parametrize("name", ["production", None])
def test_library_inside_the_application_sees_them(place: Project, secret: str, name: str | None) -> None:
    """`resolve_config` in the application sees the variables as entries with their origin, and asks no store."""
    code = f"""
import json, pathlib, secretsync
pathlib.Path("secrets/db_password").unlink()
config = secretsync.resolve_config({name!r})
origin = config.origin("DB_PASSWORD")
print(json.dumps([config["DB_PASSWORD"], origin.is_secret, list(origin.references), sorted(config)]))
"""
    env = {"SECRETSYNC_ENV": "production", "DB_PASSWORD": "$<docker:db_password>"}
    done = place.cli(*RUN, sys.executable, "-c", code, env=env, expect=0, reveals=True)
    assert json.loads(done.stdout) == [secret, True, ["docker:db_password"], ["DB_PASSWORD"]]


@pytest.mark.parametrize("name", ["V", "W", "P"])
def test_values_are_utf8_in_any_locale(project: MakeProject, name: str) -> None:
    """A locale without UTF-8 changes no value, although Python decodes variables by the locale."""
    made = project({"a.env": "V=(${X})\nW=($<env:X>)\n"})
    env = {"X": "é", "P": "é$<env:X>", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    show = f"import secretsync; print(ascii(secretsync.resolve_config()[{name!r}]))"
    source = ["--env-file", "a.env", "--resolve-environment"]
    argv = secretsync_argv(["run", *source, "--", sys.executable, "-c", show], isolated=False)
    done = run_command(argv, cwd=made.root, env=clean_environment(made.home, env), expect=0)
    assert done.stdout == f"{'éé' if name == 'P' else '(é)'!a}\n"
    if name == "V":
        argv = secretsync_argv(["render", "--env-file", "a.env", "--format", "null"], isolated=False)
        rendered = run_command(argv, cwd=made.root, env=clean_environment(made.home, env), reveals=True, expect=0)
        assert rendered.stdout == "V=(é)\0W=(é)\0"
