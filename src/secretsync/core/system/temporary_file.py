"""Create temporary files in the folder of their target, and remove those that killed processes left there.

The writer holds a lock on its temporary file. The kernel releases the lock when the process ends, so that a later run
recognizes a stale file.
"""

from __future__ import annotations

import fcntl
import os
import stat

from secretsync.core.files import take_lock

PRIVATE = 0o600
_PREFIX = ".secretsync-"
_SUFFIX = ".tmp"


def create(folder: int) -> tuple[str, int]:
    """Create a file of mode 0600 in the folder, and lock it; return its name and descriptor."""
    while True:
        temporary = f"{_PREFIX}{os.urandom(16).hex()}{_SUFFIX}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(temporary, flags, PRIVATE, dir_fd=folder)
        try:
            # The umask may have taken bits from 0600, without which a later run could not open the file.
            if stat.S_IMODE(os.fstat(descriptor).st_mode) != PRIVATE:
                os.fchmod(descriptor, PRIVATE)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:
            unlink(folder, temporary)
            os.close(descriptor)
            raise
        # Before the lock another run may have taken the file for a stale one and removed it.
        if os.fstat(descriptor).st_nlink == 1:
            return temporary, descriptor
        os.close(descriptor)


def remove_stale(folder: int) -> None:
    """Remove the temporary files of killed processes: by name, of this user, and not locked."""
    for name in os.listdir(folder):
        if not (name.startswith(_PREFIX) and name.endswith(_SUFFIX)):
            continue
        try:
            opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        except OSError:
            continue  # removed by now, a link, or of another user
        try:
            status = os.fstat(opened)
            # A lock shows that the writer still runs.
            if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and take_lock(opened, 0):
                unlink(folder, name)
        except OSError:
            continue  # a file system without locks
        finally:
            os.close(opened)


def unlink(folder: int, name: str) -> None:
    """Remove a file, if it still exists."""
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return
