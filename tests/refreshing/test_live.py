"""`secretsync.live`: the newest valid configuration, callbacks, threads, forks, asyncio and failures."""

import asyncio
import gc
import inspect
import io
import logging
import queue
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

import secretsync
from secretsync import MissingKeyError, ProblemKind, ResolutionError, SecretSyncError, UsageError, resolve_config
from secretsync.config.refreshed import Refreshed
from secretsync.refreshing.live import Live, _open
from secretsync.refreshing.pace import Pace
from secretsync.testing import MemoryProvider
from tests.support.canary import CanaryFactory
from tests.support.limits import HANG
from tests.support.processes import clean_environment, run_command
from tests.support.projects import MakeProject, Project

FILES = {
    "env/test/common.env": "PORT=8000\nDEBUG=yes\nKEY=$<vault:key>\nOTHER=$<vault:other>\n",
    "env/test/db.env": "PASSWORD=$<vault:password>\n",
}


class Ticker:
    """The time of a watcher: its pauses end only if a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: queue.SimpleQueue[float] = queue.SimpleQueue()  # the seconds of each pause that has begun
        self._go: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._is_over = False

    def clock(self) -> float:
        """Return the time, as time.monotonic does."""
        return self.now

    def wait(self, timeout: float) -> bool:
        """Wait as threading.Event does, until the test ends the pause."""
        self.pauses.put(timeout)
        is_over = self._is_over or self._go.get(timeout=HANG)
        if not is_over:
            self.now += timeout
        return is_over

    def set(self) -> None:
        """End all pauses, as threading.Event does."""
        self._is_over = True
        self._go.put(True)

    def tick(self) -> float:
        """End a pause, wait for the next one, and return its seconds."""
        self._go.put(False)
        return self.pauses.get(timeout=HANG)


@dataclass
class Shop:
    """A project, its store, and the last values."""

    project: Project
    store: MemoryProvider
    canary: CanaryFactory
    values: dict[str, str] = field(repr=False)

    def rotate(self, *fields: str) -> None:
        """Store a new version with new values of some fields."""
        for name in fields:
            self.values[name] = self.canary()
            self.store.put(name, self.values[name])

    def break_store(self) -> None:
        """Let each request fail."""
        self.store.fail("key", ProblemKind.UNAVAILABLE, "the store does not answer")

    def repair_store(self) -> None:
        """End `break_store`."""
        self.store._failures.clear()

    def options(self) -> dict[str, Any]:
        """Return the arguments of `live`."""
        return {"root": self.project.root, "stores": {"vault": self.store}}

    def open(self, ticker: Ticker | None = None) -> Live:
        """Return a handle; with a ticker it has a thread, whose pauses the ticker ends."""
        pace = Pace(60, clock=(ticker or Ticker()).clock, spread=lambda _low, _high: 1.0)
        return Live(
            resolve_config("test", **self.options()), pace, new_pause=None if ticker is None else lambda: ticker
        )


@pytest.fixture
def shop(project: MakeProject, canary: CanaryFactory) -> Shop:
    """Return a project with two secrets of all services, and one of the service db."""
    made = Shop(project(FILES), MemoryProvider({}), canary, {})
    made.rotate("key", "other", "password")
    return made


@pytest.fixture
def log() -> Iterator[Callable[[], str]]:
    """Return the lines of the logger `secretsync` so far; a test fails if one has a secret."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logger = logging.getLogger("secretsync")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield stream.getvalue
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)
    CanaryFactory().assert_clean(stream.getvalue(), "the log")


# Reading


def test_the_handle_reads_as_a_config(shop: Shop) -> None:
    """Mapping, getters, scopes and conversions answer as those of the configuration."""
    with shop.open() as live:
        config = live.config
        assert live["KEY"] == shop.values["key"]
        assert live == config
        assert dict(live) == dict(config)
        assert (set(live.keys()), len(live), "KEY" in live, list(live)) == (set(config), 4, True, list(config))
        assert (dict(live.items()), list(live.values())) == (dict(config), list(config.values()))
        assert (live.get("NO"), live.get("NO", 1), live.get_int("PORT"), live.get_bool("DEBUG")) == (
            None,
            1,
            8000,
            True,
        )
        assert live.get_float("NO", 2.5) == 2.5
        assert live.get("PASSWORD", service="db") == live.service("db")["PASSWORD"] == shop.values["password"]
        assert live.secret("KEY") == config.secret("KEY")
        assert live.origin("KEY").versions == config.origin("KEY").versions
        assert live.environment == "test"
        for wrong in (lambda: live["KEYS"], lambda: live.get_int("KEYS"), lambda: live.service("db")["PASWORD"]):
            with pytest.raises(MissingKeyError, match=r"KEY|PASSWORD"):
                wrong()
        with pytest.raises(UsageError, match="there are: db"):
            live.service("dv")


def test_every_getter_reads_the_newest_configuration(shop: Shop) -> None:
    """A value is new after a refresh in the handle, in a service that was taken before, and in getters."""
    with shop.open() as live:
        old, service = live.config, live.service("db")
        shop.rotate("key", "password")
        assert live["KEY"] == old["KEY"]
        assert live.refresh() == {"KEY", "PASSWORD"}
        assert live["KEY"] == live.get("KEY") == live.secret("KEY").reveal() == shop.values["key"] != old["KEY"]
        assert service["PASSWORD"] == service.get("PASSWORD") == shop.values["password"]
        assert service.service("db")["KEY"] == shop.values["key"]


def test_nothing_of_a_handle_shows_a_value(shop: Shop) -> None:
    """`repr`, `str` and formats of a handle and its services have no value."""
    with shop.open() as live:
        shown = f"{live} {live!r} {live.service('db')} {[live]}"
    shop.canary.assert_clean(f"{shown} {live!r}")
    assert repr(live) == "<Live <Config test: 4 keys>, closed>"


def test_live_takes_the_arguments_of_resolve_config(shop: Shop) -> None:
    """`live` has each argument of `resolve_config`, resolves at once, and refuses intervals that are no time."""
    arguments = set(inspect.signature(secretsync.live).parameters) - {"interval", "background"}
    assert arguments == set(inspect.signature(resolve_config).parameters)
    with secretsync.live("test", background=False, services=["db"], **shop.options()) as live:
        assert isinstance(live, secretsync.Live)
        assert live["KEY"] == shop.values["key"]
    for interval in (0, -1, float("nan"), float("inf"), True, "60", None, 10**400):
        with pytest.raises(UsageError, match=r"seconds, such as 60|a number of seconds above 0"):
            secretsync.live("test", interval=interval, **shop.options())  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="background"):
        secretsync.live("test", background="no", **shop.options())  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="did you mean test"):
        secretsync.live("tset", **shop.options())
    shop.break_store()
    with pytest.raises(ResolutionError):
        secretsync.live("test", **shop.options())


# Callbacks


def test_callbacks_get_the_keys_that_they_named(shop: Shop) -> None:
    """A callback is called only if one of its keys changed, with these keys and the new configuration."""
    calls: list[tuple[str, frozenset[str], bool]] = []
    with shop.open() as live:

        def note(name: str) -> Callable[[Refreshed], None]:
            return lambda change: calls.append((name, change.changed, change.config is live.config))

        live.on_change(None, note("all"))
        live.on_change("PORT", note("port"))
        live.on_change({"PORT", "PASSWORD"}, note("two"))
        assert live.refresh() == frozenset()
        assert calls == []
        shop.project.write("env/test/common.env", FILES["env/test/common.env"].replace("8000", "9000"))
        live.refresh()
        one = frozenset({"PORT"})
        assert calls == [("all", one, True), ("port", one, True), ("two", one, True)]
        calls.clear()
        shop.rotate("password")
        live.refresh()
        assert [call[:2] for call in calls] == [
            ("all", frozenset({"PASSWORD"})),
            ("two", frozenset({"PASSWORD"})),
        ]


def test_a_callback_ends(shop: Shop) -> None:
    """The function that `on_change` returns ends the calls, also from inside a callback, and twice."""
    calls: list[str] = []
    with shop.open() as live:

        def first(_change: Refreshed) -> None:
            calls.append("first")
            end()

        live.on_change(None, first)
        end = live.on_change(None, lambda _: calls.append("second"))
        for _ in range(2):
            shop.rotate("key")
            live.refresh()
        end()
    assert calls == ["first", "first"]


@pytest.mark.parametrize("error", [ValueError, SystemExit, ResolutionError])
def test_a_callback_that_raises(
    shop: Shop, log: Callable[[], str], error: type[BaseException], canary: CanaryFactory
) -> None:
    """The other callbacks are called, the new values are used, and the log has the type without the message."""
    calls: list[str] = []

    def fail(change: Refreshed) -> None:
        raise error(change.config["KEY"] + canary())

    with shop.open() as live:
        live.on_change("KEY", fail)
        live.on_change("KEY", lambda change: calls.append(change.config["KEY"]))
        shop.rotate("key")
        assert "KEY" in live.refresh()
        assert calls == [live["KEY"]] == [shop.values["key"]]
    assert f"WARNING live: a callback of on_change raised {error.__name__} at {__file__}:" in log()


def test_a_callback_may_refresh_and_close(shop: Shop) -> None:
    """A change that a callback causes is delivered after the first one; no callback is called after `close`."""
    order: list[tuple[str, str]] = []
    with shop.open() as live:

        def first(change: Refreshed) -> None:
            order.append(("first", change.config["KEY"]))
            if len(order) == 1:
                shop.rotate("key")
                live.refresh()
            else:
                live.close()

        live.on_change("KEY", first)
        live.on_change("KEY", lambda change: order.append(("second", change.config["KEY"])))
        shop.rotate("key")
        one = shop.values["key"]
        live.refresh()
        assert order == [("first", one), ("second", one), ("first", shop.values["key"])]
        assert live["KEY"] == shop.values["key"]


def test_wrong_subscriptions_are_refused(shop: Shop) -> None:
    """An unknown key, a coroutine function and other types are errors with a next step."""

    async def coroutine(_change: Refreshed) -> None: ...

    with shop.open() as live:
        cases: list[tuple[Any, Any, str]] = [
            ("PASWORD", print, "did you mean PASSWORD"),
            (["KEY", "NO"], print, "there are:"),
            (3, print, "give a list of strings"),
            ([b"KEY"], print, "give a string"),
            ("KEY", coroutine, "async for"),
            ("KEY", None, "a function of one argument"),
        ]
        for keys, callback, expected in cases:
            with pytest.raises(UsageError, match=expected):
                live.on_change(keys, callback)
        with pytest.raises(UsageError, match="did you mean KEY"):
            live.changes("KEYS")


# The watcher thread


def test_the_thread_refreshes_at_each_interval(shop: Shop) -> None:
    """The thread waits one interval, refreshes, calls the callbacks, and ends with the handle."""
    ticker, names = Ticker(), []
    with shop.open(ticker) as live:
        live.on_change("KEY", lambda _: names.append(threading.current_thread().name))
        assert ticker.pauses.get(timeout=HANG) == 60
        assert ticker.tick() == 60
        assert names == []
        shop.rotate("key")
        assert ticker.tick() == 60
        assert names == ["secretsync-live"]
        assert live["KEY"] == shop.values["key"]
        (thread,) = [thread for thread in threading.enumerate() if thread.name == "secretsync-live"]
        assert thread.daemon
    assert not thread.is_alive()
    live.close()
    assert live["KEY"] == shop.values["key"]
    with pytest.raises(UsageError, match="was closed"):
        live.refresh()
    assert live.refresh_if_due() == frozenset()


def test_a_refresh_that_fails_keeps_the_old_values(shop: Shop, log: Callable[[], str]) -> None:
    """Intervals grow while the store is down, each failure is a warning, and a rotation is noticed afterwards."""
    ticker = Ticker()
    with shop.open(ticker) as live:
        old = live["KEY"]
        calls: list[Refreshed] = []
        live.on_change(None, calls.append)
        ticker.pauses.get(timeout=HANG)
        shop.break_store()
        assert [ticker.tick() for _ in range(10)] == [120, 240, 480, *[600] * 7]
        assert (live["KEY"], live.failures, calls) == (old, 10, [])
        lines = log().strip().split("\n")
        assert len([line for line in lines if line.startswith("WARNING live: the configuration was not ref")]) == 10
        assert "next attempt in 2 minutes" in lines[0]
        assert "env/test/common.env:3" in log()
        shop.repair_store()
        shop.rotate("key", "other")
        assert ticker.tick() == 60
        assert (live["KEY"], live.failures, len(calls)) == (shop.values["key"], 0, 1)
    assert "INFO live: the configuration was refreshed again after 10 failures" in log()
    assert "INFO live: new versions or values of KEY, OTHER" in log()


def test_an_invalid_configuration_is_not_used(shop: Shop, log: Callable[[], str]) -> None:
    """A file with a mistake and an error of a plug-in keep the old values; the log has no message of the plug-in."""
    ticker = Ticker()
    with shop.open(ticker) as live:
        old = live.config
        ticker.pauses.get(timeout=HANG)
        shop.project.write("env/test/common.env", "PORT='9000\n")
        assert ticker.tick() == 120
        assert live.config is old
        live._refresher.config = _Broken(shop.canary())  # type: ignore[assignment]
        assert ticker.tick() == 240
    assert "env/test/common.env:1" in log()
    assert "the cause is: LookupError" in log()


class _Broken:
    """A configuration whose refresh raises an error with a value."""

    def __init__(self, value: str) -> None:
        self.value = value

    def refresh(self) -> Refreshed:
        """Raise an error that is none of SecretSync."""
        raise LookupError(self.value)


def test_without_a_thread_the_application_refreshes(shop: Shop, log: Callable[[], str]) -> None:
    """`refresh_if_due` asks the store after the interval only, and does not raise if the store fails."""
    ticker = Ticker()
    pace = Pace(300, clock=ticker.clock, spread=lambda _low, _high: 1.0)
    before = threading.active_count()
    with Live(resolve_config("test", **shop.options()), pace, new_pause=None) as live:
        assert threading.active_count() == before
        asked = len(shop.store.fetched)
        shop.rotate("key")
        assert live.refresh_if_due() == frozenset()
        assert len(shop.store.fetched) == asked
        ticker.now += 300
        assert "KEY" in live.refresh_if_due()
        assert live["KEY"] == shop.values["key"]
        shop.break_store()
        ticker.now += 300
        assert live.refresh_if_due() == frozenset()
        asked = len(shop.store.fetched)
        ticker.now += 599  # the interval was doubled
        assert live.refresh_if_due() == frozenset()
        assert len(shop.store.fetched) == asked
        assert live["KEY"] == shop.values["key"]
    assert log().count("WARNING") == 1


def test_a_handle_without_a_thread_needs_no_close(shop: Shop) -> None:
    """A handle that nothing refers to any more is collected, and one with a thread lives until it is closed."""
    ticker, calls = Ticker(), []  # type: tuple[Ticker, list[Refreshed]]
    dropped = weakref.ref(shop.open())
    shop.open(ticker).on_change("KEY", calls.append)
    gc.collect()
    assert dropped() is None
    ticker.pauses.get(timeout=HANG)
    shop.rotate("key")
    ticker.tick()
    assert len(calls) == 1
    (watching,) = [live for live in _open.values() if live["KEY"] == shop.values["key"]]
    watching.close()


# Threads


def test_readers_never_see_a_mix(shop: Shop) -> None:
    """While a thread refreshes, a snapshot has values of one version, and no reader fails."""
    seen: list[bool] = []
    is_over = threading.Event()
    versions = {shop.values["key"]: shop.values["other"]}

    def read() -> None:
        while not is_over.is_set():
            config = live.config
            seen.append(versions[config["KEY"]] == config["OTHER"])
            assert live.get("KEY") in versions
            assert len(dict(live.items())) == 4

    with shop.open() as live:
        threads = [threading.Thread(target=read) for _ in range(2)]
        for thread in threads:
            thread.start()
        for _ in range(10):
            key, other = shop.canary(), shop.canary()
            versions[key] = other
            shop.store.put("key", key)
            shop.store.put("other", other)
            live.refresh()
        is_over.set()
        for thread in threads:
            thread.join(HANG)
    assert seen
    assert all(seen)


@pytest.mark.parametrize("fails", [False, True])
def test_calls_at_the_same_time_share_a_refresh(shop: Shop, fails: bool) -> None:
    """Twenty threads that ask during a refresh share the next one, with its result or its error."""
    begun, go = threading.Event(), threading.Event()
    counted: list[int] = []

    class Slow:
        def refresh(self) -> Refreshed:
            counted.append(1)
            begun.set()
            assert go.wait(HANG)
            if fails:
                raise UsageError("the store is down")
            return Refreshed(self, frozenset())  # type: ignore[arg-type]

    with shop.open() as live:
        live._refresher.config = Slow()  # type: ignore[assignment]
        arrived = threading.Barrier(21)
        results: queue.SimpleQueue[object] = queue.SimpleQueue()

        def ask(is_first: bool) -> None:
            if not is_first:
                arrived.wait(HANG)
            try:
                results.put(live.refresh())
            except SecretSyncError as error:
                results.put(type(error))

        first = threading.Thread(target=ask, args=(True,))
        first.start()
        assert begun.wait(HANG)
        assert live.refresh_if_due() == frozenset()  # It does not wait for the other thread.
        others = [threading.Thread(target=ask, args=(False,)) for _ in range(20)]
        for thread in others:
            thread.start()
        arrived.wait(HANG)
        go.set()
        for thread in (first, *others):
            thread.join(HANG)
        found = [results.get(timeout=HANG) for _ in range(21)]
    assert found == [UsageError if fails else frozenset()] * 21
    # A thread that had passed the barrier and was not yet in `refresh` may begin one of its own.
    assert 2 <= len(counted) <= 21


def test_close_does_not_wait_for_a_store_that_hangs(shop: Shop) -> None:
    """A refresh that ends after `close` changes nothing and calls no callback."""
    ticker, begun, go = Ticker(), threading.Event(), threading.Event()
    calls: list[Refreshed] = []

    class Slow:
        def refresh(self) -> Refreshed:
            begun.set()
            assert go.wait(HANG)
            return Refreshed(self, frozenset({"KEY"}))  # type: ignore[arg-type]

    live = shop.open(ticker)
    live.on_change(None, calls.append)
    slow = live._refresher.config = Slow()  # type: ignore[assignment]
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "secretsync-live"]
    ticker._go.put(False)
    assert begun.wait(HANG)
    live.close(timeout=0)
    go.set()
    thread.join(HANG)
    assert live.config is slow  # type: ignore[comparison-overlap]
    assert calls == []


# asyncio


def test_changes_in_a_loop(shop: Shop) -> None:
    """`async for` gets each change of its keys, and ends if the handle is closed."""
    ticker = Ticker()

    async def follow() -> list[tuple[str, frozenset[str]]]:
        found = []
        changes = live.changes(["KEY", "PORT"])
        shop.rotate("key")
        await asyncio.to_thread(ticker.tick)  # before the first step of the loop
        async for change in changes:
            found.append((change.config["KEY"], change.changed))
            if len(found) == 3:
                live.close()
            else:
                shop.rotate("key")
                asyncio.get_running_loop().run_in_executor(None, ticker.tick)  # while the loop waits
        return found

    with shop.open(ticker) as live:
        ticker.pauses.get(timeout=HANG)
        found = asyncio.run(asyncio.wait_for(follow(), HANG))
    assert [changed for _, changed in found] == [frozenset({"KEY"})] * 3
    assert len({key for key, _ in found}) == 3
    assert found[-1][0] == shop.values["key"]


def test_a_slow_loop_gets_one_change(shop: Shop) -> None:
    """Changes that wait become one, with the newest configuration and all keys; other keys are no change."""

    async def follow() -> None:
        changes, of_port = live.changes(), live.changes("PORT")
        shop.project.write("env/test/common.env", FILES["env/test/common.env"].replace("8000", "9000"))
        live.refresh()
        for _ in range(100):
            shop.rotate("key")
            live.refresh()
        change = await anext(changes)
        assert change == Refreshed(live.config, frozenset({"PORT", "KEY"}))
        assert (await anext(of_port)).changed == {"PORT"}
        for waiting in (changes, of_port):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(waiting), 0)
        waiting_tasks = [asyncio.ensure_future(anext(changes)) for _ in range(2)]
        await asyncio.sleep(0)
        live.close()
        assert all(
            isinstance(ended, StopAsyncIteration | RuntimeError)
            for ended in await asyncio.gather(*waiting_tasks, return_exceptions=True)
        )
        assert [change async for change in live.changes()] == []

    with shop.open() as live:
        asyncio.run(follow())


def test_a_loop_that_ended_is_forgotten(shop: Shop, log: Callable[[], str]) -> None:
    """A refresh after the end of a loop does not raise or log an error."""
    with shop.open() as live:
        kept = live.changes()

        async def leave() -> None:
            task = asyncio.ensure_future(anext(kept))
            await asyncio.sleep(0)
            task.cancel()

        asyncio.run(leave())
        shop.rotate("key")
        live.refresh()
    assert "WARNING" not in log()
    assert "ERROR" not in log()


# Log records


def test_old_and_new_values_are_masked(shop: Shop) -> None:
    """After refreshes, log records mask the values before and after, also in a callback, by whatever was made first."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logger = logging.getLogger("an application")
    logger.addHandler(handler)
    values = [shop.values["key"]]
    with shop.open() as live, live.install_log_masking():
        live.on_change("KEY", lambda change: logger.warning("new %s", change.config["KEY"]))
        for _ in range(3):
            shop.rotate("key", "password")
            values += [shop.values["key"], shop.values["password"]]
            live.refresh()
        for value in values:
            logger.warning("a value %s", value)
    logger.removeHandler(handler)
    assert stream.getvalue().count("\n") == 3 + len(values)
    assert stream.getvalue().count("********") == 3 + len(values)
    shop.canary.assert_clean(stream.getvalue())


# Processes

FORK = """
import os, sys, threading
import secretsync

def watchers():
    return [thread for thread in threading.enumerate() if thread.name == "secretsync-live"]

live = secretsync.live("test", interval=1e6, background=BACKGROUND)
seen = []
live.on_change("KEY", lambda change: seen.append(change.config["KEY"]))
before = live["KEY"]
turn = live._refresher._turn
turn.acquire()  # as another thread would that refreshes now
child = os.fork()
if child:
    turn.release()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert len(watchers()) == COUNT and live.refresh() == {"KEY"}, "parent"
    assert seen == [live["KEY"]]
    sys.exit(status)
try:
    assert len(watchers()) == COUNT
    open("files/key", "w").write("rotated in the child, and more")
    thread = threading.Thread(target=live.refresh)
    thread.start()
    thread.join(HANG)
    assert live["KEY"] == seen[0] != before
    live.close()
    assert watchers() == []
    os._exit(7)
except BaseException as error:
    sys.stderr.write(repr(error))
    os._exit(1)
"""


@pytest.mark.parametrize("background", [True, False])
def test_after_a_fork(project: MakeProject, canary: CanaryFactory, background: bool) -> None:
    """A forked process has a watcher of its own, also if another thread held the lock, and the parent keeps its own."""
    made = project(
        {
            "env/test/security.env": "KEY=$<docker:key>\n",
            "providers/test.toml": '[stores.docker]\ndir = "files"\n',
            "files/key": canary(),
        }
    )
    program = (
        FORK.replace("BACKGROUND", str(background)).replace("COUNT", str(int(background))).replace("HANG", str(HANG))
    )
    done = run_command([sys.executable, "-I", "-c", program], cwd=made.root, env=clean_environment(made.home))
    assert done.status == 7, done.stderr


def test_the_thread_does_not_keep_the_process_alive(project: MakeProject) -> None:
    """A process ends without `close`, with status 0 and without output."""
    made = project({"env/test/common.env": "PORT=1\n"})
    program = "import secretsync; live = secretsync.live('test', interval=1e6); live.on_change(None, print)"
    done = run_command([sys.executable, "-I", "-c", program], cwd=made.root, env=clean_environment(made.home), expect=0)
    assert (done.stdout, done.stderr) == ("", "")
