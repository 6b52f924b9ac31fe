"""Writing a rendered file: whole or not at all, readable by nobody else at any moment, never through a link.

What the file is afterwards:

- A new file has mode 0600 and belongs to who runs us; `mode` and `owner` say otherwise.
- A file that was there is replaced by a new one, of mode 0600 without the bits that the old one lacked: never wider
  than it was. Owner and group are not taken over from it.
- A file that holds the very same bytes stays (inode and modification time too), but its mode is brought to the one that
  a new file would have. One that belongs to somebody else is replaced.
- Links, files with further hard links, directories, devices and sockets are refused. A FIFO and an open descriptor
  (`-`, `/dev/stdout`, `/dev/fd/N`) are written plainly.

The file is written beside its target under a name of ours and renamed. Its writer holds a lock on it, which the kernel
gives up with the process: so a later run can tell what a killed one left behind, and removes it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import stat
import time

from secretsync.core.errors import OutputError, Problem, ProblemKind, UsageError

__all__ = ["UNCHANGED", "WRITTEN", "parse_mode", "parse_owner", "write_file", "write_new_file"]

WRITTEN = "written"
UNCHANGED = "unchanged"

_PRIVATE = 0o600
_PREFIX = ".secretsync-"
_SUFFIX = ".tmp"
_FIFO_POLL = 0.02  # seconds between two looks for a reader: no call waits for one up to a deadline
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
    """Why a target is not written, and what to do about it."""

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
    """`WRITTEN`, or `UNCHANGED` where the file held `data` already. OutputError where nothing was written.

    `mode`: permission bits; None is 0600, or less where an existing file has less. `owner`: user and group id, -1
    for what is to stay. `fifo_seconds`: how long a FIFO may take to find a reader and be emptied.
    """
    try:
        return _write(path, data, mode, owner, fifo_seconds)
    except _Refused as refused:
        cause, hint = refused.cause, refused.hint
    except BrokenPipeError:
        cause, hint = "the reader went away before it had everything", None
    except OSError as error:
        cause, hint = f"it cannot be written: {error.strerror}", _HINTS.get(error.errno or 0)
    # Raised out here, and without the data: no exception leads to the values.
    del data
    raise OutputError([Problem(kind=ProblemKind.OUTPUT, file=path, cause=cause, hint=hint)])


def write_new_file(path: str, data: bytes) -> bool:
    """True once a new file of mode 0600 holds `data`, whole; False where something of that name is there already.

    OutputError where nothing was written.
    """
    try:
        return _write_new(path, data)
    except OSError as error:
        cause, hint = f"it cannot be written: {error.strerror}", _HINTS.get(error.errno or 0)
    del data
    raise OutputError([Problem(kind=ProblemKind.OUTPUT, file=path, cause=cause, hint=hint)])


def parse_mode(text: str) -> int:
    """The permission bits that `text` says in octal: "640" or "0640". UsageError if it does not."""
    digits = text.removeprefix("0o")
    if 3 <= len(digits) <= 4 and all(digit in "01234567" for digit in digits) and int(digits, 8) <= 0o777:
        return int(digits, 8)
    raise UsageError("a mode is three octal digits, 0640 for instance")


def parse_owner(text: str) -> tuple[int, int]:
    """User and group id of "USER", "USER:GROUP" or ":GROUP", by name or number; -1 for what is not said.

    UsageError where this machine knows no such user or group.
    """
    user, _, group = text.partition(":")
    return _id_of(user, "user"), _id_of(group, "group")


def _id_of(name: str, kind: str) -> int:
    if not name:
        return -1
    if name.isascii() and name.isdigit():
        return int(name)
    try:
        if kind == "user":
            import pwd

            return pwd.getpwnam(name).pw_uid
        import grp

        return grp.getgrnam(name).gr_gid
    except KeyError:
        message = f"--owner: there is no {kind} of this name"
    raise UsageError(message)


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
        _remove_stale(folder)
        present = _present(folder, name)
        if present is not None and stat.S_ISFIFO(present.st_mode):
            _write_fifo(folder, name, data, time.monotonic() + fifo_seconds)
            return WRITTEN
        if present is not None:
            _check_replaceable(present)
            if mode is None:
                mode = _PRIVATE & present.st_mode
            if _keep(folder, name, data, mode, owner):
                return UNCHANGED
        _replace(folder, name, data, _PRIVATE if mode is None else mode, owner)
        return WRITTEN
    finally:
        os.close(folder)


def _descriptor_of(path: str) -> int | None:
    """The descriptor that `path` stands for, or None: shells give `/dev/fd/N` for `>(command)`."""
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
    """Whether the file holds `data` already, and is ours; then its mode and owner are brought to what was asked for."""
    try:
        opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return False  # not readable, or something else by now: it is replaced
    try:
        status = os.fstat(opened)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1 or status.st_size != len(data):
            return False
        user, group = _wanted_owner(owner)
        if status.st_uid != user or group not in (-1, status.st_gid):
            return False
        if _read_all(opened, len(data) + 1) != data:
            return False
        if stat.S_IMODE(status.st_mode) != mode:
            os.fchmod(opened, mode)
        return True
    finally:
        os.close(opened)


def _wanted_owner(owner: tuple[int, int] | None) -> tuple[int, int]:
    user, group = owner or (-1, -1)
    return (os.geteuid() if user == -1 else user), group


def _read_all(descriptor: int, limit: int) -> bytes:
    parts = []
    while limit > 0 and (part := os.read(descriptor, limit)):
        parts.append(part)
        limit -= len(part)
    return b"".join(parts)


def _replace(folder: int, name: str, data: bytes, mode: int, owner: tuple[int, int] | None) -> None:
    temporary, descriptor = _create(folder)
    try:
        try:
            _write_all(descriptor, data, None)
            if owner is not None:
                os.fchown(descriptor, *owner)
            if mode != _PRIVATE:
                os.fchmod(descriptor, mode)
            os.fsync(descriptor)
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            _unlink(folder, temporary)
            raise
    finally:
        os.close(descriptor)
    _sync_folder(folder)


def _write_new(path: str, data: bytes) -> bool:
    folder_path, name = os.path.split(path)
    folder = os.open(folder_path or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _remove_stale(folder)
        temporary, descriptor = _create(folder)
        try:
            _write_all(descriptor, data, None)
            os.fsync(descriptor)
            _take_name(folder, temporary, name)
        except FileExistsError:
            return False
        finally:
            _unlink(folder, temporary)
            os.close(descriptor)
        _sync_folder(folder)
        return True
    finally:
        os.close(folder)


def _take_name(folder: int, temporary: str, name: str) -> None:
    """Give `temporary` its name. Raises FileExistsError where that is taken: a renaming alone would replace it."""
    try:
        os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP):
            raise
        # A file system without hard links: the name is taken by an empty file first, which a kill may leave.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        os.close(os.open(name, flags, _PRIVATE, dir_fd=folder))
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)


def _sync_folder(folder: int) -> None:
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some file systems cannot sync a folder
            raise


def _create(folder: int) -> tuple[str, int]:
    """A new file of ours, by name and descriptor, locked."""
    while True:
        temporary = f"{_PREFIX}{os.urandom(16).hex()}{_SUFFIX}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(temporary, flags, _PRIVATE, dir_fd=folder)
        try:
            # A umask may have taken bits from 0600: without them a later run could not even look at it.
            if stat.S_IMODE(os.fstat(descriptor).st_mode) != _PRIVATE:
                os.fchmod(descriptor, _PRIVATE)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:
            _unlink(folder, temporary)
            os.close(descriptor)
            raise
        # Between the two calls another run may have taken it for one left behind.
        if os.fstat(descriptor).st_nlink == 1:
            return temporary, descriptor
        os.close(descriptor)


def _remove_stale(folder: int) -> None:
    """Remove what killed runs of ours left in `folder`: by name, by owner, and not locked by a living one."""
    for name in os.listdir(folder):
        if not (name.startswith(_PREFIX) and name.endswith(_SUFFIX)):
            continue
        try:
            opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        except OSError:
            continue  # gone by now, a link, or not ours
        try:
            status = os.fstat(opened)
            if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid():
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _unlink(folder, name)
        except OSError:
            continue  # locked: its writer lives
        finally:
            os.close(opened)


def _unlink(folder: int, name: str) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return


def _write_fifo(folder: int, name: str, data: bytes, until: float) -> None:
    """Write `data` into a FIFO, once it has a reader."""
    flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    while True:
        try:
            descriptor = os.open(name, flags, dir_fd=folder)
            break
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
        if time.monotonic() >= until:
            raise _Refused("nobody opened this FIFO for reading in time", "start its reader first")
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
