"""The log filter: records without a secret are untouched, masked ones keep their shape, other handlers keep theirs."""

import base64
import collections
import copy
import decimal
import html
import io
import json
import logging
import logging.config
import logging.handlers
import queue
import re
import sys
import traceback
import types
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest

from secretsync import Secret
from secretsync.config.log_filter import SecretFilter
from tests.support.canary import CanaryFactory

MASK = "********"


class Keep(logging.Handler):
    """A handler that keeps the records that it gets, and formats each as most handlers do."""

    def __init__(self, *filters: Any) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        self.lines: list[str] = []
        for one in filters:
            self.addFilter(one)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep `record`."""
        self.records.append(record)
        self.lines.append(self.format(record))


class Logged(NamedTuple):
    """A logger with three handlers, of which only the one in the middle has the filter."""

    logger: logging.Logger
    before: Keep
    masked: Keep
    after: Keep


@pytest.fixture
def secret(canary: CanaryFactory) -> str:
    """Return the secret that is masked."""
    return canary()


@pytest.fixture
def masking(secret: str) -> SecretFilter:
    """Return a filter of that secret, of a number and of one that needs quoting."""
    return SecretFilter([Secret(secret), Secret("73519046"), Secret('quoted"é%s')])


@pytest.fixture
def logged(masking: SecretFilter) -> Logged:
    """Return a logger that no handler of pytest sees."""
    logger = logging.Logger("app", logging.DEBUG)  # noqa: LOG001 - getLogger's have handlers of pytest
    made = Logged(logger, Keep(), Keep(masking), Keep())
    for handler in made[1:]:
        logger.addHandler(handler)
    return made


def everything(handler: Keep) -> str:
    """All that can be found in the records of `handler`."""
    parts = [*handler.lines, *(repr(vars(record)) for record in handler.records)]
    for record in handler.records:
        if record.exc_info:
            parts += traceback.format_exception(*record.exc_info)
            parts.append(repr([vars(record.exc_info[1]), record.exc_info[1].args if record.exc_info[1] else ()]))
    return "\n".join(parts)


# Records without a secret


class Unshowable:
    """An object that cannot be made text of."""

    def __repr__(self) -> str:
        raise RuntimeError


CYCLE: dict[str, Any] = {"a": [1]}
CYCLE["self"] = CYCLE


@pytest.mark.parametrize(
    ("msg", "args"),
    [
        ("plain", ()),
        ("%s and %d, 100%%", ("text", 5)),
        ("%(a)s", ({"a": "text"},)),
        ('%s - "%s %s HTTP/%s" %d', ("127.0.0.1:5", "GET", "/", "1.1", 200)),
        ({"event": "text", "n": 1, "list": [1, (2, {"b": b"x"})]}, ()),
        (ValueError("text"), ()),
        ("%s %r", ([Unshowable()], CYCLE)),
        ("too few %s %s", ("one",)),
        (Unshowable(), ()),
        (None, ()),
    ],
)
def test_a_record_without_a_secret_is_untouched(masking: SecretFilter, msg: Any, args: Any) -> None:
    """A record without a secret keeps its message, arguments, exception and extra fields as the same objects."""
    handler = masked = Handed(masking)
    extra = {"request": object(), "deep": {"a": [1, {"b": ()}]}, "number": 1.5, "nothing": None}
    try:
        raise ValueError("text") from KeyError("cause")  # noqa: TRY301 - the record is the point
    except ValueError:
        record = logging.LogRecord("app", logging.INFO, "/app/x.py", 1, msg, args, sys.exc_info(), "f", "Stack:\n f")
    vars(record).update(extra)
    before = dict(vars(record))
    handler.handle(record)
    assert masked.records[0] is record
    assert list(vars(record)) == list(before)
    assert all(vars(record)[name] is value for name, value in before.items())


class Handed(Keep):
    """A handler that keeps the records and does not format them."""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep `record`."""
        self.records.append(record)


# Shapes


class Point(NamedTuple):
    """A named tuple."""

    x: int
    name: str


class Shown:
    """An object with a text and another repr."""

    def __init__(self, text: str, representation: str = "<Shown>") -> None:
        self.text, self.representation = text, representation

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.representation


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda s: s, MASK),
        (lambda s: f"a{s}b", f"a{MASK}b"),
        (lambda s: s.encode(), MASK.encode()),
        (lambda s: bytearray(b"\xff" + s.encode()), bytearray(b"\xff" + MASK.encode())),
        (lambda s: [1, s], [1, MASK]),
        (lambda s: (1, (s, 2.5)), (1, (MASK, 2.5))),
        (lambda s: {"a": {"b": [s]}, "c": 1}, {"a": {"b": [MASK]}, "c": 1}),
        (lambda s: {s: 1}, {MASK: 1}),
        (lambda s: {s}, {MASK}),
        (lambda s: frozenset([s]), frozenset([MASK])),
        (lambda s: Point(1, s), Point(1, MASK)),
        (lambda s: collections.OrderedDict(a=s), collections.OrderedDict(a=MASK)),
        (lambda s: collections.defaultdict(str, a=s), collections.defaultdict(str, a=MASK)),
        (lambda s: types.MappingProxyType({"a": s}), {"a": MASK}),
        (lambda s: collections.deque([s]), f"deque(['{MASK}'])"),
        (Shown, MASK),
        (lambda s: Shown("x", f"<{s}>"), f"<{MASK}>"),
        (Secret, "<Secret ********>"),
        (lambda _: Secret("another"), "<Secret ********>"),
        (lambda _: [Secret("ab")], ["<Secret ********>"]),
        (lambda _: 73519046, MASK),
        (lambda _: 73519046.0, MASK),
        (lambda _: decimal.Decimal(73519046), MASK),
    ],
)
def test_each_argument_and_field_keeps_its_shape(
    logged: Logged, secret: str, make: Callable[[str], Any], expected: Any, canary: CanaryFactory
) -> None:
    """As an argument among others, inside a dictionary of arguments, as the message and as an extra field."""
    value = make(secret)
    logged.logger.info("%s and %d: %r", "text", 5, value)
    logged.logger.info("%(n)d %(v)r", {"n": 5, "v": value})
    logged.logger.info("text", extra={"field": value, "other": 7})
    if not isinstance(value, Secret):  # which cannot be the text of a record
        logged.logger.info(value)
    records = logged.masked.records
    in_args: Any = 0 if isinstance(value, int | float) else expected  # a number stays one among arguments
    assert records[0].args == ("text", 5, in_args)
    assert records[0].getMessage() == f"text and 5: {expected!r}" or isinstance(value, int | float)
    assert records[1].args == {"n": 5, "v": in_args}
    assert (vars(records[2])["field"], vars(records[2])["other"]) == (expected, 7)
    arguments = records[0].args
    assert isinstance(arguments, tuple)
    assert isinstance(arguments[2], type(in_args) if in_args != 0 else type(value))
    assert type(vars(records[2])["field"]) is type(expected)
    canary.assert_clean(everything(logged.masked))
    assert "73519046" not in everything(logged.masked)
    for other in (logged.before, logged.after):
        assert other.records[0].args == ("text", 5, value)
        assert vars(other.records[2])["field"] is value


def test_containers_inside_themselves(logged: Logged, secret: str, canary: CanaryFactory) -> None:
    """The copy does not lead back to the original."""
    cycle: dict[str, Any] = {"list": [secret]}
    cycle["self"] = [cycle]
    logged.logger.info("%s", (cycle,))
    logged.logger.info("text", extra={"cycle": cycle})
    assert vars(logged.masked.records[1])["cycle"] == {"list": [MASK], "self": ["<...>"]}
    canary.assert_clean(everything(logged.masked))
    deep: list[Any] = [secret]
    for _ in range(5000):
        deep = [deep]
    handler = Handed(*logged.masked.filters)
    handler.handle(logging.makeLogRecord({"msg": "text", "deep": deep}))
    found = vars(handler.records[0])["deep"]
    while isinstance(found, list):
        (found,) = found
    assert found == "<list that is nested too deeply>"


@pytest.mark.parametrize(
    ("msg", "args", "expected"),
    [
        ("pin %d of %s", (73519046, "x"), f"pin {MASK} of x"),
        ("7351%d", (9046,), MASK),
        ("7351%s %(b)s"[:6], ("9046",), MASK),
        ("%(a)d 100%%", ({"a": 73519046},), f"{MASK} 100%"),
        ("73519046 %s", ("100%",), f"{MASK} 100%"),
        ("too few 73519046 %s %s", ("a",), f"too few {MASK} %s %s with arguments that do not fit it"),
        ("too many", ("73519046",), "too many with arguments that do not fit it"),
        ("%d", (Secret("x"),), "%d with arguments that do not fit it"),
        ("%5.2f", (73519046.0,), f"{MASK}.00"),
        ("%s", (Secret("x"),), "<Secret ********>"),
    ],
)
def test_messages_that_masked_arguments_do_not_make(logged: Logged, msg: str, args: Any, expected: str) -> None:
    """The text of the whole message counts; the arguments keep their number all the same."""
    handler = Handed(*logged.masked.filters)
    record = logging.LogRecord("app", logging.INFO, "x.py", 1, msg, args, None)
    handler.handle(record)
    got = handler.records[0]
    assert got.getMessage() == expected
    assert got.args is not None
    assert record.args is not None
    assert len(got.args) == len(record.args)
    assert type(got.args) is type(record.args)
    assert record.msg == msg


class Unspeakable:
    """An object whose text fails with the secret in the exception."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        raise ValueError(self.text)

    def __int__(self) -> int:
        raise ValueError(self.text)

    __repr__ = __str__


@pytest.mark.parametrize(
    ("template", "make"),
    [
        ("x %s", lambda one: (one,)),
        ("x %r", lambda one: (one,)),
        ("x %d", lambda one: (one,)),
        ("x %s", lambda one: ([1, one],)),
        ("x %(a)s", lambda one: ({"a": one},)),
        ("x", lambda one: (one, 1)),
    ],
)
def test_an_argument_whose_text_fails_with_the_secret(
    masking: SecretFilter, secret: str, template: str, make: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """`logging` prints the exception that a message raises, so the filter puts a text in place of the argument."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(masking)
    handler.handle(logging.LogRecord("app", logging.INFO, "x.py", 1, template, make(Unspeakable(secret)), None))
    handler.handle(logging.LogRecord("app", logging.INFO, "x.py", 1, Unspeakable(secret), None, None))
    assert secret not in stream.getvalue() + capsys.readouterr().err
    assert stream.getvalue().count("\n") == 2


class Computing(logging.Formatter):
    """A formatter that computes with an argument, as those of access logs do with a status."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the argument as a number and as it is shown."""
        assert isinstance(record.args, tuple)
        number: Any = record.args[0]
        return f"{int(number)} {float(number)} {number} {record.getMessage()}"


def test_a_number_that_is_a_secret_is_still_a_number(masking: SecretFilter, capsys: pytest.CaptureFixture[str]) -> None:
    """The record is not lost, and shows neither the value nor a false one in its message."""
    for number in (73519046, 73519046.0):
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(Computing())
        handler.addFilter(masking)
        handler.handle(logging.LogRecord("app", logging.INFO, "x.py", 1, "status %d", (number,), None))
        assert stream.getvalue() == f"0 0.0 {MASK} status {MASK}\n"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "encode",
    [
        lambda s: "Basic " + base64.b64encode(f"user:{s}".encode()).decode(),
        lambda s: base64.urlsafe_b64encode(f"{{'a': '{s}'}}".encode()).decode().rstrip("="),
        lambda s: json.dumps(s).replace("/", "\\/"),
        html.escape,
        lambda s: html.escape(s, quote=False),
        lambda s: re.sub("%[0-9A-F]{2}", lambda code: code.group().lower(), urllib.parse.quote(s, safe="")),
    ],
)
def test_encoded_secrets(canary: CanaryFactory, encode: Callable[[str], str]) -> None:
    """As headers, other serializers, web pages and other percent-encoders write a secret."""
    secret = f"{canary()}/<&'\">+?x"
    handler = Keep(SecretFilter([Secret(secret)]))
    handler.handle(logging.LogRecord("app", logging.INFO, "x.py", 1, "got %s.", (encode(secret),), None))
    assert MASK in handler.lines[0]
    assert encode(secret).removeprefix("Basic ") not in handler.lines[0]


class BraceRecord(logging.LogRecord):
    """A record with the other style of templates."""

    def getMessage(self) -> str:  # noqa: N802 - as logging calls it
        """Format with braces."""
        return str(self.msg).format(*self.args or ())


@pytest.mark.parametrize("template", ["{} {}", "{1} 7351{0}"])
def test_records_of_other_classes(masking: SecretFilter, secret: str, template: str, canary: CanaryFactory) -> None:
    """A record of a factory keeps its class, and its own way to make the message."""
    handler = Keep(masking)
    handler.handle(BraceRecord("app", logging.INFO, "x.py", 1, template, (9046, secret), None))
    assert type(handler.records[0]) is BraceRecord
    assert MASK in handler.lines[0]
    assert "73519046" not in handler.lines[0]
    canary.assert_clean(everything(handler))


def test_what_another_handler_cached_is_masked(logged: Logged, secret: str, canary: CanaryFactory) -> None:
    """`message` and `exc_text` of a formatter that ran before."""
    try:
        raise ValueError(secret)  # noqa: TRY301 - the record is the point
    except ValueError:
        logged.logger.exception("a %s", secret)
    assert vars(logged.masked.records[0])["message"] == f"a {MASK}"
    assert secret in (logged.before.records[0].exc_text or "")
    assert f"ValueError: {MASK}" in (logged.masked.records[0].exc_text or "")
    canary.assert_clean(everything(logged.masked))


# Exceptions


class CodedError(Exception):
    """An exception with a constructor, a field, a slot and a text of its own."""

    def __init__(self, code: int, *, detail: str) -> None:
        super().__init__(code)
        self.detail = detail

    def __str__(self) -> str:
        return f"code {self.args[0]}: {self.detail}"


class ComposedError(Exception):
    """An exception whose text is made from what the filter cannot see."""

    def __init__(self, *parts: str) -> None:
        super().__init__()
        self._make: Callable[[], str] = lambda: "".join(parts)

    def __str__(self) -> str:
        return self._make()


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (ValueError, MASK),
        (KeyError, f"'{MASK}'"),
        (lambda s: RuntimeError("a", [s], 5), f"('a', ['{MASK}'], 5)"),
        (lambda s: OSError(2, "No such file", f"/run/{s}"), f"[Errno 2] No such file: '/run/{MASK}'"),
        (lambda s: FileNotFoundError(2, s), f"[Errno 2] {MASK}"),
        (lambda s: UnicodeDecodeError("utf-8", s.encode(), 0, 1, "x"), None),
        (lambda s: json.JSONDecodeError("bad", s, 0), None),
        (SystemExit, MASK),
        (lambda s: CodedError(5, detail=s), f"code 5: {MASK}"),
        (lambda s: ComposedError(s[:9], s[9:]), MASK),
        (
            lambda s: ExceptionGroup(s, [ValueError(s), ExceptionGroup("in", [TypeError(s)])]),
            f"{MASK} (2 sub-exceptions)",
        ),
    ],
)
def test_exceptions_keep_their_type(
    logged: Logged, secret: str, make: Callable[[str], BaseException], expected: str | None, canary: CanaryFactory
) -> None:
    """As the record's exception, as an argument, as the message and inside a container; the original is not changed."""
    error = make(secret)
    arguments, fields = error.args, dict(vars(error))
    try:
        raise error  # noqa: TRY301 - the record is the point
    except BaseException:
        logged.logger.exception("failed")
    logged.logger.error("failed: %s", error)
    logged.logger.error(error)
    logged.logger.error("failed", extra={"errors": [error]})
    first = logged.masked.records[0].exc_info
    assert first is not None
    found = [first[1], (logged.masked.records[1].args or [None])[0], logged.masked.records[2].msg]  # type: ignore[index]
    found += vars(logged.masked.records[3])["errors"]
    for one in found:
        assert isinstance(one, type(error))
        assert (type(one).__name__, type(one).__module__) == (type(error).__name__, type(error).__module__)
        assert type(one) is type(error) or isinstance(error, ComposedError | UnicodeDecodeError)
        assert expected is None or str(one) == expected
        assert one is not error
    assert first[0] is type(first[1])
    assert first[2] is error.__traceback__
    assert "in test_exceptions_keep_their_type" in logged.masked.lines[0]
    canary.assert_clean(everything(logged.masked))
    assert (error.args, vars(error)) == (arguments, fields)
    info = logged.after.records[0].exc_info
    assert info is not None
    assert info[1] is error


def test_chained_exceptions_and_notes(logged: Logged, secret: str, canary: CanaryFactory) -> None:
    """A secret in a cause, a context or a note is masked, and the chain stays, also one that leads to itself."""
    clean = ValueError("nothing")
    cause = KeyError(secret)
    cause.__context__ = LookupError(f"x{secret}")
    cause.add_note(f"see {secret}")
    cause.__context__.__context__ = clean
    clean.__cause__ = cause
    try:
        raise clean
    except ValueError:
        logged.logger.exception("failed")
    line = logged.masked.lines[0]
    assert "ValueError: nothing" in line
    assert f"KeyError: '{MASK}'" in line
    assert f"LookupError: x{MASK}" in line
    assert f"see {MASK}" in line
    canary.assert_clean(everything(logged.masked))
    info = logged.masked.records[0].exc_info
    assert info is not None
    assert info[1] is not None
    assert info[1].__cause__ is not None
    assert info[1].__cause__.__context__ is not None
    assert info[1].__cause__.__context__.__context__ is info[1]
    assert clean.__cause__ is cause


def test_a_secret_in_a_line_of_source(
    logged: Logged, secret: str, tmp_path_factory: pytest.TempPathFactory, canary: CanaryFactory
) -> None:
    """The traceback's text is masked, and the frames that lead to that line are not handed on."""
    path = tmp_path_factory.mktemp("source") / "app.py"
    path.write_text(f"def connect():\n    raise OSError(5, 'refused')  # {secret}\n", encoding="utf-8")
    names: dict[str, Any] = {}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), names)
    try:
        names["connect"]()
    except OSError:
        logged.logger.exception("failed")
    assert secret in logged.after.lines[0]
    assert f"raise OSError(5, 'refused')  # {MASK}" in logged.masked.lines[0]
    info = logged.masked.records[0].exc_info
    assert info is not None
    assert (info[0], str(info[1]), info[2]) == (OSError, "[Errno 5] refused", None)
    canary.assert_clean(everything(logged.masked))


def test_the_stack_is_masked(logged: Logged, canary: CanaryFactory, secret: str) -> None:
    """`stack_info` of the record."""
    handler = Keep(*logged.masked.filters)
    handler.handle(logging.makeLogRecord({"msg": "text", "stack_info": f"Stack:\n  f({secret!r})"}))
    assert handler.lines == [f"text\nStack:\n  f('{MASK}')"]


# Who gets the copy


class Counting(logging.Filter):
    """A filter that counts its calls and adds a field to what it sees."""

    def __init__(self, *, passes: bool = True) -> None:
        super().__init__()
        self.passes, self.seen = passes, list[str]()

    def filter(self, record: logging.LogRecord) -> bool:
        """Count."""
        self.seen.append(record.getMessage())
        vars(record)["counted"] = len(self.seen)
        return self.passes


def test_filters_before_and_after(masking: SecretFilter, secret: str) -> None:
    """Each is asked once: those before about the record, those after about the copy, which keeps what they add."""
    first, second = Counting(), Counting()
    handler = Keep(first, masking, second)
    handler.handle(logging.makeLogRecord({"msg": secret}))
    assert (first.seen, second.seen, handler.lines) == ([secret], [MASK], [MASK])
    assert vars(handler.records[0])["counted"] == 1


def test_a_filter_after_it_may_drop_the_record(masking: SecretFilter, secret: str) -> None:
    """Neither the record nor the copy is logged."""
    handler = Keep(masking, Counting(passes=False))
    handler.handle(logging.makeLogRecord({"msg": secret}))
    assert handler.records == []


def test_two_filters_of_two_configurations(masking: SecretFilter, secret: str, canary: CanaryFactory) -> None:
    """Each masks its own secrets, also as a plain function."""
    other = canary()
    handler = Keep(masking, SecretFilter([Secret(other)]).filter)
    record = logging.makeLogRecord({"msg": f"{secret} {other}"})
    handler.handle(record)
    assert handler.lines == [f"{MASK} {MASK}"]
    assert record.msg == f"{secret} {other}"


def test_a_filter_of_a_logger(masking: SecretFilter, secret: str) -> None:
    """All handlers of the logger get the copy."""
    logger = logging.Logger("app")  # noqa: LOG001 - getLogger's have handlers of pytest
    logger.addFilter(masking)
    logger.addHandler(one := Keep())
    logger.addHandler(two := Keep())
    logger.error("a %s", secret)
    assert (one.lines, two.lines) == ([f"a {MASK}"], [f"a {MASK}"])
    assert one.records[0] is two.records[0]


class OwnFilter(Keep):
    """A handler that only looks at the truth of what filters return."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Ask the filters."""
        return bool(super().filter(record))


class OwnHandle(Keep):
    """A handler that does not know that a filter may return a record."""

    def handle(self, record: logging.LogRecord) -> bool:
        """Emit the record itself."""
        if self.filter(record):
            self.emit(record)
        return True


class Around(logging.Filter):
    """A filter around another one."""

    def __init__(self, inner: logging.Filter) -> None:
        super().__init__()
        self.inner = inner

    def filter(self, record: logging.LogRecord) -> bool:
        """Ask the inner one."""
        return bool(self.inner.filter(record))


def calling(masking: SecretFilter) -> Callable[[logging.LogRecord], object]:
    """Return a function that calls the filter."""
    return lambda record: masking.filter(record)  # noqa: PLW0108 - a frame between logging and the filter


@pytest.mark.parametrize(
    "make",
    [OwnFilter, OwnHandle, lambda masking: Keep(Around(masking)), lambda masking: Keep(calling(masking))],
)
def test_whoever_drops_the_copy_gets_a_masked_record(
    masking: SecretFilter, secret: str, make: Callable[[SecretFilter], Keep], canary: CanaryFactory
) -> None:
    """If a masked copy could be lost, the record itself is masked."""
    handler = make(masking)
    record = logging.makeLogRecord({"msg": "a %s", "args": (secret,)})
    handler.handle(record)
    assert handler.lines == [f"a {MASK}"]
    canary.assert_clean(repr(vars(record)))


def test_a_direct_call_masks_the_record(masking: SecretFilter, secret: str) -> None:
    """Code that calls the filter itself finds its record masked."""
    record = logging.makeLogRecord({"msg": "a %s", "args": (secret,)})
    assert masking.filter(record)
    assert (record.getMessage(), record.args) == (f"a {MASK}", (MASK,))


def test_queues(masking: SecretFilter, secret: str, canary: CanaryFactory) -> None:
    """A QueueHandler, one that puts the record itself on the queue, and the listener's handlers."""

    class Raw(logging.handlers.QueueHandler):
        def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
            return record

    for kind in (logging.handlers.QueueHandler, Raw):
        waiting: queue.Queue[Any] = queue.Queue()
        handler, target = kind(waiting), Keep()
        handler.addFilter(masking)
        record = logging.makeLogRecord({"msg": "a %s", "args": (secret,), "field": [secret]})
        handler.handle(record)
        listener = logging.handlers.QueueListener(waiting, target)
        listener.start()
        listener.stop()
        assert target.lines == [f"a {MASK}"]
        canary.assert_clean(everything(target))
        assert record.args == (secret,)
    waiting = queue.Queue()
    handler, target = logging.handlers.QueueHandler(waiting), Keep(masking)
    handler.handle(copy.copy(record))
    logging.handlers.QueueListener(waiting, target).handle(waiting.get())
    assert target.lines == [f"a {MASK}"]


def test_buffers(masking: SecretFilter, secret: str, canary: CanaryFactory) -> None:
    """A MemoryHandler keeps the copy for later."""
    handler = logging.handlers.MemoryHandler(10, target=(target := Keep()))
    handler.addFilter(masking)
    handler.handle(logging.makeLogRecord({"msg": secret, "levelno": logging.INFO}))
    handler.flush()
    assert target.lines == [MASK]
    canary.assert_clean(everything(target))


def test_dict_config(masking: SecretFilter, secret: str) -> None:
    """The filter of a handler in a dictionary of `logging.config`."""
    stream = io.StringIO()
    settings: Mapping[str, Any] = {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"secrets": {"()": lambda: masking}},
        "handlers": {"console": {"class": "logging.StreamHandler", "stream": stream, "filters": ["secrets"]}},
        "loggers": {"secretsync.tests.dictconfig": {"handlers": ["console"], "propagate": False}},
    }
    logging.config.dictConfig(dict(settings))
    logger = logging.getLogger("secretsync.tests.dictconfig")
    try:
        logger.error("a %s", secret)
    finally:
        logger.handlers.clear()
    assert stream.getvalue() == f"a {MASK}\n"


def test_an_error_of_the_handler_reaches_the_caller(masking: SecretFilter, secret: str) -> None:
    """An error of the handler reaches the caller, with the filter as without it."""

    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise LookupError(record.getMessage())

    handler = Broken()
    handler.addFilter(masking)
    with pytest.raises(LookupError, match=r"\*{8}"):
        handler.handle(logging.makeLogRecord({"msg": secret}))
    assert handler.lock is not None
    assert handler.lock.acquire(blocking=False)
    handler.lock.release()
