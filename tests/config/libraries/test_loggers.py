"""Logging libraries and servers whose handlers have the filter: no line is lost, no secret is in one."""

import importlib
import io
import json
import logging
import logging.handlers
import queue
import threading
from types import SimpleNamespace
from typing import Any

import loguru
import pytest
import structlog
import uvicorn.config
import uvicorn.logging
from pythonjsonlogger.json import JsonFormatter

from secretsync import Secret
from secretsync.config.log_filter import SecretFilter
from secretsync.config.log_integrations import LoguruPatcher
from secretsync.config.masking.masker import Masker
from tests.support.canary import CanaryFactory

gunicorn_config: Any = importlib.import_module("gunicorn.config")  # without types
gunicorn_logging: Any = importlib.import_module("gunicorn.glogging")

MASK = "********"
FORMATS = uvicorn.config.LOGGING_CONFIG["formatters"]
ACCESS = '%s - "%s %s HTTP/%s" %d'


class Logged:
    """A logger with two handlers of one formatter, of which the first one has the filter."""

    def __init__(self, formatter: logging.Formatter, *secrets: str) -> None:
        self.masked, self.plain = io.StringIO(), io.StringIO()
        self.logger = logging.Logger("app", logging.DEBUG)  # noqa: LOG001 - getLogger's have handlers of pytest
        for stream in (self.masked, self.plain):
            handler: logging.Handler = logging.StreamHandler(stream)
            handler.setFormatter(formatter)
            self.logger.addHandler(handler)
        self.logger.handlers[0].addFilter(SecretFilter([Secret(secret) for secret in secrets]))


@pytest.fixture(autouse=True)
def raising(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an error of a handler fail the test: `logging` would print it and lose the record."""

    def fail(self: logging.Handler, record: logging.LogRecord) -> None:
        raise  # noqa: PLE0704 - called from an except clause

    monkeypatch.setattr(logging.Handler, "handleError", fail)


@pytest.mark.parametrize("use_colors", [False, True])
def test_uvicorns_access_log(canary: CanaryFactory, use_colors: bool) -> None:
    """Lines without a secret are as they were; in others the secret is masked and the status is a number still."""
    secret = canary()
    logged = Logged(uvicorn.logging.AccessFormatter(FORMATS["access"]["fmt"], use_colors=use_colors), secret)
    logged.logger.info(ACCESS, "127.0.0.1:5", "GET", "/", "1.1", 200)
    logged.logger.info(ACCESS, "127.0.0.1:5", "GET", f"/?token={secret}", "1.1", 404)
    assert logged.masked.getvalue() == logged.plain.getvalue().replace(secret, MASK)
    assert logged.masked.getvalue().count(MASK) == 1
    assert "200 OK" in logged.masked.getvalue()
    assert "404 Not Found" in logged.masked.getvalue()
    canary.assert_clean(logged.masked.getvalue())


def test_uvicorns_own_configuration(canary: CanaryFactory) -> None:
    """Its default formatter, with the coloured message that it keeps in an extra field."""
    secret = canary()
    logged = Logged(uvicorn.logging.DefaultFormatter(FORMATS["default"]["fmt"], use_colors=True), secret)
    extra = {"color_message": "Running on \x1b[1m%s://%s:%d\x1b[0m"}
    logged.logger.info("Running on %s://%s:%d", "http", secret, 8000, extra=extra)
    assert logged.masked.getvalue() == logged.plain.getvalue().replace(secret, MASK)
    assert f"http://{MASK}:8000" in logged.masked.getvalue()


def structured() -> structlog.stdlib.ProcessorFormatter:
    """Return a formatter for records of structlog and of others."""
    chain: list[Any] = [structlog.stdlib.add_log_level, structlog.stdlib.ExtraAdder()]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=chain,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
    )


def test_structlog(canary: CanaryFactory) -> None:
    """Its records keep their dictionary, with and without a secret, and so do those of the standard library."""
    secret = canary()
    logged = Logged(structured(), secret)
    log = structlog.wrap_logger(
        logged.logger,
        processors=[structlog.stdlib.add_log_level, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    log.info("started", port=8000, tags=["a"])
    log.info("login", user="app", password=secret, headers={"authorization": [f"Bearer {secret}"]}, port=8000)
    log.info("key", key=Secret(secret))
    logged.logger.warning("of the %s, %d", "library", 5, extra={"token": secret})
    try:
        raise ValueError(secret)  # noqa: TRY301 - the record is the point
    except ValueError:
        log.exception("failed")
    masked = [json.loads(line) for line in logged.masked.getvalue().splitlines()]
    assert masked[0] == {"event": "started", "port": 8000, "tags": ["a"], "level": "info"}
    assert masked[1]["password"] == MASK
    assert masked[1]["headers"] == {"authorization": [f"Bearer {MASK}"]}
    assert masked[1]["port"] == 8000
    assert masked[2]["key"] == "<Secret ********>"
    assert masked[3] == {"event": "of the library, 5", "level": "warning", "token": MASK}
    assert masked[4]["exception"].endswith(f"ValueError: {MASK}")
    canary.assert_clean(logged.masked.getvalue())
    plain = [json.loads(line) for line in logged.plain.getvalue().splitlines()]
    assert (plain[0], plain[1]["password"]) == (masked[0], secret)


def test_python_json_logger(canary: CanaryFactory) -> None:
    """Numbers stay numbers, objects stay objects, and a dictionary as the message is taken apart."""
    secret = canary()
    logged = Logged(JsonFormatter("%(message)s %(levelname)s"), secret)
    logged.logger.info("took %d ms", 12, extra={"ms": 12, "path": ["a", {"b": None}]})
    logged.logger.info("of %s", secret, extra={"ms": 12, "request": {"headers": {"x": [secret, 1]}}})
    logged.logger.info({"user": "app", "password": secret, "n": 1})
    try:
        raise KeyError(secret) from ValueError(f"a{secret}")  # noqa: TRY301 - the record is the point
    except KeyError:
        logged.logger.exception("failed")
    masked = [json.loads(line) for line in logged.masked.getvalue().splitlines()]
    assert logged.masked.getvalue().splitlines()[0] == logged.plain.getvalue().splitlines()[0]
    assert masked[1]["request"] == {"headers": {"x": [MASK, 1]}}
    assert (masked[1]["message"], masked[1]["ms"]) == (f"of {MASK}", 12)
    assert (masked[2]["user"], masked[2]["password"], masked[2]["n"]) == ("app", MASK, 1)
    assert f"KeyError: '{MASK}'" in masked[3]["exc_info"]
    assert f"ValueError: a{MASK}" in masked[3]["exc_info"]
    canary.assert_clean(logged.masked.getvalue())


def test_gunicorns_access_log(canary: CanaryFactory) -> None:
    """Its arguments are a dictionary of its own type, which answers `-` for what is not there."""
    secret = canary()
    settings = gunicorn_config.Config()
    settings.set("accesslog", "-")
    settings.set("access_log_format", '%(h)s "%(r)s" %(s)s %(b)s "%(nowhere)s" "%({token}i)s"')
    server = gunicorn_logging.Logger(settings)
    logged = Logged(logging.Formatter("%(message)s"), secret)
    server.access_log = logged.logger
    request = SimpleNamespace(headers=[("TOKEN", secret)], method="GET", uri="/", version=(1, 1), path="/")
    request.query = request.raw_uri = ""
    response = SimpleNamespace(status="200 OK", headers=[], sent=5, response_length=5, headers_sent=True)
    environ = {"REQUEST_METHOD": "GET", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1"}
    took = SimpleNamespace(seconds=0, microseconds=5)
    server.access(response, request, {**environ, "RAW_URI": "/"}, took)
    server.access(response, request, {**environ, "RAW_URI": f"/?token={secret}"}, took)
    lines = logged.masked.getvalue().splitlines()
    assert lines == [
        f'127.0.0.1 "GET / HTTP/1.1" 200 5 "-" "{MASK}"',
        f'127.0.0.1 "GET /?token={MASK} HTTP/1.1" 200 5 "-" "{MASK}"',
    ]
    assert logged.plain.getvalue() == logged.masked.getvalue().replace(MASK, secret)


def test_a_queue_in_front_of_structlog(canary: CanaryFactory) -> None:
    """The queue's handler has the filter, the listener's handler formats."""
    secret = canary()
    waiting: queue.Queue[Any] = queue.Queue()
    handler = logging.handlers.QueueHandler(waiting)
    handler.addFilter(SecretFilter([Secret(secret)]))
    logger = logging.Logger("app")  # noqa: LOG001 - getLogger's have handlers of pytest
    logger.addHandler(handler)
    target = logging.StreamHandler(stream := io.StringIO())
    target.setFormatter(structured())
    listener = logging.handlers.QueueListener(waiting, target)
    listener.start()
    logger.info("of %s and %d", secret, 5, extra={"field": [secret]})
    listener.stop()
    line = json.loads(stream.getvalue())
    assert (line["event"], line["level"], line["field"]) == (f"of {MASK} and 5", "info", [MASK])


def test_the_handler_that_leads_to_loguru(canary: CanaryFactory) -> None:
    """The handler of loguru's documentation, which hands message and exception on."""
    secret = canary()

    class InterceptHandler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            loguru.logger.opt(exception=record.exc_info).log(record.levelname, record.getMessage())

    stream = io.StringIO()
    loguru.logger.remove()  # the default one shows the variables of frames
    number = loguru.logger.add(stream, format="{message}", diagnose=False, catch=False)
    try:
        handler = InterceptHandler()
        handler.addFilter(SecretFilter([Secret(secret)]))
        logger = logging.Logger("app")  # noqa: LOG001 - getLogger's have handlers of pytest
        logger.addHandler(handler)
        logger.info("of %s and %d", "text", 5)
        try:
            raise LookupError(secret)  # noqa: TRY301 - the record is the point
        except LookupError:
            logger.exception("of %s", secret)
    finally:
        loguru.logger.remove(number)
    assert stream.getvalue().startswith(f"of text and 5\nof {MASK}\n")
    assert f"LookupError: {MASK}" in stream.getvalue()
    canary.assert_clean(stream.getvalue())


def test_names_of_threads_in_loguru(canary: CanaryFactory) -> None:
    """The patcher masks the name in a copy, because loguru keeps the thread's own name."""
    secret = canary()
    stream = io.StringIO()
    loguru.logger.remove()
    number = loguru.logger.add(stream, format="{thread.name} {process.name} {message}", catch=False)
    try:
        with loguru.logger.contextualize():
            loguru.logger.configure(patcher=LoguruPatcher(Masker([Secret(secret)])))
            thread = threading.Thread(target=lambda: loguru.logger.info("text"), name=f"of-{secret}")
            thread.start()
            thread.join()
            loguru.logger.info("text")
    finally:
        loguru.logger.configure(patcher=lambda _: None)
        loguru.logger.remove(number)
    assert stream.getvalue() == f"of-{MASK} MainProcess text\n{threading.current_thread().name} MainProcess text\n"
