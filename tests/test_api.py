"""`resolve_config`: found, resolved, inherited; from threads, loops and forks, and without a trace in the process."""

import asyncio
import datetime as dt
import json
import os
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest

from secretsync import Config, ConfigurationError, ResolutionError, UsageError, check_rotation, resolve_config
from secretsync.core.errors import ProblemKind
from secretsync.testing import MemoryProvider
from tests.support.canary import CanaryFactory
from tests.support.limits import HANG
from tests.support.processes import clean_environment, open_files, run_command
from tests.support.projects import MakeProject, Project

PYTHON = [sys.executable, "-I", "-c"]


@pytest.fixture
def shop(project: MakeProject, canary: CanaryFactory) -> Project:
    """Two environments, a secrets file, two services."""
    return project(
        {
            "env/test/common.env": "PORT=8000\nNAME=whole\n",
            "env/test/security.env": "SECRET_KEY=$<docker:key>\n",
            "env/test/web.env": "NAME=web\nURL=x:${SECRET_KEY}@web\n",
            "env/test/db.env": "DB_PASSWORD=$<docker:db>\n",
            "env/other/common.env": "PORT=9000\nSECRET_KEY=$<docker:key>\n",
            "providers/test.toml": '[stores.docker]\ndir = "files"\n',
            "providers/other.toml": '[stores.docker]\ndir = "files"\n',
            "files/key": canary(),
            "files/db": canary(),
        }
    )


# Which configuration


def test_the_root_is_the_nearest_folder_upwards(shop: Project) -> None:
    """The argument, else $SECRETSYNC_ROOT, else upwards from the working directory."""
    deep = shop.root / "a" / "b"
    # A folder env/ without an environment in it is none: a virtual environment, say.
    (deep / "env" / "bin").mkdir(parents=True)
    with chdir(deep):
        assert resolve_config("test", environ={})["PORT"] == "8000"
    assert resolve_config("test", root=str(shop.root), environ={"SECRETSYNC_ROOT": "/no/such"})["PORT"] == "8000"
    assert resolve_config("test", environ={"SECRETSYNC_ROOT": str(shop.root)})["PORT"] == "8000"
    with chdir("/"), pytest.raises(UsageError, match="init"):
        resolve_config("test", environ={})


def test_the_environment_is_named_or_development(shop: Project) -> None:
    """The argument, $SECRETSYNC_ENV, $ENVIRONMENT, development, in this order; an empty variable is none."""
    both = {"SECRETSYNC_ENV": "other", "ENVIRONMENT": "test"}
    assert resolve_config("test", root=shop.root, environ=both).environment == "test"
    assert resolve_config(root=shop.root, environ=both)["PORT"] == "9000"
    assert resolve_config(root=shop.root, environ={**both, "SECRETSYNC_ENV": ""})["PORT"] == "8000"
    with pytest.raises(UsageError, match="env/development: there is no env file there"):
        resolve_config(root=shop.root, environ={})


@pytest.mark.parametrize(
    "name", ["../test", "/etc", "test/../other", "test\0", ".", "x" * 65, "test ", "-test", "tést"]
)
def test_a_name_that_is_none_builds_no_path(shop: Project, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused before any file is opened."""
    with monkeypatch.context() as patched:
        patched.setattr(os, "open", lambda *_: pytest.fail("a file was opened"))
        with pytest.raises(UsageError, match="an environment's name"):
            resolve_config(name, root=shop.root, environ={})


def test_files_in_place_of_an_environment(project: MakeProject, canary: CanaryFactory) -> None:
    """Later ones over earlier ones, with a bindings file; without a name they are lenient."""
    secret = canary()
    made = project({"a.env": "A=1\nB=1\n", "b.env": "B=$<TOKEN>\n", "s.toml": '[secrets]\nTOKEN = "memory:t"\n'})
    files: list[Any] = [made.root / "a.env", str(made.root / "b.env")]
    config = resolve_config(
        files=files, bindings=made.root / "s.toml", environ={}, stores={"memory": MemoryProvider({"t": secret})}
    )
    assert dict(config) == {"A": "1", "B": secret}
    assert (config.environment, config.is_strict, config.services) == (None, False, ())
    assert "TOKEN" in repr(resolve_error(files=files, environ={}))
    assert "no env file is named" in str(resolve_error(files=[], environ={}))


def resolve_error(**options: Any) -> Exception:
    """Return the exception that `resolve_config` raises."""
    with pytest.raises((ConfigurationError, ResolutionError, UsageError)) as caught:
        resolve_config(**options)
    return caught.value


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"services": "web"}, r"services is a list of strings, not one string; .*services=\[\.\.\.\]"),
        ({"files": ".env"}, r"files is a list of paths, not one string; .* files=\[\.\.\.\]"),
        ({"files": Path(".env")}, "files is a list of paths, not one path"),
        ({"files": [b".env"]}, "files: an item: it is of type bytes; give a path"),
        ({"files": 5}, "files: it is of type int; give a list of paths"),
        ({"environment": 5}, "environment: it is of type int; give a string"),
        ({"environment": Path("test")}, "environment: it is of type PosixPath"),
        ({"root": 5}, "root: it is of type int; give a path"),
        ({"root": b"/"}, "root: it is of type bytes; give a path"),
        ({"bindings": ["x"], "files": []}, "bindings: it is of type list; give a path"),
        ({"services": ["web", None]}, "services: an item: it is of type NoneType; give a string"),
        ({"environ": ["A=1"]}, "environ: it is of type list; give a mapping of strings"),
        ({"environ": {"A": 5}}, "environ: a value: it is of type int; give names and values as strings"),
        ({"environ": {b"A": "x"}}, "environ: a name: it is of type bytes"),
        ({"timeout": "30s"}, "timeout: it is of type str; give a number of seconds"),
        ({"timeout": True}, "timeout: it is of type bool"),
        ({"validate": "no"}, "validate: it is of type str; give True or False"),
        ({"stores": ["vault"]}, "stores: it is of type list; give a mapping"),
        ({"stores": {"vault": MemoryProvider}}, "stores: a provider: it is of type type; give a mapping"),
        ({"timeout": 0}, "above zero"),
        ({"timeout": -1.0}, "above zero"),
        ({"timeout": float("nan")}, "above zero"),
        ({"services": ["wbe"]}, "did you mean web"),
        ({"bindings": "a.toml"}, "bindings go with files"),
    ],
)
def test_wrong_calls(shop: Project, options: dict[str, Any], said: str) -> None:
    """A UsageError that says how it is meant."""
    with pytest.raises(UsageError, match=said):
        resolve_config(**{"environment": "test", "root": shop.root, "environ": {}, **options})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"now": "2026-01-01"}, "now: it is of type str; give a datetime with a time zone"),
        ({"now": dt.date(2026, 1, 1)}, "now: it is of type date"),
        ({"strict": "yes"}, "strict: it is of type str; give True or False"),
        ({"timeout": dt.timedelta(seconds=1)}, "timeout: it is of type timedelta"),
    ],
)
def test_wrong_calls_of_check_rotation(shop: Project, options: dict[str, Any], said: str) -> None:
    """A UsageError names the argument, its type and what to give."""
    with pytest.raises(UsageError, match=said):
        check_rotation("test", root=shop.root, environ={}, **options)


def test_services_that_are_not_selected_need_no_right(shop: Project) -> None:
    """Services that are not selected are not asked for."""
    (shop.root / "files/db").unlink()
    assert resolve_config("test", root=shop.root, services=["web"], environ={}).services == ("web",)
    assert resolve_config("test", root=shop.root, services=[], environ={})["NAME"] == "whole"
    with pytest.raises(ResolutionError, match="docker:db"):
        resolve_config("test", root=shop.root, environ={})


def test_stores_of_the_caller(shop: Project) -> None:
    """Stores of the caller replace configured ones, are asked once a secret, and are not closed."""
    store = MemoryProvider({"key": "x", "db": "y"})
    config = resolve_config("test", root=shop.root, environ={}, stores={"docker": store})
    assert config.service("web")["URL"] == "x:x@web"
    assert sorted(ref.path for ref in store.fetched) == ["db", "key"]
    assert config.refresh().changed == frozenset()
    store.fail("key", ProblemKind.UNAVAILABLE, "connection refused")
    with pytest.raises(ResolutionError) as caught:
        resolve_config("test", root=shop.root, environ={}, stores={"docker": store})
    assert caught.value.exit_status == 5


def test_the_timeout_ends_a_store_that_hangs(shop: Project) -> None:
    """At the deadline, with what was asked; the configured time-out holds where none is given."""
    store = MemoryProvider()
    store.hang()
    with pytest.raises(ResolutionError, match=r"2 entries of docker .*: no answer within 0.1 s"):
        resolve_config("test", root=shop.root, environ={}, stores={"docker": store}, timeout=0.1)
    shop.write("providers/test.toml", 'timeout = "50ms"\n')
    with pytest.raises(ResolutionError, match=r"no answer within 0.05 s"):
        resolve_config("test", root=shop.root, environ={}, stores={"docker": store})
    store.release()


# Threads, loops, forks, and what is left behind


def test_from_many_threads(shop: Project) -> None:
    """64 threads at once get equal configurations."""
    barrier = threading.Barrier(64)

    def resolve(_: int) -> Config:
        barrier.wait()
        return resolve_config("test", root=shop.root, environ={})

    with ThreadPoolExecutor(64) as pool:
        configs = list(pool.map(resolve, range(64)))
    assert all(config == configs[0] for config in configs)
    assert configs[0]["SECRET_KEY"] == shop.read("files/key")


def test_from_a_running_event_loop(shop: Project) -> None:
    """Called as it is, and in a thread of the loop."""

    async def resolve() -> tuple[Config, Config]:
        here = resolve_config("test", root=shop.root, environ={})
        return here, await asyncio.to_thread(resolve_config, "test", root=shop.root, environ={})

    one, other = asyncio.run(resolve())
    assert one == other


@pytest.mark.slow
def test_many_resolutions_leave_nothing_behind(shop: Project) -> None:
    """500 of them: descriptors and threads are as they were."""
    resolve_config("test", root=shop.root, environ={})
    before, threads = open_files(), set(threading.enumerate())
    for _ in range(500):
        resolve_config("test", root=shop.root, environ={})
    for thread in set(threading.enumerate()) - threads:
        thread.join(HANG)
    assert not set(threading.enumerate()) - threads
    assert open_files() == before


def test_the_process_environment_is_never_written(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """No resolution, refresh, getter or `as_environ` changes `os.environ`."""
    before = dict(os.environ)
    with monkeypatch.context() as patched:
        for name in ("putenv", "unsetenv"):
            patched.setattr(os, name, lambda *_: pytest.fail("the environment was written"))
        config = resolve_config("test", root=shop.root)
        config.refresh()
        config.as_environ()
        config.get("PORT")
    assert dict(os.environ) == before


@pytest.mark.parametrize("when", ["after the import", "after a resolution"])
def test_after_a_fork(shop: Project, when: str) -> None:
    """A worker of a server that was loaded before resolves like its parent."""
    program = (
        "import os, sys\n"
        "from secretsync import resolve_config\n"
        f"first = resolve_config('test') if {when == 'after a resolution'} else None\n"
        "child = os.fork()\n"
        "config = resolve_config('test')\n"
        "assert first is None or (config == first and first.refresh().config == config)\n"
        "if child == 0:\n"
        "    os._exit(7 if config['PORT'] == '8000' else 1)\n"
        "assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7\n"
    )
    run_command([*PYTHON, program], cwd=shop.root, env=clean_environment(shop.home), expect=0)


# In an application that `run` started

# What an application sees: each scope's values, whether a store was asked for them, and what a refresh says.
REPORT = """
import json, os, sys
from secretsync import resolve_config, SecretSyncError
def report(*args, **options):
    try:
        config = resolve_config(*args, **options)
    except SecretSyncError as error:
        return {"error": str(error)}
    scopes = {name: dict(config.service(name)) for name in config.services}
    origins = {key: [config.origin(key).is_secret, config.origin(key).references] for key in config}
    return {"whole": dict(config), "services": scopes, "origins": origins, "environment": config.environment}
"""


@pytest.fixture
def run_application(shop: Project) -> Callable[..., Any]:
    """`run_application(program, *options)`: what it prints as JSON, the secrets files being gone when it starts."""

    def run(program: str, *options: str, keep: bool = False, **more: Any) -> Any:
        script = shop.write("application.py", f"{REPORT}\n{program}\n")
        gone = [] if keep else ["sh", "-c", 'rm files/* && exec "$0" "$@"']
        source = [] if "--env-file" in options else ["-e", "test"]
        command = ["--", *gone, sys.executable, "-I", str(script)]
        return json.loads(shop.cli("run", *source, *options, *command, reveals=True, expect=0, **more).stdout)

    return run


def test_the_application_gets_what_run_resolved(shop: Project, run_application: Callable[..., Any]) -> None:
    """The application has the values and origins of `run` in each scope, and asks no store."""
    expected = resolve_config("test", root=shop.root, environ={})
    shown = run_application('print(json.dumps([report("test"), report()]))')
    for one in shown:
        assert one["whole"] == dict(expected)
        assert one["services"] == {name: dict(expected.service(name)) for name in ("db", "web")}
        assert one["origins"]["SECRET_KEY"] == [True, ["docker:key"]]
        assert one["origins"]["PORT"] == [False, []]
        assert one["environment"] == "test"


def test_the_application_gets_the_services_that_run_selected(run_application: Callable[..., Any]) -> None:
    """Services that `run` did not select are not available in the application."""
    (shown, named) = run_application(
        'print(json.dumps([report("test"), report("test", services=["db"])]))', "--service", "web"
    )
    assert set(shown["services"]) == {"web"}
    # Asked for by name, it is asked of its store, whose file is gone.
    assert "docker:db" in named["error"]


def test_a_refresh_in_the_application_asks_the_stores(shop: Project, run_application: Callable[..., Any]) -> None:
    """`refresh` in the application asks the stores for new values, and fails if they have none."""
    program = (
        "config = resolve_config()\n"
        "open('files/key', 'w').write('rotated')\n"
        "new, changed = config.refresh()\n"
        "print(json.dumps([new['SECRET_KEY'], sorted(changed)]))"
    )
    assert run_application(program, keep=True) == ["rotated", ["SECRET_KEY", "URL"]]
    shop.write("files/key", "x")
    gone = "try: resolve_config().refresh()\nexcept SecretSyncError as error: print(json.dumps(str(error)))"
    assert "docker:key" in run_application(gone)


@pytest.mark.parametrize(
    "call",
    [
        'report("other")',
        'report("test", root="copy")',
        'report(files=["env/test/security.env"])',
        'report("test", environ={})',
        'report("test", environ={**os.environ, "SECRETSYNC_RESOLVED": "[]"})',
        'report("test", environ={**os.environ, "SECRETSYNC_RESOLVED": "x"})',
    ],
)
def test_another_configuration_inherits_nothing(shop: Project, run_application: Callable[..., Any], call: str) -> None:
    """Another environment, root or environment variables: the stores are asked, and say that nothing is there."""
    for name in ("env/test/security.env", "env/test/common.env", "providers/test.toml"):
        shop.write(f"copy/{name}", shop.read(name))
    assert "docker:key" in run_application(f"print(json.dumps({call}))")["error"]


def test_another_root_inherits_nothing(project: MakeProject, shop: Project) -> None:
    """A second project of the same environment's name has its own values."""
    second = project({"env/test/common.env": "PORT=1\n"})
    script = shop.write("application.py", f"{REPORT}\nprint(json.dumps(report('test', root={str(second.root)!r})))")
    run = shop.cli("run", "-e", "test", "--", sys.executable, "-I", str(script), expect=0)
    assert json.loads(run.stdout)["whole"] == {"PORT": "1"}


def test_stores_of_the_caller_are_asked_in_the_application(run_application: Callable[..., Any]) -> None:
    """Tests that `run` started bring their own stores, and find the values of these."""
    program = (
        "from secretsync.testing import MemoryProvider\n"
        "print(json.dumps(report('test', stores={'docker': MemoryProvider({'key': 'k', 'db': 'd'})})))"
    )
    assert run_application(program)["whole"]["SECRET_KEY"] == "k"


def test_files_are_inherited_too(shop: Project, run_application: Callable[..., Any]) -> None:
    """An application of a project without folders gets the values of the files that `run` was given."""
    shop.write(".env", "A=$<docker:key>\nB=1\n")
    shop.write("stores.toml", '[stores.docker]\ndir = "files"\n')
    key = shop.read("files/key")
    options = ["--env-file", ".env", "--bindings", "stores.toml"]
    shown = run_application('print(json.dumps([report(), report(files=[".env"], bindings="stores.toml")]))', *options)
    assert not [one for one in shown if "error" in one], [one.get("error") for one in shown]
    assert [one["whole"] for one in shown] == [{"A": key, "B": "1"}] * 2


def test_a_garbled_variable_is_taken_for_none(shop: Project) -> None:
    """A damaged SECRETSYNC_RESOLVED is ignored."""
    identity = {"schema": 1, "environment": "test", "root": os.path.realpath(shop.root)}
    names: Mapping[str, Any] = {"PORT": {"file": ["env/test/common.env"]}, "NAME": {"file": "env/test/common.env"}}
    for document in (
        "[" * 100_000,
        "null",
        json.dumps({**identity, "names": names, "services": 5}),
        json.dumps({**identity, "names": {"NAME": {**names["NAME"], "references": 5, "versions": [5]}}}),
        json.dumps({**identity, "names": {"NAME": None}}),
        json.dumps({**identity, "names": names, "services": ["gone", 5]}),
    ):
        environ = {"SECRETSYNC_RESOLVED": document, "NAME": "inherited", "PORT": "1"}
        config = resolve_config("test", root=shop.root, environ=environ)
        assert config["PORT"] == "8000"
        assert config["NAME"] in ("inherited", "whole")


def test_the_installed_package_is_found(tmp_path: Path) -> None:
    """All public names are there, and an unknown one is an AttributeError."""
    program = (
        "import secretsync\n"
        "for name in secretsync.__all__: assert getattr(secretsync, name), name\n"
        "assert set(secretsync.__all__) <= set(dir(secretsync))\n"
        "assert not hasattr(secretsync, 'nothing')\n"
    )
    run_command([*PYTHON, program], cwd=tmp_path, env=clean_environment(tmp_path), expect=0)
