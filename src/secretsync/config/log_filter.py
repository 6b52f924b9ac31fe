"""A logging filter that masks known secrets in records."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from types import FrameType
from typing import Any

from secretsync.config.log_masking import emit, handle, handle_of_logging, mask_by_installed
from secretsync.config.log_records import RecordMasker
from secretsync.config.masking.masker import Masker
from secretsync.core.secret import Hidden, Secret

_FILTER, *_TAKERS = (
    getattr(function, "__code__", None)
    for function in (logging.Filterer.filter, handle_of_logging, handle, logging.Logger.handle)
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

    def __init__(self, secrets: Masker | Iterable[Secret]) -> None:
        """`secrets`: masked whole and line by line; those shorter than four characters are not masked."""
        logging.Filter.__init__(self)
        self.__records = RecordMasker(secrets if isinstance(secrets, Masker) else Masker(secrets))

    def filter(self, record: logging.LogRecord) -> Any:
        """Return True if `record` can be logged as it is, or see to it that a masked copy is logged in its place."""
        masked = self.__records.masked(record)
        if masked is record:
            return True
        caller = sys._getframe(1)  # noqa: SLF001 - the only way to see who uses the result
        if not _takes_copies(caller):
            vars(record).update(vars(masked))
            return True
        return masked if sys.version_info >= (3, 12) else _log_instead(caller, masked)


def _takes_copies(caller: FrameType) -> bool:
    """Return True if `caller` is `logging` itself, which logs what a filter returns. Others may only look at its truth.

    A masked copy that is not used would leave the secret in the log.
    """
    above = caller.f_back
    return caller.f_code is _FILTER and above is not None and above.f_code in _TAKERS


def _log_instead(caller: FrameType, record: logging.LogRecord) -> bool:
    """Do what Python 3.12 does with a record that a filter returned, and return False, which ends the original's way.

    Python 3.11 only looks at the truth of what a filter returns. `caller`: its `Filterer.filter`.
    """
    owner, current = caller.f_locals["self"], caller.f_locals["f"]
    for later in owner.filters[owner.filters.index(current) + 1 :]:
        if not (later.filter if hasattr(later, "filter") else later)(record):
            return False
    if isinstance(owner, logging.Handler):
        emit(owner, mask_by_installed(record))
    else:
        owner.callHandlers(record)
    return False
