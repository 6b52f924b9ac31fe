"""Write the file of `run --record`."""

from __future__ import annotations

import json
import os

from secretsync.core.files import Input, read_file
from secretsync.core.system.atomic_write import shared_mode, write_file
from secretsync.resolving.handover import Handover
from secretsync.resolving.started import parse_record, record_of

_PENDING = ".next"


class StartRecord:
    """The versions that this process starts the application with."""

    def __init__(self, path: str, handover: Handover, project: str, *, is_start: bool) -> None:
        """`is_start`: False if the application goes on, and this process informs it.

        Then the record has the process id of the record before it, and gets its place by `accept_record`.
        """
        document = record_of(handover, project, os.getpid() if is_start else _known_pid(path))
        self._data = json.dumps(document, indent=2).encode("ascii") + b"\n"
        self._path = path if is_start else path + _PENDING

    def write(self) -> None:
        """Write the file, as the user of the application. Raises OutputError."""
        write_file(self._path, self._data, mode=shared_mode(self._path))


def accept_record(path: str) -> None:
    """Replace the record with the pending one, because the application was informed of a change."""
    os.replace(path + _PENDING, path)


def _known_pid(path: str) -> int | None:
    data = read_file(path, Input.REPORT)
    known = parse_record(data) if isinstance(data, bytes) else None
    return None if known is None else known.pid
