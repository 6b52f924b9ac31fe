"""Each form of a secret in each place of a record, with each library: no secret in the output, and no line lost."""

import http.client
import io
import json
import logging
import logging.config
import logging.handlers
import queue
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import loguru
import pytest
import sentry_sdk
import structlog
from pythonjsonlogger.json import JsonFormatter
from sentry_sdk.envelope import Envelope
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.transport import Transport

from secretsync import Config, resolve_config
from secretsync.testing import MemoryProvider
from tests.config.libraries.programs import log_all
from tests.support.canary import CanaryFactory
from tests.support.limits import HANG
from tests.support.processes import clean_environment
from tests.support.projects import MakeProject
from tests.support.secret_forms import FORMS

MASK = "********"
ROOT = Path(__file__).parents[3]
Library = Callable[[Config, list[str]], str]  # logs each text and returns what the library wrote


@pytest.fixture
def secret(canary: CanaryFactory) -> str:
    """Return a secret that every encoding changes."""
    return canary(before="n\"a'b\\c/é&<%41 ", after="+😀")


@pytest.fixture
def root(project: MakeProject) -> Path:
    """Return a project whose only secret is in a store in memory."""
    made: Path = project({"env/test/security.env": "KEY=$<memory:key>\n"}).root
    return made


@pytest.fixture
def config(root: Path, secret: str) -> Config:
    """Return the configuration with that secret."""
    return resolve_config("test", root=root, environ={}, stores={"memory": MemoryProvider({"key": secret})})


class _Formatter(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(message)s %(field)s", defaults={"field": ""})


def _logger(*handlers: logging.Handler) -> logging.Logger:
    logger = logging.Logger("app", logging.DEBUG)  # noqa: LOG001 - getLogger's have handlers of pytest
    for handler in handlers:
        logger.addHandler(handler)
    return logger


def _stream(formatter: logging.Formatter | None = None) -> tuple[logging.Handler, io.StringIO]:
    handler = logging.StreamHandler(stream := io.StringIO())
    handler.setFormatter(formatter or _Formatter())
    return handler, stream


def installed(config: Config, texts: list[str]) -> str:
    """Mask on all handlers."""
    handler, stream = _stream()
    with config.install_log_masking():
        log_all(_logger(handler), texts)
    return stream.getvalue()


def filtered(config: Config, texts: list[str]) -> str:
    """Mask on one handler."""
    handler, stream = _stream()
    handler.addFilter(config.logging_filter())
    log_all(_logger(handler), texts)
    return stream.getvalue()


def json_logger(config: Config, texts: list[str]) -> str:
    """Log JSON with python-json-logger."""
    handler, stream = _stream(JsonFormatter("%(message)s"))
    handler.addFilter(config.logging_filter())
    log_all(_logger(handler), texts)
    for line in stream.getvalue().splitlines():
        json.loads(line)
    return stream.getvalue()


def queued(config: Config, texts: list[str]) -> str:
    """Mask in front of a queue."""
    target, stream = _stream()
    handler = logging.handlers.QueueHandler(waiting := queue.Queue[Any]())
    with config.install_log_masking():
        log_all(_logger(handler), texts)
    listener = logging.handlers.QueueListener(waiting, target)
    listener.start()
    listener.stop()
    return stream.getvalue()


def dict_config(config: Config, texts: list[str]) -> str:
    """Configure handlers after the masking was installed."""
    stream, name = io.StringIO(), "secretsync.tests.forms"
    handlers = {"console": {"class": "logging.StreamHandler", "stream": stream, "formatter": "all"}}
    with config.install_log_masking():
        logging.config.dictConfig(
            {
                "version": 1,
                "disable_existing_loggers": False,
                "formatters": {"all": {"()": _Formatter}},
                "handlers": handlers,
                "loggers": {name: {"handlers": ["console"], "propagate": False}},
            }
        )
        try:
            log_all(logging.getLogger(name), texts)
        finally:
            logging.getLogger(name).handlers.clear()
    return stream.getvalue()


def _structlog(config: Config, texts: list[str], processors: Callable[[Any], list[Any]]) -> str:
    stream = io.StringIO()
    chain = processors(config.structlog_processor())
    log = structlog.wrap_logger(structlog.PrintLogger(stream), processors=chain, cache_logger_on_first_use=False)
    for text in texts:
        event = f"message {text}"
        log.warning(event, n=5)
        log.warning("field", field={"deep": [text, (text,)], text: 1})
        try:
            raise LookupError(text)  # noqa: TRY301 - the record is the point
        except LookupError as error:
            log.exception("exception")
            log.warning("exception", exc_info=error)
    return stream.getvalue()


def structlog_json(config: Config, texts: list[str]) -> str:
    """Mask in front of the renderer."""
    formatted = structlog.processors.format_exc_info
    return _structlog(config, texts, lambda mask: [formatted, mask, structlog.processors.JSONRenderer()])


def structlog_early(config: Config, texts: list[str]) -> str:
    """Mask in front of all other processors."""
    formatted = structlog.processors.format_exc_info
    return _structlog(config, texts, lambda mask: [mask, formatted, structlog.processors.KeyValueRenderer()])


def structlog_late(config: Config, texts: list[str]) -> str:
    """Mask what the renderer for terminals wrote."""
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    return _structlog(config, texts, lambda mask: [structlog.dev.set_exc_info, plain, mask])


def through_loguru(config: Config, texts: list[str]) -> str:
    """Log text and JSON with loguru."""
    stream, core = io.StringIO(), loguru.logger
    core.remove()
    numbers = [core.add(stream, format="{message} {extra}", serialize=one, diagnose=False) for one in (False, True)]
    core.configure(patcher=config.loguru_patcher())
    try:
        for text in texts:
            core.warning("message {} of {n}", text, n=5)
            core.bind(field={"deep": [text]}).warning("field")
            core.opt(colors=True).warning("<red>{}</red>", text)
            try:
                raise LookupError(text)  # noqa: TRY301 - the record is the point
            except LookupError:
                core.exception("exception")
    finally:
        core.configure(patcher=lambda _: None)
        for number in numbers:
            core.remove(number)
    return stream.getvalue()


class Kept(Transport):
    """The place of Sentry's server."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        """Keep what would be sent."""
        self.sent.append(envelope.serialize())


def sentry(config: Config, texts: list[str]) -> str:
    """Report to Sentry by its integration of `logging`, and directly, with the variables of frames."""
    hook, kept = config.sentry_before_send(), Kept()
    with sentry_sdk.isolation_scope() as isolated, sentry_sdk.new_scope() as scope:
        client = sentry_sdk.Client(
            "http://key@127.0.0.1:9/1",
            transport=kept,
            before_send=hook,
            before_breadcrumb=hook,
            before_send_transaction=hook,
            traces_sample_rate=1.0,
            default_integrations=False,
            auto_session_tracking=False,
            integrations=[LoggingIntegration()],
        )
        isolated.set_client(client)
        scope.set_client(client)
        for text in texts:
            sentry_sdk.add_breadcrumb(message=text, data={"field": [text]})
            sentry_sdk.set_tag("tag", text)
            sentry_sdk.set_context("context", {"field": {"deep": text}})
            with sentry_sdk.start_transaction(name=text) as transaction:
                transaction.set_data("field", text)
            try:
                raise LookupError(text)  # noqa: TRY301 - the record is the point
            except LookupError as error:
                sentry_sdk.capture_exception(error)
            sentry_sdk.capture_message(text)
    return b"\n".join(kept.sent).decode()


def sentry_logs(config: Config, texts: list[str]) -> str:
    """Report the structured logs of Sentry."""
    hook, kept = config.sentry_before_send(), Kept()
    with sentry_sdk.isolation_scope() as isolated, sentry_sdk.new_scope() as scope:
        client = sentry_sdk.Client(
            "http://key@127.0.0.1:9/1",
            transport=kept,
            before_send=hook,
            before_send_log=hook,
            enable_logs=True,
            default_integrations=False,
            auto_session_tracking=False,
        )
        isolated.set_client(client)
        scope.set_client(client)
        for text in texts:
            sentry_sdk.logger.warning("message {field}", field=text)
            sentry_sdk.logger.warning(text.replace("{", "").replace("}", ""), attributes={"field": text})
        client.flush()
    return b"\n".join(kept.sent).decode()


LIBRARIES: list[Library] = [
    *(installed, filtered, json_logger, queued, dict_config),
    *(structlog_json, structlog_early, structlog_late, through_loguru, sentry),
]


@pytest.mark.slow
@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.__name__)
def test_each_form_with_each_library(config: Config, secret: str, canary: CanaryFactory, library: Library) -> None:
    """The text of each form is masked wherever the library writes it."""
    for form, encode in FORMS.items():
        written = library(config, [encode(secret)])
        assert MASK in written, form
        canary.assert_clean(written, f"{library.__name__}: {form}")


# Libraries that need a process of their own


@pytest.fixture
def environment(root: Path, secret: str) -> Mapping[str, str]:
    """Return the variables for a program of `programs`."""
    (root / "secret").write_text(secret)
    return {**clean_environment(root), "LOGGED_ROOT": str(root), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


@pytest.mark.parametrize(("program", "least"), [("celery_worker", 200), ("django_mail", 200), ("fastapi_site", 250)])
def test_each_form_with_a_program(
    environment: Mapping[str, str], canary: CanaryFactory, program: str, least: int
) -> None:
    """Celery with a broker in memory, Django with mail to admins, FastAPI and uvicorn over a socket."""
    command = [sys.executable, "-m", f"tests.config.libraries.programs.{program}"]
    done = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, check=False, timeout=HANG, stdin=subprocess.DEVNULL
    )
    canary.assert_clean(done.stdout, f"stdout of {program}")
    canary.assert_clean(done.stderr, f"stderr of {program}")
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    assert (done.stdout + done.stderr).count(MASK.encode()) > least
    assert b"Logging error" not in done.stderr


@pytest.fixture
def gunicorn(environment: Mapping[str, str], tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Yield a running gunicorn with one worker, and the file of its output."""
    command = [sys.executable, "-m", "gunicorn", "--bind=127.0.0.1:0", "--access-logfile=-", "--no-control-socket"]
    command += ["--access-logformat=%(r)s %({x-text}i)s", "tests.config.libraries.programs.gunicorn_site:app"]
    with (
        (tmp_path / "output").open("wb") as output,
        subprocess.Popen(command, env=environment, cwd=ROOT, stdout=output, stderr=output) as process,
    ):
        yield process, tmp_path / "output"
        process.kill()


def _port(process: subprocess.Popen[bytes], output: Path) -> int:
    while process.poll() is None:
        if found := re.search(rb"Listening at: http://127\.0\.0\.1:(\d+)", output.read_bytes()):
            return int(found[1])
        time.sleep(0.02)
    return pytest.fail(output.read_text())


def test_each_form_with_gunicorn(
    gunicorn: tuple[subprocess.Popen[bytes], Path], secret: str, canary: CanaryFactory
) -> None:
    """Its access log with a header, its error log and the traceback of an application."""
    process, output = gunicorn
    port = _port(process, output)
    for number, encode in enumerate(FORMS.values()):
        for path in ("/works", "/fails"):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=HANG)
            text = encode(secret)
            headers = {"x-number": str(number), "x-text": text if text.isascii() else quote(text)}
            connection.request("GET", path, headers=headers)
            connection.getresponse().read()
            connection.close()
    process.terminate()
    process.wait(HANG)
    written = output.read_text()
    canary.assert_clean(written, "the output of gunicorn")
    assert written.count(MASK) > 5 * len(FORMS)
    assert written.count("GET /works HTTP/1.1 ") == len(FORMS)
    assert "Logging error" not in written
