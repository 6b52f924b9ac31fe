"""Make a process group the foreground group of the terminal, and take the terminal back."""

from __future__ import annotations

import os


class Terminal:
    """The controlling terminal of this process, or no terminal. Needs SIGTTOU to be ignored."""

    def __init__(self) -> None:
        self.descriptor: int | None = None
        try:
            self.descriptor = os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC | os.O_NOCTTY)
        except OSError:
            return
        self._own = os.getpgrp()

    def give(self, group: int) -> bool:
        """Make `group` the foreground group if this process is in the foreground. Return True if that was done."""
        if self.descriptor is None or self._foreground() != self._own:
            return False
        return self._set(group)

    def give_to_own_group(self) -> None:
        """Put this process, a new child, into a group of its own, which becomes the foreground group."""
        os.setpgid(0, 0)
        self.give(os.getpid())

    def take_back(self, group: int) -> None:
        """Make the group of this process the foreground group again, if `group`, or a group that ended, is that now."""
        if self.descriptor is None:
            return
        current = self._foreground()
        if current is not None and (current == group or not is_group(current)):
            self._set(self._own)

    def _foreground(self) -> int | None:
        """Return the foreground group; None if the terminal is gone."""
        assert self.descriptor is not None  # noqa: S101 - for the type checker
        try:
            return os.tcgetpgrp(self.descriptor)
        except OSError:
            return None

    def _set(self, group: int) -> bool:
        assert self.descriptor is not None  # noqa: S101 - for the type checker
        try:
            os.tcsetpgrp(self.descriptor, group)
        except OSError:  # the group has ended, or the terminal is gone
            return False
        return True


def is_group(group: int) -> bool:
    """Return True if a process is in the group."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
