"""A logging filter that masks known secrets in records."""

from __future__ import annotations

import copy
import logging
import sys
from collections.abc import Iterable, Mapping
from types import FrameType
from typing import Any, cast

from secretsync.config.masking.masker import Masker
from secretsync.config.masking.objects import MaskedFloat, MaskedInt, chain_of, failure, shown
from secretsync.core.secret import Hidden, Secret

__all__ = ["SecretFilter"]

# Fields that describe the call and the process. They come from source code and the system, not from a configuration.
_DESCRIPTION = frozenset(
    (
        *("name", "levelname", "levelno", "pathname", "filename", "module", "funcName", "lineno"),
        *("created", "msecs", "relativeCreated", "asctime", "thread", "process"),
    )
)
_MISFIT = "with arguments that do not fit it"
# The fields that every record has, in the order in which it gets them.
_STANDARD = [name for name in vars(logging.makeLogRecord({})) if name != "taskName"]
_COUNT = len(_STANDARD)
_CHAINS = tuple(
    getattr(function, "__code__", None)
    for function in (logging.Filterer.filter, logging.Handler.handle, logging.Logger.handle)
)


class SecretFilter(Hidden, logging.Filter):
    """Mask secrets in log records. Every record passes.

    A record without a secret passes as it is. If a record holds a secret, the handler (or logger) that has this filter
    gets a masked copy, and other handlers keep the record. The copy has the same shape: `args` is a tuple of the same
    length or a dictionary, `msg` is of the same type, exceptions too. Masked are the message, its arguments, the
    exception with its chain, the cached exception text, the stack and all extra fields, at any depth of dictionaries,
    lists, tuples and sets. A Secret is shown as its `repr`. A number stays a number unless it is a secret as a whole.

    Limits: a formatter that prints the local variables of a traceback's frames reads them from the process, not from
    the record. A class that calls this filter in place of `logging` (a filter around a filter, a handler with its own
    `filter` or `handle`) gets the record itself masked, for all handlers.
    """

    def __init__(self, secrets: Iterable[Secret]) -> None:
        """`secrets`: masked whole and line by line; those shorter than four characters are not masked."""
        logging.Filter.__init__(self)
        self.__masker = Masker(secrets)

    def filter(self, record: logging.LogRecord) -> Any:
        """Return True if `record` can be logged as it is, or see to it that a masked copy is logged in its place."""
        masked = self._masked(record)
        if masked is record:
            return True
        caller = sys._getframe(1)  # noqa: SLF001 - the only way to see who uses the result
        if not _takes_copies(caller):
            vars(record).update(vars(masked))
            return True
        return masked if sys.version_info >= (3, 12) else _log_instead(caller, masked)

    def _masked(self, record: logging.LogRecord) -> logging.LogRecord:
        """Return `record`, or a copy of it in which every secret is masked."""
        if self._is_clean(record):
            return record
        changed = dict[str, object]()
        for name, value in vars(record).items():
            if name not in _DESCRIPTION and name != "exc_info":
                masked = self.__masker.value(value, keeps_numbers=name == "args")
                if masked is not value:
                    changed[name] = masked
        self._mask_exceptions(record, changed)
        text = None if isinstance(record.msg, dict) else _message(record)
        if not changed and (self._is_clean_failure(record) if text is None else self.__masker.text(text) == text):
            return record
        new = copy.copy(record)
        vars(new).update(changed)
        if not isinstance(record.msg, dict):
            self._fit_message(new, text)
        return new

    def _is_clean(self, record: logging.LogRecord) -> bool:
        """Return True if `record` has plain data only, and no secret. Most records do: the rest takes its time."""
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
        if len(names) > _COUNT:
            values += [fields[name] for name in names[_COUNT:] if name not in _DESCRIPTION]
        return self.__masker.is_clean(values)

    def _is_clean_failure(self, record: logging.LogRecord) -> bool:
        """Return True if `logging` may print the exception that the message of `record` raises."""
        if isinstance(record.msg, dict):
            return True
        error = failure(lambda _: record.getMessage(), None)
        return error is None or self.__masker.text(error) == error

    def _fit_message(self, new: logging.LogRecord, original: str | None) -> None:
        """Make the message of `new` the masked one, if the masked arguments alone do not lead to it.

        A masked number does not fit `%d`, and a secret may be half in the template, half in an argument. `original`:
        the message of the record that `new` is a copy of, or None if its arguments do not fit it.
        """
        text = _message(new)
        values = new.args.values() if isinstance(new.args, Mapping) else new.args or ()
        if original is not None and any(isinstance(value, MaskedInt | MaskedFloat) for value in values):
            text = self.__masker.text(original)  # because %d would show zero
        elif text is not None and self.__masker.text(text) == text:
            return
        text = f"{shown(new.msg)} {_MISFIT}" if original is None and text is None else text or original or ""
        text = self.__masker.text(text)
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
            changed["exc_text"] = self.__masker.text(record.exc_text or text)
        if isinstance(record.msg, dict) and record.msg.get("exc_info"):
            info = record.msg["exc_info"]
            masked, _ = self._masked_info(info if isinstance(info, tuple | BaseException) else sys.exc_info())
            if masked is not None:
                changed["msg"] = {**cast("dict[str, object]", changed.get("msg", record.msg)), "exc_info": masked}

    def _masked_info(self, info: Any) -> tuple[object, str | None]:
        """Return what replaces `info` (None: nothing), and the masked text if its frames lead to a secret.

        `info`: an exception, or its type, itself and its traceback.
        """
        error = info[1] if isinstance(info, tuple) and len(info) == 3 else info
        if not isinstance(error, BaseException):
            return None, None
        trace = error.__traceback__ if error is info else info[2]
        masked: Any = self.__masker.value(error)
        text = _formatted(masked, trace)
        if self.__masker.text(text) != text:
            # A line of source code holds the secret: formatters take this text, or read the line through the frames.
            masked = self.__masker.exception(error)
            return (type(masked), masked, None), self.__masker.text(text)
        return None if masked is error else (type(masked), masked, trace), None


def _formatted(error: BaseException, trace: Any) -> str:
    try:
        return logging.Formatter().formatException((type(error), error, trace))
    except Exception:  # noqa: BLE001 - an exception that cannot be shown is shown by nobody
        return "\n".join(shown(one) for one in chain_of(error))


def _message(record: logging.LogRecord) -> str | None:
    """Return the record's message, or None if its arguments do not fit it."""
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - any object may be logged
        return None


def _takes_copies(caller: FrameType) -> bool:
    """Return True if `caller` is `logging` itself, which logs what a filter returns. Others may only look at its truth.

    A masked copy that nobody takes would be a secret in the log.
    """
    in_filter, in_handler, in_logger = _CHAINS
    above = caller.f_back
    return caller.f_code is in_filter and above is not None and above.f_code in (in_handler, in_logger)


def _log_instead(caller: FrameType, record: logging.LogRecord) -> bool:
    """Do what Python 3.12 does with a record that a filter returned, and return False, which ends the original's way.

    Python 3.11 only looks at the truth of what a filter returns. `caller`: its `Filterer.filter`.
    """
    owner, current = caller.f_locals["self"], caller.f_locals["f"]
    for later in owner.filters[owner.filters.index(current) + 1 :]:
        if not (later.filter if hasattr(later, "filter") else later)(record):
            return False
    if isinstance(owner, logging.Handler):
        owner.acquire()
        try:
            owner.emit(record)
        finally:
            owner.release()
    else:
        owner.callHandlers(record)
    return False
