"""Write the access log: one line of JSON for each secret value that was requested, without the value."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from secretsync.core.errors import OutputError, Problem, ProblemKind
from secretsync.core.files import take_lock
from secretsync.core.model import Failed, Found, Missing
from secretsync.core.records import Record
from secretsync.core.secret import Payload
from secretsync.core.system.current_user import actor
from secretsync.core.timestamps import format_timestamp
from secretsync.planning.plan import Plan, SecretPart
from secretsync.planning.secrecy import is_secret_part

if TYPE_CHECKING:
    from secretsync.resolving.stores import Answers

VARIABLE = "SECRETSYNC_ACCESS_LOG"
_STDERR = "/dev/stderr"  # for containers, because their logs are collected from it
_PRIVATE = 0o600
_LOCK_SECONDS = 1.0  # for other writers, because each of them holds the lock for one write


class Read(Record, kw_only=True):
    """A placeholder whose secret will be requested, and the key that needs it."""

    part: SecretPart
    key: str | None  # None: no env file is involved
    service: str | None
    environment: str
    is_secret: bool  # False: a setting in the process environment


def reads_of(plan: Plan) -> tuple[Read, ...]:
    """Return the reads that resolving a plan needs."""
    return tuple(
        Read(
            part=part,
            key=planned.entry.key,
            service=planned.entry.service,
            environment=plan.project.label,
            is_secret=is_secret_part(plan, planned.entry, part),
        )
        for planned in plan.entries.values()
        for part in planned.secrets
    )


class AccessLog:
    """A file to which lines are appended. If it cannot be written, that is a warning, or an error if it is required."""

    def __init__(
        self, path: str, environ: Mapping[str, str], *, warn: Callable[[str], None], is_required: bool = False
    ) -> None:
        """Keep the path. `warn`: called with the text of a warning; only an optional log has warnings."""
        self.path = path
        self.environ = environ
        self.warn = warn
        self.is_required = is_required
        self._has_failed = False

    def prepare(self, reads: Iterable[Read]) -> None:
        """Check that the log can be written, if there will be a line. Call this before a store is asked.

        Raises OutputError if the log is required and cannot be written. No secret is read then.
        """
        self._has_failed = False
        if any(read.is_secret for read in reads):
            self._guard(b"")

    def write(self, reads: Iterable[Read], answers: Answers[Payload]) -> None:
        """Append a line for each key and each place that was asked, all in one write.

        Raises OutputError if the log is required and cannot be written.
        """
        if self._has_failed:
            return
        frame = {"actor": actor(self.environ), "pid": os.getpid()}
        time = format_timestamp(datetime.now(UTC))
        lines = [
            # Escape everything but printable ASCII, so that no name can break the line.
            json.dumps({"schema": 1, "time": time, **line, **frame}, ensure_ascii=True) + "\n"
            for read in reads
            for line in _lines(read, answers)
        ]
        if lines:
            self._guard("".join(lines).encode("ascii"))

    def _guard(self, data: bytes) -> None:
        cause = None
        try:
            _append(self.path, data, is_durable=self.is_required)
        except OSError as error:
            cause = "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror
        if cause is None:
            return
        self._has_failed = True
        problem = Problem(
            kind=ProblemKind.OUTPUT,
            file=self.path,
            cause=f"the access log cannot be written: {cause}",
            hint="nothing is resolved without it (--require-access-log)" if self.is_required else None,
        )
        if self.is_required:
            raise OutputError([problem])
        self.warn(str(problem))


def _lines(read: Read, answers: Answers[Payload]) -> Iterable[dict[str, object]]:
    """Return a line for each place of a placeholder, up to the place that decided."""
    for target in read.part.targets:
        outcome = answers.of(target.ref)
        if outcome is None:
            return
        if read.is_secret:
            yield {
                "environment": read.environment,
                "key": read.key,
                "service": read.service,
                "store": target.store,
                "path": target.ref.path,
                "field": target.selector.field,
                "version": _version(outcome) or target.ref.version,
                "stage": target.ref.stage,
                "outcome": _word(outcome),
            }
        if not isinstance(outcome, Missing):
            return


def _version(outcome: Found[Payload] | Missing | Failed) -> str | None:
    return outcome.value.version if isinstance(outcome, Found) else None


def _word(outcome: Found[Payload] | Missing | Failed) -> str:
    if isinstance(outcome, Found):
        return "found"
    return "missing" if isinstance(outcome, Missing) else outcome.kind.value


def _append(path: str, data: bytes, *, is_durable: bool) -> None:
    """Append `data` in one write. Raises OSError if that fails, or if the file must not be written."""
    if path == _STDERR:
        _write(2, data)
        return
    descriptor = _open(path)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        if status.st_uid not in (0, os.geteuid()):
            raise OSError(errno.EPERM, "it belongs to another user")
        if data:
            _write_lines(descriptor, data)
            if is_durable:
                os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_lines(descriptor: int, data: bytes) -> None:
    # Without the lock, the file could end in the middle of a line that another process writes now.
    is_locked = _lock(descriptor)
    try:
        # If a full disk cut the last line, end it, so that the new line starts at its beginning.
        if is_locked and _is_cut(descriptor):
            data = b"\n" + data
        _write(descriptor, data)
    finally:
        if is_locked:  # explicitly, because a process that was forked meanwhile shares the lock and may live long
            fcntl.flock(descriptor, fcntl.LOCK_UN)


def _lock(descriptor: int) -> bool:
    """Return True if the log is locked. A lock that is held for long, or a failure to lock, does not stop a write."""
    try:
        return take_lock(descriptor, _LOCK_SECONDS)
    except OSError:
        return False


def _is_cut(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"


def _open(path: str) -> int:
    flags = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, _PRIVATE)
    except FileExistsError:
        return os.open(path, flags | os.O_CREAT, _PRIVATE)
    os.fchmod(descriptor, _PRIVATE)  # because a umask may have removed permissions that the next run needs
    return descriptor


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
