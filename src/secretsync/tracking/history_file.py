"""The file of a history: read whole or refused, appended to by one process at a time, replaced in one step."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
from collections.abc import Callable, Iterator, Sequence

from secretsync.core.errors import ConfigurationError, OutputError, Problem, ProblemKind
from secretsync.core.files import MAX_BYTES, Input, size_in_words, take_lock
from secretsync.core.system.atomic_write import write_file
from secretsync.project.toml_reader import read_document
from secretsync.tracking.history import DamagedError, HistoryRecord, history_as_json, parse_history

_LOCK_SECONDS = 30.0  # that another writer may take: it holds the lock for one reading and one writing


def read_history(path: str, environment: str, shown: str) -> tuple[HistoryRecord, ...]:
    """Return the records of an environment at `path`, the oldest first; none where there is no file.

    `shown`: the path for people. Raises ConfigurationError for what is no history of this environment.
    """
    if not os.path.lexists(path):
        return ()
    data = read_document(path, shown, Input.HISTORY)
    if isinstance(data, Problem):
        raise ConfigurationError([data])
    cause = None
    try:
        recorded, records = parse_history(data.decode("utf-8"))
        if recorded == environment:
            return records
        cause = f"is one of {recorded}, and {environment} was asked for"
        hint = "name another file with --history"
    except UnicodeDecodeError:
        cause = "is not UTF-8"
    except DamagedError as error:
        cause = error.cause
    if not cause.startswith("is one of"):
        hint = "restore it from a backup, or move it away, and `secretsync track` begins a new history"
    raise ConfigurationError([_problem(shown, f"this history {cause}", hint, ProblemKind.CONFIGURATION)])


def append_record(
    path: str,
    environment: str,
    shown: str,
    make: Callable[[tuple[HistoryRecord, ...]], HistoryRecord | None],
    *,
    keep: int,
) -> None:
    """Append what `make` makes of the records that are there (None: nothing), and keep the last `keep`.

    Raises ConfigurationError where the file is no history, and OutputError where it cannot be written: it is left as
    it was then.
    """

    def append(records: tuple[HistoryRecord, ...]) -> Sequence[HistoryRecord] | None:
        record = make(records)
        return None if record is None else [*records, record][-keep:]

    rewrite_records(path, environment, shown, append)


def rewrite_records(
    path: str,
    environment: str,
    shown: str,
    change: Callable[[tuple[HistoryRecord, ...]], Sequence[HistoryRecord] | None],
) -> None:
    """Replace the records by what `change` makes of them, in one step; None leaves the file as it is.

    Raises what `append_record` raises.
    """
    with _locked(path, shown):
        records = change(read_history(path, environment, shown))
        if records is None:
            return
        document = history_as_json(environment, records)
        data = json.dumps(document, indent=1).encode("ascii") + b"\n"
        if len(data) > MAX_BYTES[Input.HISTORY]:
            cause = f"this history would be larger than {size_in_words(MAX_BYTES[Input.HISTORY])}"
            raise OutputError([_problem(shown, cause, "keep fewer records: --keep N", ProblemKind.OUTPUT)])
        write_file(path, data)


@contextlib.contextmanager
def _locked(path: str, shown: str) -> Iterator[None]:
    """Hold the lock beside the file; the kernel gives up that of a process that has died."""
    failure, hint = "another process holds the lock of this history", "try again once it has ended"
    descriptor = None
    try:
        os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)
        descriptor = os.open(
            f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600
        )
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            failure, hint = "its lock is no file", "remove what stands at its path with .lock behind it"
            os.close(descriptor)
            descriptor = None
        elif not take_lock(descriptor, _LOCK_SECONDS):
            os.close(descriptor)
            descriptor = None
    except OSError as error:
        failure, hint = f"it cannot be written: {error.strerror}", "--history names another file"
        if error.errno == errno.ELOOP:
            failure = "its lock is a symbolic link"
    if descriptor is None:
        raise OutputError([_problem(shown, failure, hint, ProblemKind.OUTPUT)])
    try:
        yield
    finally:
        os.close(descriptor)


def _problem(shown: str, cause: str, hint: str, kind: ProblemKind) -> Problem:
    return Problem(kind=kind, file=shown, cause=cause, hint=hint)
