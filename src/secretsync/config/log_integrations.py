"""Mask secrets for structlog, loguru and Sentry, none of which is imported here."""

from __future__ import annotations

import copy
import logging
from collections.abc import MutableMapping
from typing import Any

from secretsync.config.log_records import RecordMasker
from secretsync.config.masking.masker import Masker
from secretsync.core.secret import Hidden


class StructlogProcessor(Hidden):
    """A processor of structlog that masks the event and all its fields, at any place in the chain.

    Behind the renderer it masks the rendered text.
    """

    __slots__ = ("_masker", "_records")

    def __init__(self, masker: Masker) -> None:
        self._masker, self._records = masker, RecordMasker(masker)

    def __call__(self, _logger: Any, _method_name: str, event_dict: Any) -> Any:
        """Return `event_dict` itself, or a copy in which every secret is masked."""
        if not isinstance(event_dict, MutableMapping):
            return self._masker.value(event_dict)
        # Later processors of the standard library's records take these as they are.
        record, info = event_dict.get("_record"), event_dict.get("exc_info")
        plain = {key: value for key, value in event_dict.items() if key not in ("_record", "exc_info")}
        masked: Any = self._masker.value(plain)
        changed = {} if masked is plain else dict(masked)
        if isinstance(record, logging.LogRecord) and (new := self._records.masked(record)) is not record:
            changed["_record"] = new
        if info and (masked_info := self._records.masked_info(info)) is not info:
            changed["exc_info"] = masked_info
        if not changed:
            return event_dict
        kept = {key: event_dict[key] for key in ("_record", "exc_info") if key in event_dict}
        return {**(plain if masked is plain else {}), **kept, **changed}


class LoguruPatcher(Hidden):
    """A patcher of loguru that masks message, extra fields, exception and names of threads, for all sinks."""

    __slots__ = ("_masker", "_records")

    def __init__(self, masker: Masker) -> None:
        self._masker, self._records = masker, RecordMasker(masker)

    def __call__(self, record: Any) -> None:
        """Mask the fields of `record`."""
        for name in ("message", "extra"):
            record[name] = self._masker.value(record[name])
        for name in ("thread", "process"):
            if not self._masker.is_known(record[name].name):
                record[name] = copy.copy(record[name])
                record[name].name = self._masker.value(record[name].name)
        info = record["exception"]
        if info is not None and (masked := self._records.masked_info(info)) is not info:
            record["exception"] = type(info)(*masked)


class SentryHook(Hidden):
    """A function for `before_send` and the like of Sentry's SDK that masks all of an event or a breadcrumb."""

    __slots__ = ("_masker",)

    def __init__(self, masker: Masker) -> None:
        self._masker = masker

    def __call__(self, event: Any, _hint: Any) -> Any:
        """Return `event` itself, or a copy in which every secret is masked."""
        return self._masker.value(event)
