"""Protect the memory of this process from other processes while it holds secrets."""

from __future__ import annotations

import os
import sys
from typing import Any

_PR_SET_DUMPABLE = 4


def hide_process() -> str | None:
    """Forbid other processes of the same user to read memory and environment. Return None, or why that failed.

    The protection ends with exec, so the application is as visible as without SecretSync.
    """
    if sys.platform != "linux":
        return None
    number = prctl(_PR_SET_DUMPABLE, 0)
    return None if number == 0 else os.strerror(number)


def prctl(option: int, argument: int) -> int:
    """Change an attribute of this process (`man 2 prctl`). Return 0 or the error number."""
    # Imported here, because few runs need ctypes, and its import takes longer than all other imports together.
    import ctypes

    libc: Any = ctypes.CDLL(None, use_errno=True)
    unused = ctypes.c_ulong(0)
    result = libc.prctl(option, ctypes.c_ulong(argument), unused, unused, unused)
    return 0 if result == 0 else ctypes.get_errno()
