"""Write a file as a whole or not at all, readable by this user only, and never through a link.

- A new file has mode 0600 and belongs to this user, unless `mode` and `owner` ask for others.
- An existing file is replaced by a new file of mode 0600 without the bits that the old file lacked. Owner and group of
  the old file are not kept.
- A file that holds the same bytes already stays, with its inode and modification time. Its mode becomes that of a new
  file. A file of another user is replaced.
- Links, files with further hard links, directories, devices and sockets are refused. A FIFO and an open descriptor
  (`-`, `/dev/stdout`, `/dev/fd/N`) are written directly.
"""

from __future__ import annotations

import errno
import os
import select
import stat
import time

from secretsync.core.errors import OutputError, Problem, ProblemKind
from secretsync.core.files import sync
from secretsync.core.model import LONGEST_WAIT
from secretsync.core.system.temporary_file import PRIVATE, create, remove_stale, unlink

WRITTEN = "written"
UNCHANGED = "unchanged"

_FIFO_POLL = 0.02  # seconds between two attempts, because no system call waits for a reader up to a deadline
_STANDARD = {"-": 1, "/dev/stdout": 1, "/dev/stderr": 2}
_HINTS = {
    errno.ENOENT: "create its folder first",
    errno.ENOTDIR: "a part of its path is no folder",
    errno.EACCES: "the folder must be writable for the user who runs this",
    errno.EPERM: "only root can give a file away",
    errno.EROFS: "write to another file system, a tmpfs for instance",
    errno.ENOSPC: "make room, the file that was there is untouched",
    errno.EDQUOT: "make room, the file that was there is untouched",
}


class _Refused(Exception):  # noqa: N818 - it does not leave this module
    """The reason not to write a target, and the next step."""

    def __init__(self, cause: str, hint: str | None = None) -> None:
        super().__init__(cause)
        self.cause = cause
        self.hint = hint


def write_file(
    path: str,
    data: bytes,
    *,
    mode: int | None = None,
    owner: tuple[int, int] | None = None,
    fifo_seconds: float = 30.0,
) -> str:
    """Write `data`; return `WRITTEN`, or `UNCHANGED` if the file held `data` already. Raises OutputError.

    `mode`: permission bits; None means 0600, or less if an existing file has less. `owner`: ids of user and group; -1
    means this user, or the group of a new file. `fifo_seconds`: time for a FIFO to get a reader and to be emptied.
    """
    try:
        return _write(path, data, mode, owner, fifo_seconds)
    except _Refused as refused:
        cause, hint = refused.cause, refused.hint
    except BrokenPipeError:
        cause, hint = "the reader went away before it had everything", None
    except OSError as error:
        cause, hint = f"it cannot be written: {error.strerror}", _HINTS.get(error.errno or 0)
    # Raised outside of `except` and without the data, so that no traceback leads to the values.
    del data
    raise OutputError([Problem(kind=ProblemKind.OUTPUT, file=path, cause=cause, hint=hint)])


def write_new_file(path: str, data: bytes, *, mode: int = PRIVATE) -> bool:
    """Write `data` to a new file; return False if the name is taken already. Raises OutputError."""
    try:
        return _write_new(path, data, mode)
    except OSError as error:
        cause, hint = f"it cannot be written: {error.strerror}", _HINTS.get(error.errno or 0)
    del data
    raise OutputError([Problem(kind=ProblemKind.OUTPUT, file=path, cause=cause, hint=hint)])


def shared_mode(path: str) -> int:
    """Return the mode for a file without secrets: that of the present file, or that of any new file of this user."""
    try:
        return os.stat(path).st_mode & 0o666
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def _write(path: str, data: bytes, mode: int | None, owner: tuple[int, int] | None, fifo_seconds: float) -> str:
    descriptor = _descriptor_of(path)
    if descriptor is not None:
        _write_all(descriptor, data, None)
        return WRITTEN
    folder_path, name = os.path.split(path)
    if "\0" in path or name in ("", ".", ".."):
        raise _Refused("this is not the name of a file")
    folder = os.open(folder_path or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        remove_stale(folder)
        present = _present(folder, name)
        if present is not None and stat.S_ISFIFO(present.st_mode):
            _write_fifo(folder, name, data, time.monotonic() + min(fifo_seconds, LONGEST_WAIT))
            return WRITTEN
        if present is not None:
            _check_replaceable(present)
            if mode is None:
                mode = PRIVATE & present.st_mode
            if _keep(folder, name, data, mode, owner):
                return UNCHANGED
        _replace(folder, name, data, PRIVATE if mode is None else mode, owner)
        return WRITTEN
    finally:
        os.close(folder)


def _descriptor_of(path: str) -> int | None:
    """Return the descriptor that `path` names, or None. Shells pass `/dev/fd/N` for `>(command)`."""
    number = path.removeprefix("/dev/fd/")
    if number != path and number.isascii() and number.isdigit():
        return int(number)
    return _STANDARD.get(path)


def _present(folder: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _check_replaceable(present: os.stat_result) -> None:
    if stat.S_ISLNK(present.st_mode):
        raise _Refused("it is a symbolic link, and nothing is written through one", "name the file itself")
    if stat.S_ISDIR(present.st_mode):
        raise _Refused("it is a folder", "name a file in it")
    if not stat.S_ISREG(present.st_mode):
        raise _Refused("it is a device or a socket", "use a file, a FIFO or /dev/stdout")
    if present.st_nlink > 1:
        raise _Refused("it has further hard links, which would keep the old values", "remove it first")


def _keep(folder: int, name: str, data: bytes, mode: int, owner: tuple[int, int] | None) -> bool:
    """Return True if the file holds `data` and belongs to the wanted owner; then its mode is set to `mode`."""
    try:
        opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return False  # not readable, or not a file any more: it is replaced
    try:
        status = os.fstat(opened)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1 or status.st_size != len(data):
            return False
        user, group = _wanted_owner(owner)
        if status.st_uid != user or group not in (-1, status.st_gid):
            return False
        with os.fdopen(opened, "rb", closefd=False) as file:
            if file.read(len(data) + 1) != data:
                return False
        if stat.S_IMODE(status.st_mode) != mode:
            os.fchmod(opened, mode)
        return True
    finally:
        os.close(opened)


def _wanted_owner(owner: tuple[int, int] | None) -> tuple[int, int]:
    user, group = owner or (-1, -1)
    return (os.geteuid() if user == -1 else user), group


def _replace(folder: int, name: str, data: bytes, mode: int, owner: tuple[int, int] | None) -> None:
    temporary, descriptor = create(folder)
    try:
        try:
            _write_all(descriptor, data, None)
            if owner is not None:
                os.fchown(descriptor, *owner)
            if mode != PRIVATE:
                os.fchmod(descriptor, mode)
            os.fsync(descriptor)
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            unlink(folder, temporary)
            raise
    finally:
        os.close(descriptor)
    sync(folder)


def _write_new(path: str, data: bytes, mode: int) -> bool:
    folder_path, name = os.path.split(path)
    folder = os.open(folder_path or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        remove_stale(folder)
        temporary, descriptor = create(folder)
        try:
            _write_all(descriptor, data, None)
            if mode != PRIVATE:
                os.fchmod(descriptor, mode)
            os.fsync(descriptor)
            _take_name(folder, temporary, name)
        except FileExistsError:
            return False
        finally:
            unlink(folder, temporary)
            os.close(descriptor)
        sync(folder)
        return True
    finally:
        os.close(folder)


def _take_name(folder: int, temporary: str, name: str) -> None:
    """Give `temporary` its name. Raises FileExistsError if the name is taken; a rename would replace that file."""
    try:
        os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP):
            raise
        # This file system does not have hard links. An empty file takes the name first, and a killed process leaves it.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        os.close(os.open(name, flags, PRIVATE, dir_fd=folder))
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)


def _write_fifo(folder: int, name: str, data: bytes, until: float) -> None:
    """Write `data` to a FIFO when it has a reader."""
    flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    while True:
        try:
            descriptor = os.open(name, flags, dir_fd=folder)
            break
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
        if time.monotonic() >= until:
            raise _Refused("no process opened this FIFO for reading in time", "start its reader first")
        time.sleep(_FIFO_POLL)
    try:
        if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            raise _Refused("it was a FIFO a moment ago, and is not any more")
        _write_all(descriptor, data, until)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes, until: float | None) -> None:
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            left = None if until is None else max(0.0, until - time.monotonic())
            if not select.select([], [descriptor], [], left)[1]:
                raise _Refused("its reader did not take everything in time") from None
