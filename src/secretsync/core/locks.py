"""Locks on open files, which the kernel gives up with the process."""

from __future__ import annotations

import fcntl
import time

__all__ = ["take_lock"]

_POLL = 0.005  # seconds between two looks: no call waits for a lock up to a deadline


def take_lock(descriptor: int, seconds: float) -> bool:
    """Whether the lock on an open file was had within so many seconds. Raises OSError where it has no locks."""
    until = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(_POLL)
        else:
            return True
