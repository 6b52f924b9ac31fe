"""Keeping the output of an SDK away."""

import builtins
import contextlib
import http.client
import io
import logging
import logging.config
import os
import threading
import warnings
from collections.abc import Callable, Iterator

import pytest

from secretsync.providers.sdk_logging import silenced
from tests.servers.loopback import LoopbackServer, Request, Response
from tests.support.limits import HANG


@pytest.fixture
def records() -> list[str]:
    """Return the records that the root's handlers got."""
    return []


@pytest.fixture(autouse=True)
def root(records: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the root logger to DEBUG, as an application may do."""

    class Listening(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record.getMessage())

    monkeypatch.setattr(logging.root, "handlers", [Listening()])
    monkeypatch.setattr(logging.root, "level", logging.DEBUG)
    logging.root.manager._clear_cache()  # type: ignore[attr-defined] # levels are cached below it


def printing() -> tuple[object, ...]:
    """Return the functions of the process that print."""
    return logging.Logger.handle, logging.Logger.isEnabledFor, builtins.print, vars(warnings)["_showwarnmsg"]


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """After each test, the functions that print are those from before."""
    # A thread of an earlier test may still be in a block, and its end would change these functions.
    for thread in threading.enumerate():
        if thread.name.startswith("secretsync-"):
            thread.join(HANG)
    before = printing()
    yield
    assert printing() == before


def in_another_thread(call: Callable[[], object]) -> None:
    """Return when `call` has returned in a thread of its own."""
    thread = threading.Thread(target=call)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()


def test_nothing_at_any_level(records: list[str]) -> None:
    """No logger logs in this thread while a block runs; each does afterwards."""
    loggers = [logging.getLogger(name) for name in ("", "somesdk", "somesdk.parsers", "somesdk.a.b")]
    with silenced():
        with silenced():
            pass
        for logger in loggers:
            logger.debug("body")
            logger.error("body")
            assert not logger.isEnabledFor(logging.CRITICAL)
    assert records == []
    for logger in loggers:
        logger.debug("after")
    assert records == ["after"] * 4


class Loud(logging.Logger):
    """A class of loggers as a library may set it."""

    def handle(self, record: logging.LogRecord) -> None:
        """Hand it on, as the base class does."""
        super().handle(record)


def loud_logger() -> logging.Logger:
    """Return a logger that writes into handlers of its own, whatever the tree is set to."""
    logger = Loud("outside the tree", logging.DEBUG)
    logger.addHandler(logging.root.handlers[0])
    return logger


MADE_INSIDE: dict[str, Callable[[], logging.Logger | logging.LoggerAdapter[logging.Logger]]] = {
    "by name": lambda: logging.getLogger("somesdk.made.inside"),
    "below another": lambda: logging.getLogger("somesdk").getChild("made.later"),
    "an adapter": lambda: logging.LoggerAdapter(logging.getLogger("somesdk.adapted"), {}),
    "outside the tree, of a class of its own": loud_logger,
}


@pytest.mark.parametrize("how", MADE_INSIDE)
def test_loggers_that_are_made_inside(records: list[str], how: str) -> None:
    """A logger that does not exist before the block is as silent as the others, until the block ends."""
    with silenced():
        logger = MADE_INSIDE[how]()
        logger.warning("body")
    assert records == []
    logger.warning("after")
    assert records == ["after"]


def test_a_record_from_elsewhere(records: list[str]) -> None:
    """A record that was made without a logger, and is handed to one, is dropped too."""
    logger = logging.getLogger("somesdk.queue")
    with silenced():
        logger.handle(logging.makeLogRecord({"msg": "body", "levelno": logging.ERROR}))
    assert records == []


def test_no_record_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Record factories and filters of an application see nothing of the SDK's either."""
    made: list[object] = []
    factory = logging.getLogRecordFactory()

    def watching(*arguments: object, **options: object) -> logging.LogRecord:
        made.append(arguments)
        return factory(*arguments, **options)

    logging.setLogRecordFactory(watching)
    try:
        with silenced():
            logging.getLogger("somesdk").error("%s", "body")
    finally:
        logging.setLogRecordFactory(factory)
    assert made == []


def test_others_are_heard(records: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """SecretSync's own loggers are not silenced, nor is anything in other threads."""
    logger = logging.getLogger("somesdk.parsers")
    with silenced():
        logging.getLogger("secretsync.providers").warning("own")
        logging.getLogger("secretsyncs").warning("alike")
        in_another_thread(lambda: logger.debug("theirs"))
        in_another_thread(lambda: print("theirs"))  # noqa: T201 - what is tested
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            in_another_thread(lambda: warnings.warn("theirs", stacklevel=1))
    assert records == ["own", "theirs"]
    assert capsys.readouterr().out == "theirs\n"
    assert [str(one.message) for one in caught] == ["theirs"]


def test_prints_and_warnings(records: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """`print` and `warnings`, also those that an application sends to its log, give nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        for is_captured in (False, True):
            logging.captureWarnings(is_captured)
            with silenced():
                print("body")  # noqa: T201 - what is tested
                warnings.warn("body", stacklevel=1)
        logging.captureWarnings(False)
    assert records == []
    assert capsys.readouterr() == ("", "")


class Hello(LoopbackServer):
    """A server that says hello."""

    def answer(self, request: Request) -> Response:
        """Hello."""
        del request
        return Response(200, b"hello")


def get(port: int) -> None:
    """Ask a server, with http.client's debug output on for this one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.set_debuglevel(1)
    connection.request("GET", "/", headers={"Authorization": "Bearer t0ken"})
    connection.getresponse().read()
    connection.close()


@pytest.mark.parametrize("own", [False, True], ids=["print", "a function of its own"])
def test_debug_output_of_http_client(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, own: bool
) -> None:
    """Nothing in a block, and all of it at the same time in the application's thread, whatever it prints with."""
    said = io.StringIO()
    if own:
        monkeypatch.setattr(http.client, "print", lambda *words: said.write(repr(words)), raising=False)
    server = Hello()
    try:
        with silenced():
            get(server.port)
            assert said.getvalue() + capsys.readouterr().out == ""
            in_another_thread(lambda: get(server.port))
    finally:
        server.stop()
    shown = said.getvalue() + capsys.readouterr().out
    assert shown.count("t0ken") == 1
    assert "send:" in shown
    assert "reply:" in shown


def test_levels_and_handlers_stay() -> None:
    """The application's levels are as it set them, during and after."""
    logger = logging.getLogger("somesdk.levels")
    logger.setLevel(logging.INFO)
    with silenced():
        assert logger.level == logging.INFO
    assert (logger.level, logger.handlers, logger.filters, logger.propagate) == (logging.INFO, [], [], True)


def test_blocks_that_overlap(records: list[str]) -> None:
    """With blocks in two threads, the end of one leaves the other silent."""
    inside, ended = threading.Event(), threading.Event()

    def other() -> None:
        with silenced():
            inside.set()
            ended.wait(10)
            logging.getLogger("somesdk").error("body")
            print("body")  # noqa: T201 - what is tested

    thread = threading.Thread(target=other)
    with silenced():
        thread.start()
        assert inside.wait(10)
    logging.getLogger("somesdk").error("between")
    ended.set()
    thread.join(10)
    assert records == ["between"]


def test_what_the_application_sets_meanwhile_stays(monkeypatch: pytest.MonkeyPatch, records: list[str]) -> None:
    """A function that is replaced while a block runs is kept, and the next block is silent all the same."""
    original = logging.Logger.handle
    with silenced():
        wrapped = logging.Logger.handle

        def reporting(logger: logging.Logger, record: logging.LogRecord) -> None:
            records.append("reported")
            wrapped(logger, record)

        monkeypatch.setattr(logging.Logger, "handle", reporting)
    assert logging.Logger.handle is reporting
    logging.getLogger("somesdk").error("after")
    with silenced():
        logging.getLogger("somesdk").error("body")
    assert records == ["reported", "after"]
    monkeypatch.undo()
    logging.Logger.handle = original  # type: ignore[method-assign]


def test_a_fork_in_a_block() -> None:
    """A child that another thread's block is not in prints, and has the process's own functions."""
    before, inside, ended = printing(), threading.Event(), threading.Event()

    def other() -> None:
        with silenced():
            inside.set()
            ended.wait(10)

    thread = threading.Thread(target=other)
    thread.start()
    assert inside.wait(10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads: that it works is the test
        child = os.fork()
    if child == 0:
        status = 1
        with contextlib.suppress(BaseException):
            status = 0 if printing() == before else 1
        os._exit(status)
    ended.set()
    thread.join(10)
    assert os.waitpid(child, 0)[1] == 0
