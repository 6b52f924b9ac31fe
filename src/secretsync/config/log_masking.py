"""Mask secrets on all handlers of this process, present and later ones."""

from __future__ import annotations

import logging
import sys
from typing import Any, Self

from secretsync.config.log_records import RecordMasker
from secretsync.config.masking.masker import Masker
from secretsync.core.secret import Hidden

_installed: list[RecordMasker] = []
handle_of_logging = logging.Handler.handle
_handle_error_of_logging = logging.Handler.handleError


class LogMasking(Hidden):
    """The masking on all handlers, until `uninstall()` or the end of a `with` block."""

    __slots__ = ("__records",)

    def __init__(self, masker: Masker) -> None:
        """Install it. The filters of a handler run first, so that fields that they add are masked too."""
        self.__records = RecordMasker(masker)
        _installed.append(self.__records)
        if "filter" not in vars(logging.Handler):
            logging.Handler.filter = _filter  # type: ignore[method-assign, assignment]
        if logging.Handler.handle is handle_of_logging:
            logging.Handler.handle = handle  # type: ignore[method-assign]
        if logging.Handler.handleError is _handle_error_of_logging:
            logging.Handler.handleError = _handle_error  # type: ignore[method-assign]

    def uninstall(self) -> None:
        """Stop masking, and forget the secrets. A second call does nothing."""
        _installed[:] = [records for records in _installed if records is not self.__records]
        self.__records = RecordMasker(Masker())
        if not _installed:
            uninstall_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.uninstall()


def mask_by_installed(record: logging.LogRecord) -> logging.LogRecord:
    """Return `record`, or a copy without the secrets of all installed maskings."""
    for records in tuple(_installed):
        record = records.masked(record)
    return record


def mask_value_by_installed(value: object) -> object:
    """Return `value`, or a copy without the secrets of all installed maskings."""
    for records in tuple(_installed):
        value = records.masker.value(value)
    return value


def emit(handler: logging.Handler, record: logging.LogRecord) -> None:
    """Let `handler` log `record`, as `Handler.handle` does."""
    handler.acquire()
    try:
        handler.emit(record)
    finally:
        handler.release()


def handle(self: logging.Handler, record: logging.LogRecord) -> Any:
    """Take the place of `Handler.handle`: ask the filters of the handler, then mask what they let pass.

    A subclass may have a `filter` of its own, which does not call that of `logging`.
    """
    is_own = type(self).filter is not _filter or "filter" in vars(self)
    result: Any = self.filter(record) if is_own else logging.Filterer.filter(self, record)
    if result:
        is_replaced = sys.version_info >= (3, 12) and isinstance(result, logging.LogRecord)
        emit(self, mask_by_installed(result if is_replaced else record))
    return result


def _filter(self: logging.Handler, record: logging.LogRecord) -> Any:
    """Take the place of `Handler.filter` for a handler with a `handle` of its own.

    The record itself is masked, because such a handler may drop a copy.
    """
    result: Any = logging.Filterer.filter(self, record)
    if result:
        passed = result if isinstance(result, logging.LogRecord) else record
        masked = mask_by_installed(passed)
        if masked is not passed:
            vars(passed).update(vars(masked))
    return result


def uninstall_all() -> None:
    """Stop every masking of this process."""
    _installed.clear()
    if vars(logging.Handler).get("filter") is _filter:
        del logging.Handler.filter
    if logging.Handler.handle is handle:
        logging.Handler.handle = handle_of_logging  # type: ignore[method-assign]
    if logging.Handler.handleError is _handle_error:
        logging.Handler.handleError = _handle_error_of_logging  # type: ignore[method-assign]


def _handle_error(self: logging.Handler, record: logging.LogRecord) -> None:
    """Take the place of `Handler.handleError`: what it prints has the exception that was handled before, too."""
    error = sys.exception()
    masked: Any = mask_value_by_installed(error)
    if masked is error or not isinstance(masked, BaseException):
        _handle_error_of_logging(self, record)
        return
    context, cause, hides = masked.__context__, masked.__cause__, masked.__suppress_context__
    try:
        raise masked  # noqa: TRY301 - see below
    except BaseException:  # noqa: BLE001 - the masked exception, so that `logging` finds it in place of the other
        masked.__context__, masked.__cause__, masked.__suppress_context__ = context, cause, hides
        _handle_error_of_logging(self, record)
