"""Read one secrets file: at most 1 MiB, not a device, and not through a link out of its folder."""

from __future__ import annotations

import errno
import os
import stat

from secretsync.core.errors import ProblemKind
from secretsync.core.files import Input, read_file
from secretsync.core.model import Failed, Missing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

_LAST_SECOND = 253_402_300_799.0  # of the year 9999


def read_secret_file(path: str, *, folder: str | None = None) -> bytes | Missing | Failed:
    """Return the bytes of the file at `path`. `folder`: a link must not lead out of it.

    Missing if the file does not exist. Failed if it is not a readable regular file of at most 1 MiB.
    """
    real = _real_path(path, folder)
    if not isinstance(real, str):
        return real
    # The path has no links. A link that was made in the meantime is not followed.
    data = read_file(real, Input.SECRET_FILE, follow=False)
    if isinstance(data, bytes):
        return data
    if data.errno is not None:
        return _failed(path, data.errno, data.cause)
    return Failed(ProblemKind.UNUSABLE, f"{path}: {data.cause}")


def modified(path: str, *, folder: str | None = None) -> datetime | Missing | Failed:
    """Return the time of the last change of the file at `path`, without reading it."""
    real = _real_path(path, folder)
    if not isinstance(real, str):
        return real
    try:
        status = os.stat(real)
    except OSError as error:
        return _failed(path, error.errno, f"it cannot be read: {error.strerror}")
    if not stat.S_ISREG(status.st_mode):
        return Failed(ProblemKind.UNUSABLE, f"{path} is not a regular file")
    from datetime import UTC, datetime  # Imported only for metadata.

    # A file system may hold any number. The time is only a hint, so that a strange number is no failure.
    return datetime.fromtimestamp(min(max(status.st_mtime, 0.0), _LAST_SECOND), UTC)


def _real_path(path: str, folder: str | None) -> str | Failed:
    real = os.path.realpath(path)
    if folder is None:
        return real
    # Kubernetes mounts are links inside their folder; a link that leaves it would read any file of the machine.
    if os.path.dirname(real) != (base := os.path.realpath(folder)) and not real.startswith(base.rstrip("/") + "/"):
        return Failed(ProblemKind.UNUSABLE, f"{path} is a link that leads out of {folder}")
    return real


def _failed(path: str, number: int | None, cause: str) -> Missing | Failed:
    if number in (errno.ENOENT, errno.ENOTDIR):
        return Missing(f"there is no file {path}")
    if number in (errno.EACCES, errno.EPERM):
        return Failed(ProblemKind.DENIED, f"no permission to read {path}", f"we are user id {os.geteuid()}")
    if number == errno.ELOOP:
        return Failed(ProblemKind.UNUSABLE, f"{path} is a link that leads nowhere")
    return Failed(ProblemKind.UNAVAILABLE, f"{path}: {cause}")
