"""A logging filter that masks known secrets in records."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import quote, quote_plus

from secretsync.model import MASK, Hidden, Secret

__all__ = ["SecretFilter"]

# Shorter secrets ("on", "1") are not looked for: masking them would make a log unreadable and say what they are.
SHORTEST = 4

# What every record has; anything else was put there by `extra=`.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class SecretFilter(Hidden, logging.Filter):
    """Masks secrets in the message, the traceback and the extra fields of each record. It lets every record pass."""

    def __init__(self, secrets: Iterable[Secret]) -> None:
        """`secrets`: what is masked, whole and line by line; those shorter than four characters are not."""
        logging.Filter.__init__(self)
        self.__mask = _masker(secrets)

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask `record` in place."""
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - a record whose arguments do not fit: logging would print them all
            message = f"{_shown(record.msg)} with arguments that do not fit it"
        record.msg, record.args = self.__mask(message), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            # Handlers use this text in place of formatting the exception, whose message may hold a secret.
            record.exc_text, record.exc_info = self.__mask(record.exc_text), None
        if record.stack_info:
            record.stack_info = self.__mask(record.stack_info)
        for name, value in vars(record).items():
            if name not in _STANDARD:
                setattr(record, name, self._mask_extra(value))
        return True

    def _mask_extra(self, value: object) -> object:
        if isinstance(value, str):
            return self.__mask(value)
        if value is None or isinstance(value, bool | int | float):
            return value
        text = _shown(value)
        masked = self.__mask(text)
        return value if masked == text else masked


def _shown(value: object) -> str:
    """`value` as text, or its type where that cannot be made: a filter that raises would end in the code that logs."""
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - any object may be logged
        return f"<{type(value).__name__} that cannot be shown>"


def _masker(secrets: Iterable[Secret]) -> Callable[[str], str]:
    """The function that masks `secrets` in a text."""
    wanted: set[str] = set()
    for secret in secrets:
        wanted.update(text for text in _forms(secret.reveal()) if len(text) >= SHORTEST)
    if not wanted:
        return lambda text: text
    # The longest first, so that a secret inside another does not leave the rest of it.
    pattern = re.compile("|".join(re.escape(text) for text in sorted(wanted, key=len, reverse=True)))
    return lambda text: pattern.sub(MASK, text)


def _forms(text: str) -> Iterator[str]:
    """A secret as it may stand in a log: as it is, and as `repr`, JSON and URLs write it; each longer line as well."""
    lines = (line.strip() for line in text.split("\n"))
    for part in (text, *(line for line in lines if len(line) >= 2 * SHORTEST)):
        yield part
        yield repr(part)[1:-1]
        yield json.dumps(part)[1:-1]
        yield json.dumps(part, ensure_ascii=False)[1:-1]
        yield quote(part, safe="", errors="replace")
        yield quote(part, errors="replace")
        yield quote_plus(part, errors="replace")
