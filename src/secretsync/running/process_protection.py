"""What this process forbids the system to show of it while it holds secrets."""

from __future__ import annotations

import os
import sys
from typing import Any

__all__ = ["forbid_core_file", "hide_process", "prctl", "restore_core_file"]

_PR_SET_DUMPABLE = 4

Limits = tuple[int, int]


def forbid_core_file() -> Limits | None:
    """The limits of core files before, for `restore_core_file`; from now on a crash of ours writes none."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    except (OSError, ValueError):
        return None
    return soft, hard


def restore_core_file(limits: Limits | None) -> None:
    """Give the limits back: whether the application writes core files is not for us to say."""
    if limits is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, limits)


def hide_process() -> str | None:
    """None once no other process of our user can read our memory or environment, else why they still can.

    It ends with exec: the application is as visible as it would have been.
    """
    if sys.platform != "linux":
        return None
    number = prctl(_PR_SET_DUMPABLE, 0)
    return None if number == 0 else os.strerror(number)


def prctl(option: int, argument: int) -> int:
    """0 where the kernel did what it was asked, else the error number; see `man 2 prctl`."""
    # Imported here: few starts need it, and it takes longer than all else that they do.
    import ctypes

    libc: Any = ctypes.CDLL(None, use_errno=True)
    unused = ctypes.c_ulong(0)
    done = libc.prctl(option, ctypes.c_ulong(argument), unused, unused, unused)
    return 0 if done == 0 else ctypes.get_errno()
