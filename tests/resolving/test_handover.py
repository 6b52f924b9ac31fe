"""What `run` hands over to `resolve_config` in the application: always the same environment, or an error."""

import hashlib
import inspect
import json
import os
import random
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import hypothesis.strategies as st
import pytest

from secretsync import Config, UsageError, resolve_config
from secretsync.core.model import Origin
from secretsync.core.records import replace
from secretsync.core.secret import Secret
from secretsync.project.layout import open_files, open_project
from secretsync.resolving.handover import Handover, HandoverError
from secretsync.resolving.handover_codec import KEY_VARIABLE, VARIABLE, encode, handover_variables
from tests.support.amounts import examples
from tests.support.canary import CanaryFactory, make_canary
from tests.support.configurations import damage
from tests.support.processes import clean_environment, secretsync_argv
from tests.support.projects import MakeProject, Project

pytestmark = pytest.mark.sink("files/*", "own/*")

PYTHON = [sys.executable, "-I", "-c"]
REPORT = """
import json, os, subprocess, sys
from secretsync import SecretSyncError, check_rotation, resolve_config
def report(*args, **options):
    try:
        config = resolve_config(*args, **options)
    except SecretSyncError as error:
        return {"error": str(error), "kind": type(error).__name__}
    return {"environment": config.environment, "is_strict": config.is_strict, "values": dict(config)}
"""
STORES = '[stores.docker]\ndir = "files"\n'

Run = Callable[..., Any]


@pytest.fixture
def shop(project: MakeProject, canary: CanaryFactory) -> Project:
    """Three environments with the same keys and different values."""
    return project(
        {
            "env/production/common.env": "PLACE=production\nPORT=8000\nDEBUG=false\n",
            "env/production/security.env": "SECRET_KEY=$<docker:key>\n",
            "env/staging/common.env": "PLACE=staging\nPORT=${PORT:-7000}\n",
            "env/staging/security.env": "SECRET_KEY=$<SECRET_KEY>\n",
            "env/development/common.env": "PLACE=development\n",
            "providers/production.toml": STORES,
            "providers/staging.toml": STORES,
            "files/key": canary(),
        }
    )


def run_application(made: Project, program: str, *options: str, before: str = "", **more: Any) -> Any:
    """Return what `program` prints as JSON in an application of `run`; `before`: shell commands in front of it."""
    script = made.write("application.py", f"{REPORT}\n{program}\n")
    start = ["sh", "-c", f'{before}\nexec "$0" "$@"'] if before else []
    source = [] if "--env-file" in options or "-e" in options else ["-e", "production"]
    command = [*source, *options, "--", *start, sys.executable, "-I", str(script)]
    done = made.cli("run", *command, reveals=True, expect=0, **more)
    return json.loads(done.stdout)


# The size


def long_text(number: int, size: int) -> str:
    """Return a text of `size` characters that no rule takes for a stand-in."""
    return (f"text-{number}-" * size)[:size]


def many_entries(count: int, size: int) -> tuple[str, str, str]:
    """Return common.env, security.env and a JSON secret: every tenth entry is secret, with a reference of its own."""
    settings = "".join(f"SETTING_{number}={long_text(number, size)}\n" for number in range(count) if number % 10)
    secrets = "".join(f"SECRET_{number}=$<docker:all#field-{number}>\n" for number in range(0, count, 10))
    document = json.dumps({f"field-{number}": long_text(number, size) for number in range(0, count, 10)})
    return settings, secrets, document


@pytest.mark.parametrize(
    ("count", "size"), [(20, 10), (1_400, 30), (10_000, 60), (10_000, 85)], ids=["20", "1400", "10000", "1 MB"]
)
def test_any_size_is_handed_over(project: MakeProject, count: int, size: int) -> None:
    """A grandchild behind a shell gets every value of the same environment, although the store does not answer."""
    settings, secrets, document = many_entries(count, size)
    made = project(
        {
            "env/production/common.env": settings,
            "env/production/security.env": secrets,
            "env/development/common.env": "A=1\n",
            "providers/production.toml": STORES,
            "files/all": document,
        }
    )
    expected = resolve_config("production", root=made.root, environ={})
    program = """
if len(sys.argv) == 1:
    subprocess.run([sys.executable, "-I", __file__, "grandchild"], check=True)
    sys.exit()
import hashlib
config = resolve_config()
digest = hashlib.sha256(json.dumps(dict(config)).encode()).hexdigest()
origin = config.origin("SECRET_0")
sizes = [len(name) + 1 + len(value) for name, value in os.environb.items()]
print(json.dumps([config.environment, len(config), digest, origin.is_secret, list(origin.references), max(sizes)]))
"""
    *found, largest = run_application(made, program, before="rm files/all")
    digest = hashlib.sha256(json.dumps(dict(expected)).encode()).hexdigest()
    assert found == ["production", count, digest, True, ["docker:all#field-0"]]
    assert largest <= 131_071


def test_what_does_not_fit_is_an_error_before_the_start(project: MakeProject) -> None:
    """The limit of the kernel is smaller with a small stack: status 6, and nothing starts."""
    made = project({"env/test/common.env": "".join(f"KEY_{number}={'x' * 40}\n" for number in range(8_000))})
    argv = secretsync_argv(["run", "-e", "test", "--", "touch", "started"])
    script = f"ulimit -s 1024 && exec {shlex.join(argv)}"
    done = subprocess.run(
        ["/bin/sh", "-c", script], cwd=made.root, env=clean_environment(made.home), capture_output=True, check=False
    )
    assert done.returncode == 6, done.stderr
    assert b"too large for the kernel" in done.stderr
    assert not (made.root / "started").exists()


# Which environment


@pytest.mark.parametrize("variable", ["SECRETSYNC_ENV", "ENVIRONMENT"])
def test_inherited_variable_names_another_environment(shop: Project, variable: str) -> None:
    """The option of `run` decides, in the application as well."""
    found = run_application(shop, "print(json.dumps(report()))", env={variable: "development"})
    assert (found["environment"], found["values"]["PLACE"]) == ("production", "production")


def test_setting_names_another_environment(shop: Project) -> None:
    """ENVIRONMENT in an env file is a setting of the application."""
    shop.write("env/production/web.env", "ENVIRONMENT=development\n")
    assert run_application(shop, "print(json.dumps(report()))")["environment"] == "production"


@pytest.mark.parametrize("variable", ["SECRETSYNC_ENV", "ENVIRONMENT"])
def test_variable_is_changed_after_the_start(shop: Project, variable: str) -> None:
    """If the environment variable names another environment after the start, an error asks for the name."""
    other = run_application(shop, "print(json.dumps(report()))", before=f"export {variable}=staging")
    assert other["kind"] == "UsageError"
    assert f"${variable}: it was changed after" in other["error"]
    same = run_application(shop, "print(json.dumps(report()))", before=f"export {variable}=production")
    assert same["values"]["PLACE"] == "production"


def test_another_environment_does_not_get_the_values(shop: Project) -> None:
    """Neither through a lookup that ends at the environment, nor through variables, nor through the getters."""
    program = """
stores = "" if "SECRET_KEY" in os.environ else "the test needs SECRET_KEY"
found = report("staging")
open("files/secret_key", "w").write("of staging" * 4)
config = resolve_config("staging")
print(json.dumps([stores, found, config["PORT"], config.get("DEBUG"), config["SECRET_KEY"], config.get("OTHER")]))
"""
    stores, found, *rest = run_application(shop, program, env={"OTHER": "inherited"})
    assert (stores, found["kind"]) == ("", "ResolutionError")
    assert "docker:secret_key, env:SECRET_KEY" in found["error"]
    assert rest == ["7000", None, "of staging" * 4, "inherited"]


def test_values_in_files_are_hidden_from_another_environment(shop: Project) -> None:
    """With --files, SECRET_KEY_FILE is what `run` set."""
    found = run_application(shop, 'print(json.dumps(report("staging")))', "--files", "own", "--allow-disk")
    assert "env:SECRET_KEY" in found["error"]


@pytest.mark.parametrize("program", ["print(json.dumps(report()))", 'print(json.dumps(report("production")))'])
def test_application_in_another_directory(shop: Project, program: str) -> None:
    """The application gets the values of `run` if its directory belongs to no project."""
    found = run_application(shop, f"os.chdir('/')\n{program}", before="rm files/key")
    assert found["values"]["PLACE"] == "production"


def test_project_in_the_applications_directory_is_another_one(project: MakeProject, shop: Project) -> None:
    """An environment with the same name in another project is not inherited."""
    second = project({"env/production/common.env": "PLACE=second\n"})
    program = f'os.chdir({str(second.root)!r})\nprint(json.dumps([report("production"), report()]))'
    named, unnamed = run_application(shop, program)
    assert named["values"] == {"PLACE": "second"}
    assert unnamed["values"]["PLACE"] == "production"


def test_library_calls_for_rotation_mean_the_same_environment(shop: Project) -> None:
    """`check_rotation()` reports what `run` resolved, not development."""
    assert run_application(shop, "print(json.dumps(check_rotation().environment))") == "production"


# Changed values


def test_changed_secret_is_not_used(shop: Project) -> None:
    """The store is asked, with a warning; if it fails, that is the error. The changed value never counts."""
    before = "export SECRET_KEY=changed-by-a-script-0123456789abcdef"
    again = run_application(shop, "print(json.dumps(report()))", before=before)
    assert again["values"]["SECRET_KEY"] == shop.read("files/key")
    gone = run_application(shop, "print(json.dumps(report()))", before=f"{before}\nrm files/key")
    assert "docker:key" in gone["error"]


@pytest.mark.parametrize("before", ["unset SECRET_KEY", "export SECRET_KEY=", "export SECRET_KEY=$PLACE"])
def test_secret_that_is_gone_or_replaced(shop: Project, before: str) -> None:
    """None of the other values is used either: they belong to one resolution."""
    shop.write("env/production/security.env", "SECRET_KEY=$<docker:key>\nB=$<docker:b>\n")
    shop.write("files/b", make_canary())
    found = run_application(shop, "print(json.dumps(report()))", before=f"{before}\nrm files/b")
    assert "docker:b" in found["error"]


def test_changed_secret_file_is_not_used(shop: Project) -> None:
    """A secret file of `run` that changed since is not used."""
    options = ("--files", "own", "--allow-disk")
    before = 'rm -f "$SECRET_KEY_FILE" && printf changed > "$SECRET_KEY_FILE"'
    found = run_application(shop, "print(json.dumps(report()))", *options, before=before)
    assert found["values"]["SECRET_KEY"] == shop.read("files/key")


def test_warning_names_no_value(shop: Project) -> None:
    """The log has the reason once."""
    script = shop.write("application.py", "import secretsync; secretsync.resolve_config()")
    command = ["sh", "-c", f"SECRET_KEY=changed exec {sys.executable} -I {script}"]
    done = shop.cli("run", "-e", "production", "--", *command, expect=0)
    assert done.stderr.count("a secret was changed after `secretsync run` had resolved it") == 1


def test_changed_setting_is_used_and_judged(shop: Project) -> None:
    """A script may set PORT for a worker. A strict environment does not accept every value for that."""
    ok = run_application(shop, "print(json.dumps(report()))", before="rm files/key\nexport PORT=9000")
    assert ok["values"]["PORT"] == "9000"
    shop.write("files/key", make_canary())
    refused = run_application(shop, "print(json.dumps(report()))", before="export DEBUG=true")
    assert refused["kind"] == "ValidationError"
    taken = run_application(shop, "print(json.dumps(report()))", "--no-validate", before="export DEBUG=true")
    assert taken["values"]["DEBUG"] == "true"


def test_changed_secret_of_a_variable_is_an_error(project: MakeProject) -> None:
    """A placeholder in a variable is gone after `run` replaced it, so no store can be asked again."""
    made = project({"env/production/common.env": "A=1\n", "providers/production.toml": STORES, "files/key": "k" * 40})
    env = {"PASSWORD": "$<docker:key>"}
    program = "print(json.dumps(report()))"
    found = run_application(made, program, "--resolve-environment", before="export PASSWORD=x", env=env)
    assert "start the application again" in found["error"]


# Damage

DAMAGE = {
    "no head": f"unset {VARIABLE}",
    "empty head": f"export {VARIABLE}=",
    "cut head": f'export {VARIABLE}="${{{VARIABLE}%?????}}"',
    "other head": f"export {VARIABLE}='[]'",
    "other schema": f'export {VARIABLE}=\'{{"schema":1,"environment":"production","root":"/","names":{{}}}}\'',
    "no key": f"unset {KEY_VARIABLE}",
    "cut key": f'export {KEY_VARIABLE}="${{{KEY_VARIABLE}%?}}"',
}
DAMAGED_PARTS = {
    "no part": f"unset {VARIABLE}_1",
    "cut part": f'export {VARIABLE}_1="${{{VARIABLE}_1%????????}}"',
    "changed part": f'export {VARIABLE}_1="AAAA${{{VARIABLE}_1#????}}"',
    "other characters": f'export {VARIABLE}_1="${{{VARIABLE}_1}}!"',
}


@pytest.mark.parametrize("damage", [*DAMAGE, *DAMAGED_PARTS])
def test_damage_is_an_error_and_no_other_environment(shop: Project, damage: str) -> None:
    """Without a name nothing is guessed. With a name the stores are asked."""
    if damage in DAMAGED_PARTS:
        shop.write("env/production/big.env", "".join(f"KEY_{number}=x\n" for number in range(1_400)))
    before = {**DAMAGE, **DAMAGED_PARTS}[damage]
    unnamed, named, started = run_application(
        shop,
        'print(json.dumps([report(), report("production"), report(root=".", services=[])]))',
        before=before,
        env={"ENVIRONMENT": "development"},
    )
    for found in (unnamed, started):
        assert found["kind"] == "HandoverError"
        assert f"${VARIABLE}: it is damaged" in found["error"]
    assert named["values"]["SECRET_KEY"] == shop.read("files/key")


def test_no_variable_of_run_is_no_damage(shop: Project) -> None:
    """A program that was started with an environment of its own resolves as it would without `run`."""
    program = "print(json.dumps(report()))"
    before = f"for name in $(env | sed -n 's/^\\({VARIABLE}[A-Z0-9_]*\\)=.*/\\1/p'); do unset $name; done"
    assert run_application(shop, program, before=before)["environment"] == "development"


# Commands in the application


def test_commands_mean_the_same_environment(shop: Project) -> None:
    """`explain` without a name shows what `run` resolved, also from another directory; a name decides."""
    argv = secretsync_argv(["explain", "--format", "json"])
    for more, expected in ((["-e", "staging"], "staging"), ([], "production")):
        done = shop.cli("run", "-e", "production", "--", *argv, *more, expect=0, env={"ENVIRONMENT": "development"})
        assert json.loads(done.stdout)["environment"] == expected
    script = f"cd / && exec {shlex.join(argv)}"
    done = shop.cli("run", "-e", "production", "--", "sh", "-c", script, expect=0)
    assert json.loads(done.stdout)["environment"] == "production"


def test_command_refuses_to_guess_after_damage(shop: Project) -> None:
    """Status 2."""
    script = f"export {VARIABLE}=x; exec {shlex.join(secretsync_argv(['explain']))}"
    done = shop.cli("run", "-e", "production", "--", "sh", "-c", script, expect=2)
    assert "it is damaged" in done.stderr


def test_run_inside_run(shop: Project) -> None:
    """The inner one resolves its own environment without the values of the outer one, and hands that over."""
    inner = secretsync_argv(["run", "-e", "staging", "--"])
    missing = shop.cli("run", "-e", "production", "--", *inner, "true", expect=3)
    assert "env:SECRET_KEY" in missing.stderr
    shop.write("files/secret_key", make_canary())
    script = shop.write("application.py", f"{REPORT}\nprint(json.dumps(report()))")
    command = ["run", "-e", "production", "--", *inner, sys.executable, "-I", str(script)]
    found = json.loads(shop.cli(*command, reveals=True, expect=0).stdout)
    assert found["values"] == {"PLACE": "staging", "PORT": "7000", "SECRET_KEY": shop.read("files/secret_key")}


@pytest.mark.parametrize("options", [["-e", "development"], ["--env-file", "other.env"]])
def test_run_inside_run_does_not_hand_over_the_values_of_the_outer_one(shop: Project, options: list[str]) -> None:
    """The names are removed and named on stderr. `--pass-env` keeps one; PATH stays, because programs need it."""
    shop.write("other.env", "PLACE=development\n")
    shop.write("env/production/common.env", "PLACE=production\nDEBUG=false\nPATH=${PATH}\n")
    program = """
config = resolve_config()
getters = [config.get(name) for name in ("SECRET_KEY", "DEBUG")]
print(json.dumps([config["PLACE"], getters, [os.environ.get(name) for name in ("SECRET_KEY", "DEBUG")]]))
assert os.environ["PATH"]
"""
    script = shop.write("application.py", f"{REPORT}\n{program}")
    for kept, expected in ([], [None, None]), (["--pass-env", "DEBUG"], [None, "false"]):
        inner = secretsync_argv(["run", *options, *kept, "--", sys.executable, "-I", str(script)])
        done = shop.cli("run", "-e", "production", "--", *inner, expect=0)
        assert json.loads(done.stdout) == ["development", expected, expected]
        assert "removed from the environment: " in done.stderr
        assert "SECRET_KEY" in done.stderr
        assert ("DEBUG" in done.stderr) is (not kept)


def test_run_inside_run_takes_the_values_of_the_outer_one_as_text(shop: Project) -> None:
    """With --resolve-environment, what a store returned is not resolved a second time."""
    shop.write("files/key", "$<docker:other>" + "x" * 40)
    inner = secretsync_argv(["run", "-e", "development", "--resolve-environment", "--", "true"])
    shop.cli("run", "-e", "production", "--", *inner, expect=0)


@pytest.mark.parametrize("call", ["report()", 'report("production")'])
def test_env_files_that_are_gone(shop: Project, call: str) -> None:
    """The application gets what `run` resolved from its own environment, in the scopes of the files."""
    shop.write("env/production/web.env", "PORT=9000\nNAME=web\n")
    program = f"""
found = {call}
config = resolve_config()
origin = config.origin("SECRET_KEY")
print(json.dumps([found, config.service("web")["PORT"], origin.is_secret, origin.file, list(origin.references)]))
"""
    found, *rest = run_application(shop, program, before="rm -r env files providers; cd /")
    assert (found["environment"], found["is_strict"], found["values"]["PLACE"]) == ("production", True, "production")
    assert len(found["values"]["SECRET_KEY"]) > 20
    assert rest == ["9000", True, "env/production/security.env", ["docker:key"]]


@pytest.mark.parametrize("before", ["", "rm -r env providers"])
def test_bindings_decide_strictness(shop: Project, before: str) -> None:
    """The strictness of the bindings is handed over, because they may not exist any more."""
    shop.write("providers/production.toml", f"strict = false\n{STORES}")
    assert run_application(shop, "print(json.dumps(report()))", before=before)["is_strict"] is False


@pytest.mark.parametrize("option", ["--clean", None])
def test_variable_of_run_is_gone(shop: Project, option: str | None) -> None:
    """An entry that used it has its value from `run`, although the file cannot be planned any more."""
    shop.write("env/production/web.env", "URL=https://${USER_NAME}@host\n")
    options = () if option is None else (option,)
    program = 'print(json.dumps([report(), report("production"), report(services=["web"])]))'
    env = {"USER_NAME": "app"}
    for found in run_application(shop, program, *options, before="rm files/key; unset USER_NAME", env=env):
        assert found["values"]["PLACE"] == "production", found
    shop.write("files/key", make_canary())
    changed = run_application(shop, program, *options, before="unset USER_NAME; export SECRET_KEY=x", env=env)
    assert "the variable USER_NAME is neither" in changed[0]["error"]


def test_env_files_that_are_gone_and_a_changed_secret(shop: Project) -> None:
    """No file can resolve it again."""
    program = 'print(json.dumps([report(), report("staging")]))'
    changed, other = run_application(shop, program, before="rm -r env; export SECRET_KEY=x")
    assert "the env files do not exist any more" in changed["error"]
    assert "PLACE" not in other


def test_named_file_that_is_gone(single: Project) -> None:
    """The same for files that were named one by one."""
    found = run_application(single, "print(json.dumps(report()))", *FILES, before="rm .env s.toml files/key")
    assert (found["environment"], found["values"]["A"], found["values"]["DEBUG"]) == (None, "k" * 40, "true")


def test_large_handover_leaves_nothing_behind_in_a_smaller_one(shop: Project) -> None:
    """The parts of the outer `run` are not passed on."""
    shop.write("env/production/big.env", "".join(f"KEY_{number}=x\n" for number in range(1_400)))
    show = f"import os; print(*sorted(name for name in os.environ if name.startswith({VARIABLE!r})))"
    outer = shop.cli("run", "-e", "production", "--", *PYTHON, show, expect=0)
    assert outer.stdout.split() == [VARIABLE, f"{VARIABLE}_1", KEY_VARIABLE]
    inner = secretsync_argv(["run", "-e", "development", "--", *PYTHON, show])
    assert shop.cli("run", "-e", "production", "--", *inner, expect=0).stdout.split() == [VARIABLE, KEY_VARIABLE]


# Values without a variable


@pytest.fixture
def layers(shop: Project) -> Project:
    """Return the shared configuration and a service have different secrets and settings of the same keys."""
    shop.write("env/production/web.env", "SECRET_KEY=$<docker:of_web>\nPLACE=web\nONLY=1\n")
    shop.write("env/production/worker.env", "ONLY=1\nSECRET_KEY=$<docker:of_web>\n")
    shop.write("files/of_web", make_canary())
    return shop


LAYERS = """
config = resolve_config()
scopes = [config, config.service("web"), config.service("worker")]
found = [[scope["SECRET_KEY"], scope["PLACE"], "ONLY" in scope, scope.origin("SECRET_KEY").file] for scope in scopes]
print(json.dumps([found, [name for name in os.environ if name.startswith("SECRETSYNC_RESOLVED_VALUE")]]))
"""


@pytest.mark.parametrize("before", ["rm files/*", "rm -r files env providers"])
@pytest.mark.parametrize("options", [(), ("--files", "own", "--allow-disk")])
def test_service_has_another_value_of_a_shared_key(layers: Project, before: str, options: tuple[str, ...]) -> None:
    """The environment has the value of the service. The shared value is handed over too, and no store is asked."""
    shared, own = layers.read("files/key"), layers.read("files/of_web")
    found, names = run_application(layers, LAYERS, *options, before=before)
    assert found == [
        [shared, "production", False, "env/production/security.env"],
        [own, "web", True, "env/production/web.env"],
        [own, "production", True, "env/production/worker.env"],
    ]
    assert any(name.endswith("_FILE") for name in names) is bool(options)


HASHED = """
import hashlib
value = resolve_config()["SECRET_KEY"].encode("utf-8", "surrogateescape")
print(json.dumps([len(value), hashlib.sha256(value).hexdigest()]))
"""


@pytest.mark.parametrize(
    "value", ["x" * 131_050, "%" * 200_000, "\u00e9%00" * 40_000, "\U0001f600" * 60_000, "a\0b%25\0", "%00%25", "\0"]
)
def test_value_without_a_variable_that_no_variable_takes(layers: Project, value: str) -> None:
    """A value that is too large, or has a NUL, is in several variables."""
    layers.write("files/key", value)
    expected = [len(value.encode()), hashlib.sha256(value.encode()).hexdigest()]
    assert run_application(layers, HASHED, "--no-validate", before="rm files/*") == expected


def test_changed_piece_of_a_value_without_a_variable(layers: Project) -> None:
    """A secret of which one variable was changed or removed is not used, and the stores are asked."""
    value = "x" * 131_050
    layers.write("files/key", value)
    expected = [len(value), hashlib.sha256(value.encode()).hexdigest()]
    names = "$(env | sed -n 's/^\\(SECRETSYNC_RESOLVED_VALUE_[0-9]*_[0-9]*\\)=.*/\\1/p' | tail -n 1)"
    for before in (f"export {names}=y", f"unset {names}"):
        assert run_application(layers, HASHED, "--no-validate", before=before) == expected
        with pytest.raises(AssertionError, match="no file"):
            run_application(layers, HASHED, "--no-validate", before=f"{before}; mv files/key files/gone")
        layers.write("files/key", value)


def test_no_variable_holds_a_value_that_has_a_variable_already(shop: Project) -> None:
    """Only a key that a service defines again needs a further variable."""
    shop.write("env/production/web.env", "ONLY=1\n")
    program = 'print(json.dumps([name for name in os.environ if name.startswith("SECRETSYNC_RESOLVED_VALUE")]))'
    assert run_application(shop, program) == []


def test_run_inside_run_removes_the_values_without_a_variable(layers: Project) -> None:
    """They are part of the handover, which the inner `run` replaces without a message."""
    show = f"import os; print(*sorted(name for name in os.environ if name.startswith({VARIABLE!r})))"
    inner = secretsync_argv(["run", "-e", "development", "--resolve-environment", "--", *PYTHON, show])
    done = layers.cli("run", "-e", "production", "--", *inner, expect=0)
    assert done.stdout.split() == [VARIABLE, KEY_VARIABLE]
    assert VARIABLE not in done.stderr


def test_changed_value_without_a_variable(layers: Project) -> None:
    """A secret that was changed there is not used, and the stores are asked."""
    shared = layers.read("files/key")
    before = "for name in $(env | sed -n 's/^\\(SECRETSYNC_RESOLVED_VALUE_[0-9]*\\)=.*/\\1/p'); do export $name=x; done"
    found, _ = run_application(layers, LAYERS, before=before)
    assert found[0][0] == shared


# Files in place of folders


@pytest.fixture
def single(project: MakeProject) -> Project:
    """Return a project that is one env file."""
    return project(
        {".env": "DEBUG=true\nA=$<docker:key>\nENVIRONMENT=production\n", "s.toml": STORES, "files/key": "k" * 40}
    )


FILES = ("--env-file", ".env", "--bindings", "s.toml")


def test_files_without_a_name(single: Project) -> None:
    """The name in the file is a setting, so the application is as lenient as `run` was."""
    program = 'print(json.dumps([report(), report(files=[".env"], bindings="s.toml")]))'
    for found in run_application(single, program, *FILES, before="rm files/key"):
        assert (found["environment"], found["is_strict"], found["values"]["A"]) == (None, False, "k" * 40)


def test_files_with_a_name(single: Project) -> None:
    """The name is handed over; each way to name the same configuration gets the same."""
    program = """
files = {"files": [".env"], "bindings": "s.toml"}
print(json.dumps([report(), report("staging"), report(**files), report("staging", **files)]))
"""
    options = ("-e", "staging", *FILES, "--no-validate")
    for found in run_application(single, program, *options, before="rm files/key"):
        assert (found["environment"], found["is_strict"], found["values"]["A"]) == ("staging", True, "k" * 40)


def test_files_with_another_name_or_bindings(single: Project) -> None:
    """Files with another name or other bindings are another configuration, whose store is asked."""
    program = """
print(json.dumps([report("test", files=[".env"], bindings="s.toml"), report(files=[".env"])]))
"""
    for found in run_application(single, program, *FILES, before="rm files/key"):
        assert "docker:key" in found["error"]


def test_file_that_is_named_twice(single: Project) -> None:
    """A file that is named directly and through a link is inherited."""
    (single.root / "link.env").symlink_to(".env")
    options = ("--env-file", "link.env", *FILES)
    found = run_application(single, "print(json.dumps(report()))", *options, before="rm files/key")
    assert found["values"]["A"] == "k" * 40


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_values_are_unchanged_in_any_locale(shop: Project, locale: str) -> None:
    """Python decodes variables by the locale. That is no change of a value."""
    shop.write("files/key", "é\u2028ü" * 20)
    shop.write("env/production/common.env", "PLACE=production\nNAME=Zoë\n")
    env = {"LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    program = "print(json.dumps([report(), list(map(len, [resolve_config()['NAME']]))]))"
    script = shop.write("application.py", f"{REPORT}\n{program}\n")
    command = ["sh", "-c", f"rm files/key; exec {sys.executable} -s -P {script}"]
    done = shop.cli("run", "-e", "production", "--", *command, env=env, expect=0)
    found, lengths = json.loads(done.stdout)
    assert found["values"]["SECRET_KEY"] == "é\u2028ü" * 20
    assert lengths == [3]
    assert done.stderr == ""


def test_variables_alone(project: MakeProject) -> None:
    """Without env files the bindings are handed over too. An env/ in the application's directory is no substitute."""
    made = project({"s.toml": STORES, "files/key": "k" * 40})
    program = """
os.makedirs("other/env/development")
open("other/env/development/common.env", "w").write("PLACE=development\\n")
found = report()
os.chdir("other")
print(json.dumps([found, report()]))
"""
    script = made.write("application.py", f"{REPORT}\n{program}")
    options = ("--resolve-environment", "--bindings", "s.toml")
    command = ["run", *options, "--", "sh", "-c", f"rm files/key; exec {sys.executable} -I {script}"]
    done = made.cli(*command, env={"PASSWORD": "$<docker:key>"}, reveals=True, expect=0)
    for found in json.loads(done.stdout):
        assert (found["environment"], found["is_strict"]) == (None, True)
        assert found["values"] == {"PASSWORD": "k" * 40}


# The variables


def handover(names: int, secret: str = "1234") -> Handover:
    """Return what `run` hands over for so many settings and one short secret."""
    from secretsync.core.model import Resolved
    from secretsync.project.environ_entries import variable_entry

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "env/test").mkdir(parents=True)
        Path(folder, "env/test/common.env").write_text("A=1\n")
        project = open_project("test", folder)
    keys = [*(f"KEY_{number}" for number in range(names)), "PIN"]
    resolved = {}
    for key in keys:
        origin = Origin(key=key, file="", line=0, service=None, is_secret=key == "PIN")
        value = Secret(secret if key == "PIN" else "x")
        resolved[key] = Resolved(variable_entry(key, ""), value, origin, (), is_from_store=False)
    return Handover.of(project, ["web"], resolved, {}, {}, is_strict=False, withheld=[], validates=True)


def test_pipe_is_not_read_again(single: Project) -> None:
    """`run` read the pipe to its end, so its entries are those of the process environment in the application."""
    from secretsync.core.model import Resolved
    from secretsync.project.environ_entries import variable_entry

    single.write(".env", "DEBUG=true\n")
    os.mkfifo(single.root / "pipe")
    shown = [str(single.root / "pipe"), str(single.root / ".env")]
    resolved = {}
    for key, file, value in (("P", shown[0], "from the pipe"), ("DEBUG", shown[1], "true")):
        origin = Origin(key=key, file=file, line=1, service=None, is_secret=True, references=("docker:x",))
        entry = replace(variable_entry(key, ""), file=file)
        resolved[key] = Resolved(entry, Secret(value), origin, (), is_from_store=True)
    for files in (shown, shown[:1]):
        project = open_files(files, None)
        found = {key: one for key, one in resolved.items() if one.entry.file in files}
        handed = Handover.of(project, [], found, {}, {}, is_strict=False, withheld=[], validates=True)
        environ = {**handed.to_variables(), **{key: one.value.reveal() for key, one in found.items()}}
        config = resolve_config(environ=environ, root=single.root)
        assert (config["P"], config.origin("P").references) == ("from the pipe", ("docker:x",))
        assert (config.environment, config.is_strict) == (None, False)


@pytest.mark.parametrize("names", [0, 10, 1_400])
def test_variables_say_the_same_again(names: int) -> None:
    """The variables of the handover are read back as they were written."""
    written = handover(names)
    variables = written.to_variables()
    assert set(handover_variables({**variables, "OTHER": "", f"{VARIABLE}_X": ""})) == set(variables)
    assert Handover.from_environ(variables) == written
    assert Handover.from_environ({}) is None


def test_digests_reveal_nothing_about_a_short_secret() -> None:
    """They differ for the same value in each start, and without the key no candidate can be tried."""
    first, second = handover(1), handover(1)
    assert first.secrets != second.secrets
    assert first.settings != second.settings
    text = first.to_variables()[VARIABLE]
    assert first.key not in text
    assert "1234" not in json.loads(text)["names"]["PIN"].values()
    for hidden in (first.key, first.secrets, first.settings):
        assert hidden not in repr(first)


@pytest.mark.parametrize(
    "change",
    [
        {"environment": 5},
        {"environment": None},
        {"root": None},
        {"services": "web"},
        {"services": [5]},
        {"withheld": "VAULT_TOKEN"},
        {"withheld": [None]},
        {"files": "x"},
        {"names": []},
        {"names": {"A": None}},
        {"names": {"A": {"file": ["x"]}}},
        {"names": {"A": {"file": "x", "path": 5}}},
        {"names": {"A": {"file": "x", "versions": [5]}}},
        {"names": {"A": {"file": "x", "references": 5}}},
        {"validates": "no"},
        {"parts": 0},
        {"parts": 1_000_000},
        {"parts": "x"},
    ],
)
def test_wrong_types_are_damage(change: dict[str, Any]) -> None:
    """No crash, and no half of a document."""
    variables = handover(1).to_variables()
    document = {**json.loads(variables[VARIABLE]), "key": variables[KEY_VARIABLE][:32], **change}
    del document["schema"]
    with pytest.raises(HandoverError, match="damaged"):
        Handover.from_environ(encode(document))
    with pytest.raises(UsageError):
        resolve_config(environ=encode(document))


@hypothesis.given(names=st.sampled_from([2, 1_400]), seed=st.integers(0))
def test_every_change_is_damage(names: int, seed: int) -> None:
    """One character, a cut or a missing variable is enough, wherever it is."""
    variables = handover(names).to_variables()
    changed = damage(variables, random.Random(seed))
    hypothesis.assume(changed != variables)
    with pytest.raises(HandoverError, match="damaged"):
        Handover.from_environ(changed)


# All together

KEYS = st.sampled_from(["A", "B_1", "PORT", "DEBUG_LEVEL", "TOKEN", "DB_PASSWORD", "Url", "_X"])
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="'\\"), max_size=40)


def scope(config: Config) -> list[Any]:
    """Return the values of a scope and where they came from."""
    origins = [config.origin(key) for key in config]
    shown = [[one.key, one.file, one.line, one.is_secret, one.references, one.stores, one.versions] for one in origins]
    return [dict(config), shown]


SCOPES = f"""
Config = object
from typing import Any
{inspect.getsource(scope)}
config = resolve_config()
print(json.dumps([config.environment, config.services, scope(config), scope(config.service("web"))]))
"""


@hypothesis.settings(examples(6), suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture], database=None)
@hypothesis.given(
    whole=st.dictionaries(KEYS, TEXT, min_size=1),
    service=st.dictionaries(KEYS, TEXT),
    stored=st.dictionaries(KEYS, TEXT),
)
def test_application_gets_exactly_what_run_resolved(
    project: MakeProject, whole: dict[str, str], service: dict[str, str], stored: dict[str, str]
) -> None:
    """Real processes get the values and origins of `run` in every scope, without the stores."""
    made = project({"providers/test.toml": STORES})
    made.write("files/none", "")
    for key, value in stored.items():
        made.write(f"files/{key}", value)
    made.write("env/test/common.env", "".join(f"{key}='{value}'\n" for key, value in whole.items()))
    made.write("env/test/security.env", "".join(f"S_{key}=$<docker:{key}>\n" for key in stored))
    made.write("env/test/web.env", "".join(f"{key}='{value}'\n" for key, value in service.items()))
    config = resolve_config("test", root=made.root, environ={})
    found = run_application(made, SCOPES, "-e", "test", before="rm files/*")
    expected = [config.environment, config.services, scope(config), scope(config.service("web"))]
    assert found == json.loads(json.dumps(expected))
