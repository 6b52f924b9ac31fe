"""The masking on all handlers: present and later ones, until it is uninstalled."""

import io
import logging
import sys
from typing import Any

import pytest

from secretsync import Secret
from secretsync.config.log_masking import LogMasking
from secretsync.config.log_records import RecordMasker
from secretsync.config.masking.masker import Masker
from tests.support.canary import CanaryFactory


def test_handlers_present_and_later_are_masked_until_uninstall(canary: CanaryFactory) -> None:
    """A handler made before and one made after the installation mask; `logging` is as before afterwards."""
    secret = canary()
    streams = [io.StringIO(), io.StringIO()]
    logger = logging.Logger("app")  # noqa: LOG001 - getLogger's have handlers of pytest
    logger.addHandler(logging.StreamHandler(streams[0]))
    with LogMasking(Masker([Secret(secret)])):
        logger.addHandler(logging.StreamHandler(streams[1]))
        logger.warning("a %s", secret)
        logger.warning("clean %d", 5)
    assert [stream.getvalue() for stream in streams] == ["a ********\nclean 5\n"] * 2
    assert "filter" not in vars(logging.Handler)
    logger.handlers[0].stream = after = io.StringIO()  # type: ignore[attr-defined]
    del logger.handlers[1]
    logger.warning("a %s", secret)
    assert secret in after.getvalue()


class OwnFilter(logging.StreamHandler[io.StringIO]):
    """A handler whose `filter` does not call that of `logging`."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let warnings pass."""
        return record.levelno == logging.WARNING


class OwnHandle(logging.StreamHandler[io.StringIO]):
    """A handler whose `handle` asks the filters and drops what they return."""

    def handle(self, record: logging.LogRecord) -> bool:
        """Emit what the filters let pass."""
        if self.filter(record):
            self.emit(record)
        return True


@pytest.mark.parametrize("kind", [OwnFilter, OwnHandle])
def test_handlers_with_methods_of_their_own(
    canary: CanaryFactory, kind: type[logging.StreamHandler[io.StringIO]]
) -> None:
    """A handler with a `filter` or `handle` of its own is masked too, and decides what it prints."""
    secret = canary()
    logger = logging.Logger("app")  # noqa: LOG001 - getLogger's have handlers of pytest
    logger.addHandler(kind(stream := io.StringIO()))
    handle = logging.Handler.handle
    with LogMasking(Masker([Secret(secret)])):
        logger.warning("a %s", secret)
        logger.warning("clean %d", 5)
        if kind is OwnFilter:
            logger.error("dropped")
    assert stream.getvalue() == "a ********\nclean 5\n"
    assert logging.Handler.handle is handle


def test_filters_decide_and_replace_under_masking(canary: CanaryFactory) -> None:
    """A filter of the handler still drops records, and from Python 3.12 on still replaces them."""
    secret = canary()
    handler = logging.StreamHandler(stream := io.StringIO())
    logger = logging.Logger("app")  # noqa: LOG001 - getLogger's have handlers of pytest
    logger.addHandler(handler)
    handler.addFilter(lambda record: record.levelno == logging.WARNING)
    replace: Any = lambda record: logging.makeLogRecord({**vars(record), "msg": f"new {record.msg}"})  # noqa: E731
    handler.addFilter(replace)
    with LogMasking(Masker([Secret(secret)])):
        logger.error("dropped")
        logger.warning("a %s", secret)
    expected = "new a ********\n" if sys.version_info >= (3, 12) else "a ********\n"
    assert stream.getvalue() == expected


def test_names_of_extra_fields_are_masked(canary: CanaryFactory) -> None:
    """A secret may be the name of a field, because JSON formatters print the names."""
    secret = canary()
    records = RecordMasker(Masker([Secret(secret)]))
    record = logging.makeLogRecord({"msg": "text", f"a-{secret}": 5, "other": secret})
    masked = records.masked(record)
    canary.assert_clean(repr(vars(masked)))
    assert vars(masked)["a-********"] == 5
    assert vars(record)[f"a-{secret}"] == 5


def test_the_error_report_of_logging_is_masked(canary: CanaryFactory, capsys: pytest.CaptureFixture[str]) -> None:
    """If a formatter fails in an `except` clause, `logging` prints the exception of that clause too."""
    secret = canary()
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(logging.Formatter("%(nowhere)s"))
    original = logging.Handler.handleError
    with LogMasking(Masker([Secret(secret)])):
        try:
            raise LookupError(secret)  # noqa: TRY301 - the record is the point
        except LookupError:
            handler.handle(logging.makeLogRecord({"msg": f"a {secret}", "exc_info": sys.exc_info()}))
        handler.handle(logging.makeLogRecord({"msg": "text"}))
    printed = capsys.readouterr().err
    canary.assert_clean(printed)
    assert "LookupError: ********\n\nDuring handling" in printed
    assert printed.count("KeyError: 'nowhere'") == 2
    assert printed.count("--- Logging error ---") == 2
    assert logging.Handler.handleError is original


@pytest.mark.parametrize("name", ["threadName", "processName", "taskName", "message", "field"])
@pytest.mark.parametrize("args", [(), ("argument", 5)])
def test_each_field_that_a_formatter_shows_is_masked(
    canary: CanaryFactory, name: str, args: tuple[object, ...]
) -> None:
    """Names of threads, processes and tasks too, after a record with usual names, and again."""
    secret = canary()
    records = RecordMasker(Masker([Secret(secret)]))
    template = "text %s %d" if args else "text"
    for _ in range(2):
        usual = logging.makeLogRecord({"msg": template, "args": args})
        assert records.masked(usual) is usual
        usual.threadName = "worker-5"
        logging.Formatter("%(asctime)s %(message)s").format(usual)
        assert records.masked(usual) is usual
        vars(usual)[name] = f"a {secret}"
        assert vars(records.masked(usual))[name] == "a ********"
        assert vars(usual)[name] == f"a {secret}"


@pytest.mark.parametrize(
    ("msg", "args"),
    [("%.2s", ("SECRET",)), ("%s", ("SECRET",)), ("%r", ("SECRET",)), ("%s%s", ("SEC", "RET")), ("SEC%s", ("RET",))],
)
def test_arguments_that_a_message_shows_in_part(msg: str, args: tuple[str, ...]) -> None:
    """An argument is searched even if the message has only its start, and the message even if each part is clean."""
    records = RecordMasker(Masker([Secret("a secret of it")]))
    values = tuple(
        one.replace("SECRET", "a secret of it").replace("SEC", "a secr").replace("RET", "et of it") for one in args
    )
    record = logging.makeLogRecord({"msg": msg.replace("SEC", "a secr"), "args": values})
    masked = records.masked(record)
    assert masked is not record
    assert "a secret of it" not in f"{masked.getMessage()} {masked.msg} {masked.args}"
    assert masked.args is not None
    assert len(masked.args) == len(args)
