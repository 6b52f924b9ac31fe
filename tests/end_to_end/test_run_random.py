"""Random configurations: an application of `run` gets what `run` resolved, or `run` refuses before the start."""

import base64
import inspect
import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from secretsync import Config, SecretSyncError, resolve_config
from secretsync.resolving.handover_codec import VALUE_PREFIX, handover_variables
from secretsync.running.unsafe_variables import is_unsafe_variable
from tests.support.canary import assert_clean
from tests.support.configurations import Configuration, as_lines, damage, decoded, draw
from tests.support.tools import needs_tool

PARTS = 10  # of the configurations, so that several workers share them
MOST_BYTES = 131_071  # of NAME=value, Linux
# The environment that the shell was started with, and that of its child.
SHOW_ENVIRONMENTS = r"cat /proc/$$/environ && printf -- '--\0' && env -0"
STARTER = Path(__file__).parents[1] / "support/run_starter.py"


class Starter:
    """A process that starts `run` in a fork of itself."""

    def __init__(self, sys_path: Path) -> None:
        environ = {**os.environ, "PYTHONPATH": str(sys_path)}
        argv = [sys.executable, "-s", "-P", str(STARTER)]
        self.process = subprocess.Popen(argv, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def run(self, made: Configuration, root: Path, command: list[str]) -> tuple[int, bytes, bytes]:
        """Return status, stdout and stderr of `run`."""
        environ = [[as_lines(name), as_lines(value)] for name, value in made.environ.items()]
        arguments = ["run", *made.options, "--", *command]
        asked = {"folder": str(root), "arguments": arguments, "environ": environ}
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(asked).encode() + b"\n")
        self.process.stdin.flush()
        found = json.loads(self.process.stdout.readline())
        return found["status"], base64.b64decode(found["stdout"]), base64.b64decode(found["stderr"])

    def close(self) -> None:
        """End the process."""
        self.process.communicate()


@pytest.fixture
def starter(plugin: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Starter]:
    """Yield a starter that has the plug-in, as this process has it."""
    monkeypatch.syspath_prepend(plugin)
    made = Starter(plugin)
    yield made
    made.close()


def shown(config: Config, root: Path) -> dict[str, Any]:
    """Return everything that an application can see of a configuration."""

    def scope(one: Config) -> dict[str, Any]:
        origins = {key: one.origin(key) for key in one}
        return {
            key: [
                one[key],
                os.path.normpath(root / origin.file),
                origin.service,
                origin.is_secret,
                list(origin.references),
                list(origin.stores),
                list(origin.versions),
            ]
            for key, origin in origins.items()
        }

    scopes = {name: scope(config.service(name)) for name in config.services}
    return {"": scope(config), **scopes, "?": [config.environment, config.is_strict, list(config.services)]}


def expected_status(made: Configuration, root: Path) -> tuple[int, Config | None]:
    """Return the exit status of `run` before its start, and the configuration; 0 means that the application starts."""
    try:
        config = resolve_config(**made.library_arguments(root), environ=decoded(made.environ))
        resolved = config.resolved()
    except SecretSyncError as error:
        return int(error.exit_status), None
    for key, found in resolved.items():
        is_file = made.is_in_files and found.origin.is_secret
        value = found.value.reveal().encode("utf-8", "surrogateescape")
        is_unfit = b"\0" in value or len(key) + 1 + len(value) > MOST_BYTES
        if (is_unfit and not is_file) or (found.is_from_store and is_unsafe_variable(key)):
            return 6, None
    return 0, config


def outcome(root: Path, /, **arguments: Any) -> dict[str, Any] | str:
    """Return what an application sees, or the type and text of its error."""
    try:
        return shown(resolve_config(**arguments), root)
    except SecretSyncError as error:
        return f"{type(error).__name__}: {error}"


def check_one(drawn: random.Random, starter: Starter, root: Path, *, monkeypatch: pytest.MonkeyPatch) -> str:
    """Start one random configuration, and compare what its application gets. Return the kind of outcome."""
    made = draw(drawn)
    made.write(root)
    made.environ |= {b"PATH": os.fsencode(os.environ["PATH"])}
    monkeypatch.chdir(root)  # which the bindings of named files are relative to
    status, config = expected_status(made, root)
    ended, out, err = starter.run(made, root, [needs_tool("sh"), "-c", SHOW_ENVIRONMENTS])
    assert_clean(err, "the stderr of run")
    assert ended == status, err.decode()
    if config is None:
        assert out == b"", "the application was started"
        return f"status {status}"
    expected = shown(config, root)
    environ, below = (
        dict(entry.split(b"=", 1) for entry in part.split(b"\0") if entry) for part in out.split(b"\0--\0")
    )
    for key, found in config.resolved().items():
        value = found.value.reveal().encode("utf-8", "surrogateescape")
        is_file = made.is_in_files and found.origin.is_secret
        given = Path(os.fsdecode(environ[key.encode() + b"_FILE"])).read_bytes() if is_file else environ[key.encode()]
        assert given == value, key
    check_application(made, root, [decoded(environ), decoded(below)], expected, drawn, monkeypatch)
    return "started in files" if made.is_in_files else "started"


def check_application(
    made: Configuration,
    root: Path,
    environs: list[dict[str, str]],
    expected: dict[str, Any],
    drawn: random.Random,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Compare what `resolve_config` returns with the environments of the application, in another directory.

    `environs`: that of the child, and that of a program that the child started.
    """
    environ = environs[0]
    monkeypatch.chdir("/")
    variables = {name: environ[name] for name in handover_variables(environ) if not name.startswith(VALUE_PREFIX)}
    hurt = {name: value for name, value in environ.items() if name not in variables} | damage(variables, drawn)
    if set(variables) & set(hurt):  # without each of its variables, a handover does not exist
        found = outcome(root, environ=hurt)
        assert found == expected or str(found).startswith("HandoverError: "), found
    shutil.rmtree(root / "sec")
    (root / "probe.json").unlink()
    named = made.library_arguments(root)
    for one in environs:
        assert outcome(root, environ=one) == expected
        assert outcome(root, environ=one, **named) == expected
    gone = [name for name in made.files if not name.startswith("sec/") and name != "probe.json"]
    for name in gone:
        (root / name).unlink()
    assert [outcome(root, environ=one) for one in environs] == [expected, expected]


APPLICATION = f"""
from __future__ import annotations
import json, os, shutil, signal, subprocess, sys
from pathlib import Path
from secretsync import SecretSyncError, resolve_config
{inspect.getsource(shown)}
{inspect.getsource(outcome)}
root = Path({{root!r}})
shutil.rmtree(root / "sec", ignore_errors=True)
(root / "probe.json").unlink(missing_ok=True)
os.chdir("/")
found = [outcome(root)]
if len(sys.argv) == 1 or sys.argv[1] != "grandchild":
    me = [sys.executable, "-I", str(root / "application.py"), "grandchild"]
    found += json.loads(subprocess.run(me, check=True, capture_output=True).stdout)
    (root / "seen").write_text(json.dumps(found))
else:
    print(json.dumps(found))
if __name__ != "__main__":
    os.kill(os.getppid(), signal.SIGTERM)  # the master of gunicorn

def app(environ, start_response):
    raise AssertionError
"""

PYTHON = [sys.executable, "-I"]
GUNICORN = [
    *PYTHON,
    "-m",
    "gunicorn",
    "--workers=1",
    "--bind=unix:gunicorn.socket",
    "--pythonpath=.",
    "application:app",
]
COMMANDS = {
    "python": [*PYTHON, "application.py"],
    "sh": ["sh", "-c", '"$0" "$@"; exit $?', *PYTHON, "application.py"],
    "bash": ["bash", "-c", '"$0" "$@"; exit $?', *PYTHON, "application.py"],
    "gunicorn": GUNICORN,
}
SHARES = {"python": 40, "sh": 40, "bash": 80, "gunicorn": 80}  # one of so many configurations


@pytest.mark.parametrize("command", COMMANDS)
def test_each_kind_of_child_sees_what_run_resolved(
    starter: Starter, command: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child and a child of the child see it, in an interpreter of their own, without the stores."""
    needs_tool("bash")
    count, seed = request.config.getoption("--configurations"), request.config.getoption("--hostile-seed")
    number = started = 0
    while started < max(1, count // SHARES[command]):
        number += 1
        root = tmp_path / str(number)
        root.mkdir()
        made = draw(random.Random(f"{seed}/{command}/{number}"))
        made.write(root)
        made.environ |= {b"PATH": os.fsencode(os.environ["PATH"])}
        (root / "application.py").write_text(APPLICATION.replace("{root!r}", repr(str(root))))
        monkeypatch.chdir(root)
        status, config = expected_status(made, root)
        if config is None:
            continue
        started += 1
        expected = json.loads(json.dumps(shown(config, root)))
        ended, _, err = starter.run(made, root, COMMANDS[command])
        assert_clean(err, "the stderr of run")
        assert ended == status, f"{number} of {seed}: {err.decode()}"
        for found in json.loads((root / "seen").read_text()):
            assert found == expected, f"{number} of {seed}"
        monkeypatch.chdir(tmp_path)
        shutil.rmtree(root)


@pytest.mark.parametrize("part", range(PARTS))
def test_application_sees_what_run_resolved(
    starter: Starter,
    part: int,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Any,
) -> None:
    """`resolve_config` is called with the environments of a shell and of its child, without the stores."""
    count, seed = request.config.getoption("--configurations"), request.config.getoption("--hostile-seed")
    kinds: Counter[str] = Counter()
    for number in range(part, count, PARTS):
        root = tmp_path / str(number)
        root.mkdir()
        try:
            kinds[check_one(random.Random(f"{seed}/{number}"), starter, root, monkeypatch=monkeypatch)] += 1
        except AssertionError as error:
            error.add_note(f"configuration {number} of --hostile-seed={seed}")
            raise
        shutil.rmtree(root)
    record_property("outcomes", dict(kinds))
