"""Mask secrets in log records."""

from __future__ import annotations

import copy
import logging
import sys
from collections.abc import Mapping
from typing import Any, cast

from secretsync.config.masking.masker import Masker
from secretsync.config.masking.objects import MaskedFloat, MaskedInt, chain_of, failure, shown
from secretsync.core.secret import Hidden

# Fields that describe the call and the process. They come from source code and the system, not from a configuration.
_DESCRIPTION = frozenset(
    (
        *("name", "levelname", "levelno", "pathname", "filename", "module", "funcName", "lineno"),
        *("created", "msecs", "relativeCreated", "asctime", "thread", "process"),
    )
)
_MISFIT = "with arguments that do not fit it"
# The fields that every record has, in the order in which it gets them. From Python 3.12 on, the last one is taskName.
_STANDARD = list(vars(logging.makeLogRecord({})))
_FIELDS = frozenset(_STANDARD)
_COUNT, _LAST = len(_STANDARD), _STANDARD[-1]
# A formatter adds the message and the time.
_LAST_FIELDS = (_LAST, "message", "asctime")
_USUAL_NAMES = ("MainThread", "MainProcess", None)
_HAS_TASKS = _LAST == "taskName"


class RecordMasker(Hidden):
    """Mask secrets in log records; see `SecretFilter`."""

    __slots__ = ("masker",)

    def __init__(self, masker: Masker) -> None:
        self.masker = masker

    def masked(self, record: logging.LogRecord) -> logging.LogRecord:
        """Return `record`, or a copy of it in which every secret is masked."""
        if self._is_quickly_clean(record) or self._is_clean(record):
            return record
        changed, renamed = dict[str, object](), dict[str, str]()
        for name, value in vars(record).items():
            if name not in _DESCRIPTION and name != "exc_info":
                if name not in _FIELDS and (shown_name := self.masker.text(name)) != name:
                    renamed[name] = shown_name
                masked = self.masker.value(value, keeps_numbers=name == "args")
                if masked is not value:
                    changed[name] = masked
        self._mask_exceptions(record, changed)
        text = None if isinstance(record.msg, dict) else _message(record)
        if (
            not changed
            and not renamed
            and (self._is_clean_failure(record) if text is None else self.masker.text(text) == text)
        ):
            return record
        new = copy.copy(record)
        vars(new).update(changed)
        for name, shown_name in renamed.items():
            vars(new)[shown_name] = vars(new).pop(name)
        if not isinstance(record.msg, dict):
            self._fit_message(new, text)
        return new

    def _is_quickly_clean(self, record: logging.LogRecord) -> bool:
        """Return True if `record` has a text and numbers only, and no secret. False means unknown.

        Written out, because every log record passes here.
        """
        fields, masker, msg, args = record.__dict__, self.masker, record.msg, record.args
        if type(msg) is not str or next(reversed(fields)) not in _LAST_FIELDS:
            return False
        if len(fields) != _COUNT + ("message" in fields) + ("asctime" in fields):
            return False
        if record.exc_info or record.exc_text or record.stack_info or type(record) is not logging.LogRecord:
            return False
        names = (record.threadName, record.processName, fields.get("taskName"))
        if names != _USUAL_NAMES and not all(name is None or masker.is_known(name) for name in names):
            return False
        if not args:
            return fields.get("message", msg) == msg and masker.is_clean_text(msg)
        return type(args) is tuple and masker.is_known(msg) and self._is_clean_message(msg, args, fields)

    def _is_clean_message(self, msg: str, args: tuple[object, ...], fields: dict[str, object]) -> bool:
        """Return True if the message has every argument completely, and no secret."""
        try:
            message = msg % args
        except Exception:  # noqa: BLE001 - any object may be logged
            return False
        for arg in args:
            if type(arg) is str:
                if arg not in message:
                    return False
            elif type(arg) is not int or self.masker.has_numbers:
                return False
        return fields.get("message", message) == message and self.masker.is_clean_text(message)

    def _is_clean(self, record: logging.LogRecord) -> bool:
        """Return True if `record` has plain data only, and no secret."""
        fields = vars(record)
        names = list(fields)
        if names[:_COUNT] != _STANDARD or record.exc_info:
            return False
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - any object may be logged
            return False
        values = [record.msg, record.exc_text, record.stack_info, record.threadName, record.processName]
        if message is not record.msg:
            values += (message, record.args)
        if _HAS_TASKS:
            values.append(fields[_LAST])
        extra = [name for name in names[_COUNT:] if name not in _DESCRIPTION]
        values += extra
        values += [fields[name] for name in extra]
        return self.masker.is_clean(values)

    def _is_clean_failure(self, record: logging.LogRecord) -> bool:
        """Return True if `logging` may print the exception that the message of `record` raises."""
        if isinstance(record.msg, dict):
            return True
        error = failure(lambda _: record.getMessage(), None)
        return error is None or self.masker.text(error) == error

    def _fit_message(self, new: logging.LogRecord, original: str | None) -> None:
        """Make the message of `new` the masked one, if the masked arguments alone do not lead to it.

        A masked number does not fit `%d`, and a secret may be half in the template, half in an argument. `original`:
        the message of the record that `new` is a copy of, or None if its arguments do not fit it.
        """
        text = _message(new)
        values = new.args.values() if isinstance(new.args, Mapping) else new.args or ()
        if original is not None and any(isinstance(value, MaskedInt | MaskedFloat) for value in values):
            text = self.masker.text(original)  # because %d would show zero
        elif text is not None and self.masker.text(text) == text:
            return
        text = f"{shown(new.msg)} {_MISFIT}" if original is None and text is None else text or original or ""
        text = self.masker.text(text)
        if new.args:
            # "%.0s" takes an argument and shows nothing of it, so that `args` keep their length.
            places = 0 if isinstance(new.args, Mapping) else len(new.args)
            new.msg = text.replace("%", "%%") + "%.0s" * places
        else:
            new.msg = text
        if _message(new) != text:
            new.msg, new.args = text, ()

    def _mask_exceptions(self, record: logging.LogRecord, changed: dict[str, object]) -> None:
        """Add the record's exception to `changed` if it holds a secret, and that of a message of structlog."""
        masked, text = self._masked_info(record.exc_info)
        if masked is not None:
            changed["exc_info"] = masked
        if text is not None:
            changed["exc_text"] = self.masker.text(record.exc_text or text)
        if isinstance(record.msg, dict) and (info := record.msg.get("exc_info")):
            masked = self.masked_info(info)
            if masked is not info:
                changed["msg"] = {**cast("dict[str, object]", changed.get("msg", record.msg)), "exc_info": masked}

    def masked_info(self, info: Any) -> Any:
        """Return `info` itself, or the masked exception with its type and traceback.

        `info`: an exception, a tuple of `sys.exc_info()`, or another true value for the exception that is handled now.
        """
        masked, _ = self._masked_info(info if isinstance(info, tuple | BaseException) else sys.exc_info())
        return info if masked is None else masked

    def _masked_info(self, info: Any) -> tuple[object, str | None]:
        """Return what replaces `info` (None: nothing), and the masked text if its frames lead to a secret.

        `info`: an exception, or its type, itself and its traceback.
        """
        error = info[1] if isinstance(info, tuple) and len(info) == 3 else info
        if not isinstance(error, BaseException):
            return None, None
        trace = error.__traceback__ if error is info else info[2]
        masked: Any = self.masker.value(error)
        text = _formatted(masked, trace)
        if self.masker.text(text) != text:
            # A line of source code holds the secret: formatters take this text, or read the line through the frames.
            masked = self.masker.exception(error)
            return (type(masked), masked, None), self.masker.text(text)
        return None if masked is error else (type(masked), masked, trace), None


def _formatted(error: BaseException, trace: Any) -> str:
    try:
        return logging.Formatter().formatException((type(error), error, trace))
    except Exception:  # noqa: BLE001 - an exception that cannot be formatted is not shown
        return "\n".join(shown(one) for one in chain_of(error))


def _message(record: logging.LogRecord) -> str | None:
    """Return the record's message, or None if its arguments do not fit it."""
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - any object may be logged
        return None
