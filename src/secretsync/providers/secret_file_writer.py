"""Write one secrets file: as a whole or not at all, with mode 0600."""

from __future__ import annotations

import os

from secretsync.core.errors import OutputError, ProblemKind
from secretsync.core.model import Failed, Found, Missing
from secretsync.core.secret import Payload
from secretsync.core.system.atomic_write import write_file, write_new_file
from secretsync.providers.files import read_secret_file
from secretsync.providers.writing import Change, Written, unchanged

_RACE = "another process wrote the file at the same time; nothing was written"


def write_secret_file(folder: str, name: str, change: Change) -> Found[Written] | Failed:
    """Write the file `name` in `folder`. A missing folder is created with mode 0700."""
    path = f"{folder}/{name}"
    seen = _state(path)
    present = read_secret_file(path, folder=folder)
    if isinstance(present, Failed):
        return present
    new = change.apply(None if isinstance(present, Missing) else Payload(present, from_file=True), from_file=True)
    if new is None:
        return unchanged(None)
    if isinstance(new, Failed):
        return new
    value = new.reveal()
    data = value.encode("utf-8") if isinstance(value, str) else value
    failure = None
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        if isinstance(present, Missing):
            is_written = write_new_file(path, data)
        else:
            is_written = _state(path) == seen
            if is_written:
                write_file(path, data)
    except OutputError as error:
        failure = error.problems[0].cause, error.problems[0].hint
    except OSError as error:
        failure = f"it cannot be created: {error.strerror}", "create the folder, or name another one in dir"
    if failure is not None:
        return Failed(ProblemKind.OUTPUT, f"{path}: {failure[0]}", failure[1])
    if not is_written:
        return Failed(ProblemKind.UNAVAILABLE, f"{path}: {_RACE}", "look at it, and run the command again")
    return Found(Written(is_new=isinstance(present, Missing)))


def _state(path: str) -> tuple[int, int, int] | None:
    """Return what differs after another process has written the file; None if there is no file."""
    try:
        status = os.stat(path, follow_symlinks=False)
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
