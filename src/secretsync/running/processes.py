"""Read the processes of this host from /proc: who they are, and those of their variables that a caller wants."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping

from secretsync.core.errors import UsageError
from secretsync.core.files import FileRefusal, Input, read_file
from secretsync.core.records import Record

_PROC = "/proc"
_ENDED = (errno.ENOENT, errno.ESRCH)


class Process(Record, kw_only=True):
    """A process, without its other variables, because they contain values."""

    pid: int
    parent: int
    program: str  # as the kernel names it
    is_own: bool  # every user id of it is that of this process
    variables: Mapping[str, str]

    _unseen = ("variables",)


class Unreadable(Record, kw_only=True):
    """The reason why a process cannot be read."""

    cause: str
    has_ended: bool = False
    is_denied: bool = False


_GONE = Unreadable(cause="there is no such process", has_ended=True)


def read_process(pid: int, is_wanted: Callable[[str], bool]) -> Process | Unreadable:
    """Return a process with the variables that it was started with and that `is_wanted` accepts by name.

    Raises UsageError if this system does not have /proc.
    """
    _require_proc()
    return _read(pid, is_wanted)


def read_processes(is_wanted: Callable[[str], bool]) -> tuple[list[Process], int]:
    """Return the processes with a wanted variable, by id, and the number of those that cannot be read.

    Processes that end meanwhile, and kernel threads, which have no variables, are neither. Raises UsageError if this
    system does not have /proc.
    """
    _require_proc()
    found: list[Process] = []
    denied = 0
    for pid in sorted(int(name) for name in os.listdir(_PROC) if name.isascii() and name.isdigit()):
        process = _read(pid, is_wanted)
        if isinstance(process, Unreadable):
            denied += process.is_denied
        elif process.variables:
            found.append(process)
    return found, denied


def _require_proc() -> None:
    if not os.path.exists(f"{_PROC}/self/environ"):
        raise UsageError(
            "this system does not show the variables of processes in /proc; start the application with "
            "`secretsync run --record FILE`, and name that file: secretsync check-rotation --running FILE"
        )


def _read(pid: int, is_wanted: Callable[[str], bool]) -> Process | Unreadable:
    before = _stat(pid)
    if before is None:
        return _GONE
    data = read_file(f"{_PROC}/{pid}/environ", Input.KERNEL)
    if isinstance(data, FileRefusal):
        if data.errno in _ENDED:
            return _GONE
        is_denied = data.errno in (errno.EACCES, errno.EPERM)
        cause = "its variables cannot be read by this user" if is_denied else data.cause
        return Unreadable(cause=cause, is_denied=is_denied)
    variables = _variables(data, is_wanted)
    del data  # It contains values.
    is_own = _is_own(pid)
    # Otherwise another process got the same id while the files were read.
    if is_own is None or _stat(pid) != before:
        return _GONE
    program, parent, _ = before
    return Process(pid=pid, parent=parent, program=program, is_own=is_own, variables=variables)


def _variables(data: bytes, is_wanted: Callable[[str], bool]) -> dict[str, str]:
    """Return the wanted variables. Of a name that occurs twice the first one counts, as for getenv."""
    found: dict[str, str] = {}
    for line in data.split(b"\0"):
        name, equals, text = line.partition(b"=")
        if equals and is_wanted(shown := os.fsdecode(name)):
            found.setdefault(shown, os.fsdecode(text))
    return found


def _stat(pid: int) -> tuple[str, int, int] | None:
    """Return the name of the program, the parent, and the time of the start in ticks; None if the process ended."""
    data = read_file(f"{_PROC}/{pid}/stat", Input.KERNEL)
    if isinstance(data, FileRefusal):
        return None
    # The name may contain parentheses and spaces.
    name, _, rest = data.partition(b"(")[2].rpartition(b")")
    fields = rest.split()
    return (os.fsdecode(name), int(fields[1]), int(fields[19])) if len(fields) > 19 else None


def _is_own(pid: int) -> bool | None:
    """Return True if the real, effective, saved and file system ids are all this user's; None if the process ended.

    A program with the setuid bit has the variables that another user gave to it.
    """
    data = read_file(f"{_PROC}/{pid}/status", Input.KERNEL)
    if isinstance(data, FileRefusal):
        return None
    lines = [line.split()[1:] for line in data.splitlines() if line.startswith(b"Uid:")]
    return bool(lines) and {int(one) for one in lines[0]} == {os.geteuid()}
