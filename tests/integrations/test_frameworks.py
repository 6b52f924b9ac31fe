"""The example application of each framework: alone, started by `run`, and behind its server."""

import contextlib
import http.client
import json
import re
import subprocess
import sys
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gunicorn.config import KNOWN_SETTINGS  # type: ignore[import-untyped]
from itsdangerous import Signer
from sqlalchemy import text

from secretsync import resolve_config
from secretsync.integrations.pytest_plugin import Overrides
from secretsync.testing import MemoryProvider
from tests.servers.postgresql import PostgreSql
from tests.support.canary import CanaryFactory
from tests.support.limits import HANG
from tests.support.processes import clean_environment, run_command, secretsync_argv
from tests.support.projects import MakeProject, Project

PROGRAMS = Path(__file__).parent / "programs"
SITE = PROGRAMS / "django_site"
FILES = {
    "env/production/common.env": "DEBUG=False\nALLOWED_HOSTS=localhost,testserver\n",
    "env/production/security.env": "SECRET_KEY=$<docker:key>\n",
    "env/production/database.env": (
        "ENGINE=django.db.backends.sqlite3\nDRIVER=sqlite\nNAME=:memory:\nPASSWORD=$<docker:password>\n"
    ),
    "env/production/worker.env": "BROKER_URL=memory://\n",
    "providers/production.toml": '[stores.docker]\ndir = "files"\n',
}


class Shop:
    """A project with its secrets in files, and the ways to start an application in it."""

    def __init__(self, made: Project, key: str) -> None:
        self.project, self.key = made, key
        self.env = {"ENVIRONMENT": "production", "SECRETSYNC_ROOT": str(made.root)}
        self.signed = Signer(key).sign("text").decode()

    def run_command(self, *arguments: str, cwd: Path = PROGRAMS, **options: Any) -> Any:
        """Run Python with `arguments`; the application resolves by itself."""
        env = clean_environment(self.project.home, {**self.env, **options.pop("env", {})})
        return run_command([sys.executable, *arguments], cwd=cwd, env=env, **options)

    def started(self, *arguments: str, cwd: Path = PROGRAMS, **options: Any) -> Any:
        """Run Python with `arguments` through `secretsync run`."""
        env = {**self.env, **options.pop("env", {})}
        command = ("run", "-e", "production", "--", sys.executable, *arguments)
        return self.project.cli(*command, cwd=cwd, env=env, **options)


@pytest.fixture
def shop(project: MakeProject, canary: CanaryFactory) -> Shop:
    """Return the project."""
    key = f"{canary()}{canary()}"
    made = project({**FILES, "files/key": key, "files/password": canary()})
    return Shop(made, key)


WAYS: list[Callable[..., Any]] = [Shop.run_command, Shop.started]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("program", ["flask_app", "fastapi_app", "celery_app"])
def test_application(shop: Shop, program: str, way: Callable[..., Any]) -> None:
    """The application signs with the key of the store."""
    done = way(shop, f"{program}.py", expect=0)
    assert json.loads(done.stdout)["signed"] == shop.signed


# Django


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_django_check_deploy(shop: Shop, way: Callable[..., Any]) -> None:
    """`manage.py check --deploy` does not have a finding."""
    done = way(shop, "manage.py", "check", "--deploy", "--fail-level", "WARNING", cwd=SITE, expect=0)
    assert "no issues" in done.stdout + done.stderr


def test_django_page(shop: Shop) -> None:
    """A page signs with the key of the store."""
    program = (
        "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'settings'\n"
        "import django; django.setup()\n"
        "from django.test import Client; from django.core.signing import Signer\n"
        "signed = Client().get('/', secure=True).json()['signed']\n"
        "assert Signer().unsign(signed) == 'text'\n"
        "from django.conf import settings\n"
        "key = open(os.environ['SECRETSYNC_ROOT'] + '/files/key').read()\n"
        "assert settings.SECRET_KEY == key"
    )
    shop.run_command("-c", program, cwd=SITE, expect=0)


def test_django_finds_unresolved_values(shop: Shop, canary: CanaryFactory) -> None:
    """A placeholder in a nested setting is an error with its place and without its text."""
    name = canary()
    done = shop.run_command("manage.py", "check", cwd=SITE, env={"PAYMENT_TOKEN": f"$<vault:secret/{name}#token>"})
    assert done.status == 1
    assert "(secretsync.E001) PAYMENT['options'][0]['token'] has a placeholder that was not resolved." in done.stderr
    for harmless in ("costs $<5", "$$<X>"):
        assert shop.run_command("manage.py", "check", cwd=SITE, env={"PAYMENT_TOKEN": harmless}).status == 0, harmless


def test_django_finds_a_secret_that_is_not_revealed(shop: Shop) -> None:
    """Django would fail late, or sign nothing."""
    program = (
        "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'settings'\n"
        "import django; django.setup()\n"
        "from django.conf import settings; import settings as site\n"
        "from secretsync.integrations.django import check_settings\n"
        "assert check_settings() == []\n"
        "settings.OPTIONS = {'key': (site.config.secret('SECRET_KEY'),)}\n"
        "settings.LOOP = []; settings.LOOP.append(settings.LOOP)\n"
        "found, = check_settings(); print(found.id, found.msg)"
    )
    done = shop.run_command("-c", program, cwd=SITE, expect=0)
    assert done.stdout == "secretsync.E002 OPTIONS['key'][0] is a Secret, and Django needs its text.\n"


# Servers


# Old versions of gunicorn do not have a control socket, and refuse the option.
NO_SOCKET = [flag for one in KNOWN_SETTINGS for flag in one.cli or () if flag == "--no-control-socket"]
SERVERS = {
    "gunicorn": (
        ["-m", "gunicorn", "--bind=127.0.0.1:0", *NO_SOCKET, "flask_app:create_app()"],
        rb"Listening at: http://127\.0\.0\.1:(\d+)",
    ),
    "uvicorn": (["-m", "uvicorn", "--port=0", "fastapi_app:app"], rb"running on http://127\.0\.0\.1:(\d+)"),
}


@contextlib.contextmanager
def serving(shop: Shop, name: str, output: Path) -> Iterator[int]:
    """Start a server through `run`; yield its port."""
    arguments, listening = SERVERS[name]
    argv = secretsync_argv(["run", "-e", "production", "--", sys.executable, *arguments])
    env = clean_environment(shop.project.home, {**shop.env, "PYTHONUNBUFFERED": "1"})
    with (
        output.open("wb") as stream,
        subprocess.Popen(argv, cwd=PROGRAMS, env=env, stdout=stream, stderr=stream) as process,
    ):
        try:
            while not (found := re.search(listening, output.read_bytes())):
                assert process.poll() is None, output.read_text()
                time.sleep(0.02)
            yield int(found[1])
        finally:
            process.terminate()
            process.wait(HANG)


@pytest.mark.parametrize("name", SERVERS)
def test_server(shop: Shop, name: str, canary: CanaryFactory, tmp_path: Path) -> None:
    """The workers of the server have the values that `run` resolved, and the log of the server has none."""
    with serving(shop, name, tmp_path / "output") as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=HANG)
        connection.request("GET", "/")
        assert json.loads(connection.getresponse().read())["signed"] == shop.signed
        connection.close()
    canary.assert_clean((tmp_path / "output").read_bytes())


# Others


def test_lambda(shop: Shop, secretsync: Overrides, canary: CanaryFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Invocations share one resolution; after the time it is refreshed, and a rotated key is used."""
    from tests.integrations.programs import lambda_function

    for name, value in shop.env.items():
        monkeypatch.setenv(name, value)
    now = [1000.0]
    monkeypatch.setattr(lambda_function, "time", types.SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(lambda_function, "_kept", [])
    store = MemoryProvider({"key": shop.key, "password": canary()})
    secretsync.set(stores={"docker": store})
    handler = lambda_function.handler
    assert [handler({"text": "text"}, None)["signed"] for _ in range(3)] == [shop.signed] * 3
    assert len(store.fetched) == 2  # the key and the password, once
    key = canary()
    store.put("key", key)
    assert handler({"text": "text"}, None)["signed"] == shop.signed
    now[0] += lambda_function.MAX_AGE + 1
    assert handler({"text": "text"}, None)["signed"] == Signer(key).sign("text").decode()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_sqlalchemy(shop: Shop, way: Callable[..., Any]) -> None:
    """The engine connects, and its URL does not have a password."""
    done = way(shop, "sqlalchemy_app.py", expect=0)
    found = json.loads(done.stdout)
    assert found["found"] == 42
    assert found["engine"].startswith("Engine(sqlite:///")


def test_sqlalchemy_after_a_rotation(
    postgresql: PostgreSql, project: MakeProject, canary: CanaryFactory, secretsync: Overrides
) -> None:
    """A new connection logs in with the password that the store has at that time; the engine is not made again."""
    from tests.integrations.programs.sqlalchemy_app import engine_of

    user, store = postgresql.create_user(), MemoryProvider({"key": canary()})
    database = (
        f"DRIVER=postgresql+pg8000\nHOST=127.0.0.1\nPORT={postgresql.port}\nUSER_NAME={user}\nNAME=postgres\n"
        "PASSWORD=$<docker:password>\n"
    )
    made = project({**FILES, "env/production/database.env": database})
    secretsync.set(stores={"docker": store})

    def rotate() -> None:
        password = canary()
        postgresql.query(f"ALTER ROLE {user} PASSWORD '{password}'")
        store.put("password", password)

    rotate()
    engine = engine_of(resolve_config("production", root=made.root))
    for _ in range(2):
        with engine.connect() as connection:
            assert connection.execute(text("select current_user")).scalar_one() == user
        engine.dispose()
        rotate()
    canary.assert_clean(f"{engine!r} {engine.url}")


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_typer(shop: Shop, way: Callable[..., Any]) -> None:
    """A command uses the key; an error of SecretSync is a message and its exit status."""
    assert way(shop, "typer_app.py", "-e", "production", "sign", "text", expect=0).stdout == f"{shop.signed}\n"


def test_typer_with_an_error(shop: Shop) -> None:
    """No traceback is printed."""
    (shop.project.root / "files" / "key").unlink()
    done = shop.run_command("typer_app.py", "sign", "text", expect=3)
    assert done.stderr.startswith("env/production/security.env:1:12: SECRET_KEY: docker:key: ")
    assert "Traceback" not in done.stderr


NOTEBOOK = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell()
for cell in json.load(open("notebook.ipynb"))["cells"]:
    shell.run_cell("".join(cell["source"]), store_history=True).raise_error()
"""


def test_notebook(shop: Shop) -> None:
    """What a notebook displays, and so saves, has no value of a secret."""
    done = shop.run_command("-c", NOTEBOOK, expect=0)
    assert "<Config production: " in done.stdout
    assert "<Secret ********>" in done.stdout
    assert shop.signed in done.stdout
