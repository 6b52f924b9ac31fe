"""The recipes of docs/live.md: each program runs, and uses a rotated secret without a restart."""

import gc
import http.client
import importlib
import itertools
import json
import operator
import re
import subprocess
import sys
import threading
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from itsdangerous import Signer
from sqlalchemy import text

from secretsync import resolve_config
from secretsync.integrations.pytest_plugin import Overrides
from secretsync.refreshing.live import Live
from secretsync.refreshing.pace import Pace
from secretsync.testing import MemoryProvider
from tests.integrations.test_frameworks import FILES, NO_SOCKET, PROGRAMS, WAYS, Shop, shop
from tests.servers.postgresql import PostgreSql
from tests.support.canary import CanaryFactory
from tests.support.limits import HANG
from tests.support.processes import clean_environment
from tests.support.projects import MakeProject

__all__ = ["shop"]
PAGE = Path(__file__).parents[2] / "docs" / "live.md"


def signed_by(key: str) -> str:
    """Return the text that the programs sign, as `key` signs it."""
    return Signer(key).sign("text").decode()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("program", ["live_fastapi", "live_celery"])
def test_application(shop: Shop, program: str, way: Callable[..., Any], canary: CanaryFactory) -> None:
    """The application signs with the key of the store, and after a rotation with the new one."""
    key = f"{canary()}{canary()}"
    done = way(shop, f"{program}.py", env={"NEXT_KEY": key}, expect=0)
    assert json.loads(done.stdout) == [shop.signed, signed_by(key)]
    canary.assert_clean(done.stderr)


def test_lambda(shop: Shop, secretsync: Overrides, canary: CanaryFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Invocations share one resolution until its time is over; a store that is down does not end an invocation."""
    for name, value in shop.env.items():
        monkeypatch.setenv(name, value)
    store = MemoryProvider({"key": shop.key, "password": canary()})
    secretsync.set(stores={"docker": store})
    monkeypatch.delitem(sys.modules, "tests.integrations.programs.live_lambda", raising=False)
    program = importlib.import_module("tests.integrations.programs.live_lambda")
    now = [1000.0]
    with program.live as live:
        live._refresher.pace = Pace(300, clock=lambda: now[0])
        key = canary()
        store.put("key", key)
        assert [program.handler({"text": "text"}, None)["signed"] for _ in range(3)] == [shop.signed] * 3
        assert len(store.fetched) == 2  # the key and the password, once
        now[0] += 331
        assert program.handler({"text": "text"}, None)["signed"] == signed_by(key)
        assert len(store.fetched) == 4


# gunicorn


def signed_by_server(port: int) -> str:
    """Return the text that a worker has signed."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=HANG)
    try:
        connection.request("GET", "/")
        signed: str = json.loads(connection.getresponse().read())["signed"]
    finally:
        connection.close()
    return signed


def test_gunicorn(shop: Shop, canary: CanaryFactory, tmp_path: Path) -> None:
    """One watcher replaces the workers, and no request fails in the meantime."""
    output = tmp_path / "output"
    argv = [sys.executable, "-m", "gunicorn", "--bind=127.0.0.1:0", "--workers=2", *NO_SOCKET]
    env = clean_environment(shop.project.home, {**shop.env, "WATCH_INTERVAL": "0.2", "PYTHONUNBUFFERED": "1"})
    with (
        output.open("wb") as stream,
        subprocess.Popen(
            [*argv, "--config=live_gunicorn.py"], cwd=PROGRAMS, env=env, stdout=stream, stderr=stream
        ) as process,
    ):
        try:
            while not (found := re.search(rb"Listening at: http://127\.0\.0\.1:(\d+)", output.read_bytes())):
                assert process.poll() is None, output.read_text()
                time.sleep(0.02)
            port = int(found[1])
            assert signed_by_server(port) == shop.signed
            key = f"{canary()}{canary()}"
            shop.project.write("files/key", key)
            # One worker may answer many requests in a row, so that the signal must have come too.
            in_a_row, deadline = 0, time.monotonic() + HANG
            while in_a_row < 20 or b"Handling signal: hup" not in output.read_bytes():
                assert time.monotonic() < deadline, output.read_text()
                signed = signed_by_server(port)
                assert signed in (shop.signed, signed_by(key))
                in_a_row = in_a_row + 1 if signed == signed_by(key) else 0
        finally:
            process.terminate()
            process.wait(HANG)
    canary.assert_clean(output.read_bytes())


# SQLAlchemy


class Rotator:
    """A user of PostgreSQL whose password changes in the database first, and then in the store."""

    def __init__(self, postgresql: PostgreSql, canary: CanaryFactory) -> None:
        self.postgresql, self.canary = postgresql, canary
        self.users = [postgresql.create_user(), postgresql.create_user()]
        self.store = MemoryProvider({"key": canary()})
        self.turn = threading.Lock()  # held while the database and the store have different passwords

    def rotate(self, user: str) -> None:
        """Change the password of a user, and let the store have this user."""
        password = self.canary()
        with self.turn:
            self.postgresql.query(f"ALTER ROLE {user} PASSWORD '{password}'")
            self.store.put("login", {"user": user, "password": password})


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.parametrize("count", [1, 2], ids=["one user", "two users in turn"])
def test_sqlalchemy_while_the_password_rotates(
    postgresql: PostgreSql,
    project: MakeProject,
    canary: CanaryFactory,
    secretsync: Overrides,
    monkeypatch: pytest.MonkeyPatch,
    count: int,
) -> None:
    """No request of four threads fails while the password rotates twenty times, and the newest login is used."""
    from tests.integrations.programs import live_sqlalchemy

    rotator = Rotator(postgresql, canary)

    def sleep(_seconds: float) -> None:
        """Wait as long as the rotation takes, however busy the machine is."""
        with rotator.turn:
            pass

    monkeypatch.setattr(live_sqlalchemy, "time", types.SimpleNamespace(sleep=sleep))
    database = (
        f"DRIVER=postgresql+pg8000\nHOST=127.0.0.1\nPORT={postgresql.port}\nNAME=postgres\n"
        "USER_NAME=$<docker:login#user>\nPASSWORD=$<docker:login#password>\n"
    )
    made = project({**FILES, "env/production/database.env": database})
    users = itertools.cycle(rotator.users[:count])
    rotator.rotate(next(users))
    secretsync.set(stores={"docker": rotator.store})
    config = resolve_config("production", root=made.root)
    answered, is_over = threading.Condition(), threading.Event()
    counts = [0] * 4
    failures: list[type[Exception]] = []

    def request(number: int) -> None:
        while not is_over.is_set():
            try:
                with engine.connect() as connection:
                    assert connection.execute(text("select current_user")).scalar_one() in rotator.users
            except Exception as error:  # noqa: BLE001 - each failure counts
                failures.append(type(error))
            with answered:
                counts[number] += 1
                answered.notify_all()

    def wait_for_each_thread() -> None:
        """Wait until each thread has made two more requests, so that none is behind by several rotations."""
        with answered:
            wanted = [count + 2 for count in counts]
            assert answered.wait_for(lambda: all(map(operator.ge, counts, wanted)), HANG)

    with Live(config, Pace(1e6), new_pause=None) as live:
        engine = live_sqlalchemy.engine_of(live)
        threads = [threading.Thread(target=request, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(20):
            rotator.rotate(user := next(users))
            engine.dispose()  # as if connections were lost, so that new ones log in
            wait_for_each_thread()
        live.refresh()
        is_over.set()
        for thread in threads:
            thread.join(HANG)
        with engine.connect() as connection:
            assert connection.execute(text("select current_user")).scalar_one() == user
        engine.dispose()
    gc.collect()  # pg8000 does not close the socket of a login that was refused
    assert failures == []
    canary.assert_clean(f"{engine!r} {engine.url}")


# The page


def test_the_page_shows_the_programs() -> None:
    """Each recipe on the page is a part of its program, so that it is text that a test has run."""
    recipes = PAGE.read_text(encoding="utf-8").split("\n## Recipes\n")[1]
    blocks = re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```$", recipes, re.MULTILINE | re.DOTALL)
    assert {name for name, _ in blocks} == {path.name for path in PROGRAMS.glob("live_*.py")}
    for name, block in blocks:
        program = (PROGRAMS / name).read_text(encoding="utf-8")
        for part in block.strip().split("\n\n\n"):
            assert part.strip() in program, f"{name}: {part}"
