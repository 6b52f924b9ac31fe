"""Work with open files: read inputs within bounds, take locks, and bring files to disk.

`read_file` takes regular files only and waits for nothing. `read_named_file` (`system/pipes.py`) takes pipes too. No
more bytes are read than the kind of input may have.
"""

from __future__ import annotations

import errno
import os
import stat
import time

from secretsync.core.light import Choices
from secretsync.core.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

STANDARD_INPUT = "/dev/stdin"

_MIB = 1024 * 1024

_CHUNK = 64 * 1024

# A FIFO without a writer does not block O_NONBLOCK, and a terminal does not become the controlling one.
_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


class Input(Choices):
    """A kind of file that SecretSync reads."""

    ENV_FILE = "env file"
    BINDINGS = "bindings"
    POLICY = "policy"
    TEMPLATE = "template"
    EXAMPLE = ".env.example"
    SECRET_FILE = "secrets file"  # noqa: S105 - a kind of file: docker, NAME_FILE, tokens and other login credentials
    CERTIFICATES = "certificates"
    HISTORY = "history"
    REPORT = "report"
    MANIFEST = "manifest"
    ARCHIVE = "archive"
    ARCHIVED_FILE = "file of env/ or providers/"
    JOURNAL = "journal of a restore"
    FILE_LIST = "list of written files"
    IGNORE_FILE = "ignore file"
    DOCKERFILE = "Dockerfile"
    KERNEL = "file of /proc"


# The one table of bounds. Docker and Kubernetes accept 1 MiB for one secret, AWS accepts a sixteenth of that.
MAX_BYTES: Mapping[Input, int] = {
    Input.ENV_FILE: 16 * _MIB,
    Input.BINDINGS: 4 * _MIB,
    Input.POLICY: 4 * _MIB,
    Input.TEMPLATE: 16 * _MIB,
    Input.EXAMPLE: 16 * _MIB,
    Input.SECRET_FILE: 1 * _MIB,
    Input.CERTIFICATES: 4 * _MIB,
    Input.HISTORY: 64 * _MIB,
    Input.REPORT: 64 * _MIB,
    Input.MANIFEST: 16 * _MIB,
    Input.ARCHIVE: 112 * _MIB,
    Input.ARCHIVED_FILE: 16 * _MIB,
    Input.JOURNAL: 4096,
    Input.FILE_LIST: 1 * _MIB,
    Input.IGNORE_FILE: 1 * _MIB,
    Input.DOCKERFILE: 1 * _MIB,
    Input.KERNEL: 16 * _MIB,
}


class FileRefusal(Record, kw_only=True):
    """The reason why a file was not read, without a word of its content."""

    cause: str
    errno: int | None = None  # of the operating system; None: SecretSync refuses the file
    is_too_large: bool = False
    is_stream: bool = False  # a pipe, a socket or a device

    @property
    def is_absent(self) -> bool:
        """True if there is no file at the path."""
        return self.errno in (errno.ENOENT, errno.ENOTDIR)


def read_file(path: str, kind: Input, *, folder: int | None = None, follow: bool = True) -> bytes | FileRefusal:
    """Return the bytes of the regular file at `path`, or the reason why it is refused.

    `folder`: the descriptor that a relative path starts from. `follow`: accept a symbolic link as the last component.
    Nothing is waited for. At most one byte more than the bound of `kind` is read.
    """
    try:
        # Looked at before it is opened, because opening a device may act on it, and would let a writer of a FIFO go on.
        if refusal := _refuse_type(os.stat(path, dir_fd=folder, follow_symlinks=follow)):
            return refusal
        descriptor = os.open(path, _OPEN if follow else _OPEN | os.O_NOFOLLOW, dir_fd=folder)
        try:
            return _read(descriptor, MAX_BYTES[kind])
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        return not_readable(error)


def check_file(path: str, kind: Input) -> FileRefusal | None:
    """Return the reason to refuse the file at `path`, or None. For files that a library opens by their path."""
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        return not_readable(error)
    if refusal := _refuse_type(status):
        return refusal
    return too_large(MAX_BYTES[kind]) if status.st_size > MAX_BYTES[kind] else None


def _read(descriptor: int, limit: int) -> bytes | FileRefusal:
    # Again, because another file may be at the path by now.
    before = os.fstat(descriptor)
    if refusal := _refuse_type(before):
        return refusal
    if before.st_size > limit:
        return too_large(limit)
    parts, missing = [], limit + 1
    # One byte more than the size, so that one call shows the end. Files of /proc have the size 0.
    wanted = before.st_size + 1 if before.st_size else _CHUNK
    while missing > 0 and (part := os.read(descriptor, min(wanted, missing))):
        parts.append(part)
        missing -= len(part)
        wanted = _CHUNK
    if missing <= 0:
        return too_large(limit)
    after = os.fstat(descriptor)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        return FileRefusal(cause="it was changed while it was read")
    return parts[0] if len(parts) == 1 else b"".join(parts)


def not_readable(error: OSError | ValueError) -> FileRefusal:
    """Return the refusal for an error of the operating system, or for a path that it cannot have."""
    if isinstance(error, OSError):
        return FileRefusal(cause=f"it cannot be read: {error.strerror}", errno=error.errno)
    return FileRefusal(cause="it cannot be read: its path has a NUL character", errno=errno.ENOENT)


def _refuse_type(status: os.stat_result) -> FileRefusal | None:
    mode = status.st_mode
    if stat.S_ISREG(mode):
        return None
    names = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a named pipe"), (stat.S_ISSOCK, "a socket"))
    if stat.S_ISLNK(mode):
        return FileRefusal(cause="it is a symbolic link", errno=errno.ELOOP)
    name = next((name for is_type, name in names if is_type(mode)), "a device")
    return FileRefusal(cause=f"it is not a regular file but {name}", is_stream=not stat.S_ISDIR(mode))


def too_large(limit: int) -> FileRefusal:
    """Return the refusal of a file with more than `limit` bytes."""
    return FileRefusal(cause=f"it is larger than {size_in_words(limit)}", is_too_large=True)


def size_in_words(size: int) -> str:
    """Return a bound for people: `16 MiB`, `4096 bytes`."""
    return f"{size // _MIB} MiB" if size % _MIB == 0 else f"{size} bytes"


_POLL = 0.005  # seconds between two attempts, because no system call waits for a lock up to a deadline


def take_lock(descriptor: int, seconds: float) -> bool:
    """Lock an open file or folder; return False if another process holds the lock for that long.

    `seconds`: 0 means one attempt. Raises OSError if the file system does not have locks.
    """
    import fcntl  # imported only for a lock, because most starts take none

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


def sync(descriptor: int) -> None:
    """Bring an open file or folder to disk."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some file systems cannot sync a folder
            raise
