"""Read a pipe, a socket or standard input once, within a bound of size and a bound of time."""

from __future__ import annotations

import errno
import os
import re
import select
import stat
import sys
import time

from secretsync.core.files import MAX_BYTES, STANDARD_INPUT, FileRefusal, Input, not_readable, read_file, too_large
from secretsync.core.model import LONGEST_WAIT

_CHUNK = 64 * 1024
_DESCRIPTOR = re.compile(r"/(?:dev|proc/(?:self|thread-self))/fd/([0-9]{1,9})")


def read_named_file(path: str, kind: Input, seconds: float, *, may_be_empty: bool = False) -> bytes | FileRefusal:
    """Return the bytes of a file that a user named on its own, which may be a pipe, standard input or `/dev/null`.

    `seconds`: the longest time until the writer of a pipe has closed it. `may_be_empty`: accept a pipe without a byte.
    """
    is_given = path.startswith(("/dev/fd/", "/proc/self/fd/"))
    if path != STANDARD_INPUT:
        data = read_file(path, kind)
        # A file that is open already may be one that this user cannot open.
        if isinstance(data, bytes) or not (data.is_stream or (is_given and data.errno == errno.EACCES)):
            return data
    return _read_stream(path, kind, seconds, may_be_empty=may_be_empty)


def _read_stream(path: str, kind: Input, seconds: float, *, may_be_empty: bool) -> bytes | FileRefusal:
    """Return all bytes of the stream at `path`, or the reason why it is refused. `/dev/null` is empty.

    `seconds`: the longest time until the writer has closed it. `may_be_empty`: accept a writer that wrote nothing. At
    most one byte more than the bound of `kind` is read.
    """
    match = _DESCRIPTOR.fullmatch(path)
    given = int(match[1]) if match else 0 if path == STANDARD_INPUT else None
    if given == 0 and sys.stdin is None:  # The number may belong to another file of this process.
        return FileRefusal(cause="it is closed")
    try:
        if given is not None:
            # Not opened again, because a socket, or a file of another user, cannot be.
            return _checked(_read(given, MAX_BYTES[kind], seconds, may_block=True), os.fstat(given), may_be_empty)
        if refusal := _refuse_type(os.stat(path)):
            return refusal
        # The open returns at once without a writer. The wait for a writer is bounded below.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            data = _read(descriptor, MAX_BYTES[kind], seconds, may_block=False)
            return _checked(data, os.fstat(descriptor), may_be_empty)
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        return not_readable(error)


def _checked(data: bytes | FileRefusal, status: os.stat_result, may_be_empty: bool) -> bytes | FileRefusal:  # noqa: FBT001
    """Return `data`, or the refusal of a pipe that was closed without a byte: its program has probably failed."""
    if data == b"" and not may_be_empty and (stat.S_ISFIFO(status.st_mode) or stat.S_ISSOCK(status.st_mode)):
        cause = "the program that writes it wrote nothing; look at its messages, or use --env-file-optional"
        return FileRefusal(cause=cause)
    return data


def _refuse_type(status: os.stat_result, *, is_given: bool = False) -> FileRefusal | None:
    """Return the reason to refuse what is at a path, or None. `is_given`: it was opened before this process started."""
    mode = status.st_mode
    if stat.S_ISFIFO(mode) or (is_given and (stat.S_ISSOCK(mode) or stat.S_ISREG(mode))):
        return None
    if stat.S_ISCHR(mode) and status.st_rdev == os.stat(os.devnull).st_rdev:
        return None
    name = "a folder" if stat.S_ISDIR(mode) else "a socket" if stat.S_ISSOCK(mode) else "a device"
    return FileRefusal(cause=f"it is neither a regular file nor a pipe but {name}")


def _read(descriptor: int, limit: int, seconds: float, *, may_block: bool) -> bytes | FileRefusal:
    """Read an open file to its end. `may_block`: a read without data would wait, so that data is waited for first."""
    if may_block and os.isatty(descriptor):
        return FileRefusal(cause="it is a terminal, and env files are not typed; name a file, or write to it with |")
    if refusal := _refuse_type(os.fstat(descriptor), is_given=may_block):
        return refusal
    until = time.monotonic() + min(seconds, LONGEST_WAIT)
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    parts: list[bytes] = []
    missing = limit + 1
    # Without a writer, the first read of a FIFO would look like its end.
    must_wait = True
    while missing > 0:
        left = until - time.monotonic()
        if left <= 0 or (must_wait and not poll.poll(left * 1000)):
            cause = "it did not end" if parts else "nothing was written to it"
            return FileRefusal(cause=f"{cause} within {seconds:g} s; look at the program that writes it")
        try:
            part = os.read(descriptor, min(_CHUNK, missing))
        except BlockingIOError:
            must_wait = True
            continue
        if not part:
            return b"".join(parts)
        parts.append(part)
        missing -= len(part)
        must_wait = may_block
    return too_large(limit)
