"""Keeping an SDK's own log records, which hold answers with values in them, out of the application's logs."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator

__all__ = ["silenced"]

_here = threading.local()  # .depth: how many `silenced` blocks this thread is in


class _NotFromHere(logging.Filter):
    """Drops the records of threads that are inside a `silenced` block, and of no others."""

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002
        return getattr(_here, "depth", 0) == 0


_FILTER = _NotFromHere()


@contextlib.contextmanager
def silenced(*packages: str) -> Iterator[None]:
    """While the block runs, nothing that `packages` log in this thread gets to a handler, whatever the levels are.

    The application's own use of the same SDK, in other threads or at other times, is logged as it wishes.
    """
    _attach(packages)
    _here.depth = getattr(_here, "depth", 0) + 1
    try:
        yield
    finally:
        _here.depth -= 1


def _attach(packages: tuple[str, ...]) -> None:
    # A logger's filters see only what is logged by itself, not what comes from below it: each needs one.
    prefixes = tuple(f"{package}." for package in packages)
    for package in packages:
        logging.getLogger(package).addFilter(_FILTER)
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if isinstance(logger, logging.Logger) and name.startswith(prefixes) and _FILTER not in logger.filters:
            logger.addFilter(_FILTER)
