"""Name new archives in their folder, and remove old ones."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from datetime import UTC, datetime

from secretsync.backup.archive import Archive, read_archive
from secretsync.core.errors import OutputError, Problem, ProblemKind, UsageError
from secretsync.core.files import Input, read_file
from secretsync.core.system.atomic_write import write_new_file
from secretsync.core.text import path_or

_NAME = re.compile(r"secretsync-(?P<stamp>[0-9]{8}T[0-9]{6}Z)(?:-(?P<number>[1-9][0-9]{0,3}))?\.tar\.gz")
_MOST = 1000  # archives of one second


def store(folder: str, data: bytes, at: datetime) -> str:
    """Return the path of a new archive in `folder`, which is created if it is missing. Raises OutputError."""
    failure = None
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError as error:
        failure = error.strerror
    if failure is not None:
        raise OutputError(f"{folder}: this folder cannot be made: {failure}")
    stem = os.path.join(folder, f"secretsync-{at.astimezone(UTC):%Y%m%dT%H%M%SZ}")
    for number in range(1, _MOST):
        path = f"{stem}.tar.gz" if number == 1 else f"{stem}-{number}.tar.gz"
        if write_new_file(path, data):
            return path
    raise OutputError(f"{folder}: there are too many archives of this second")


def open_archive(path: str) -> Archive:
    """Return the verified archive at `path`. Raises UsageError if it does not exist, OutputError if it is refused."""
    data = read_file(path, Input.ARCHIVE)
    if isinstance(data, bytes):
        return read_archive(data, path)
    raise UsageError(f"{path_or(path, 'the archive')}: {'there is no such file' if data.is_absent else data.cause}")


def keep(path: str, count: int, project: str) -> tuple[list[str], list[str]]:
    """Remove all but the newest `count` archives of a project beside the one at `path`, which stays and counts.

    Returns those removed, and those that have our name and cannot be verified: they are left, and do not count.
    Whatever else is in the folder is not touched: other names, links, archives of other projects.
    """
    folder, newest = os.path.split(path)
    ours, refused = [], []
    for name in _candidates(folder, newest):
        found = os.path.join(folder, name)
        try:
            if open_archive(found).project == project:
                ours.append(name)
        except (UsageError, OutputError):
            refused.append(found)
    removed, problems = [], []
    for name in sorted(ours, key=_age, reverse=True)[max(0, count - 1) :]:
        found = os.path.join(folder, name)
        try:
            os.unlink(found)
        except FileNotFoundError:
            continue  # another backup was quicker
        except OSError as error:
            cause = f"this old archive cannot be removed: {error.strerror}"
            problems.append(Problem(kind=ProblemKind.OUTPUT, file=found, cause=cause))
        else:
            removed.append(found)
    if problems:
        raise OutputError(problems)
    return sorted(removed), refused


def _candidates(folder: str, newest: str) -> Iterator[str]:
    """Return the regular files with names of archives, except the new archive."""
    for name in sorted(os.listdir(folder or ".")):
        if name != newest and _NAME.fullmatch(name):
            try:
                status = os.lstat(os.path.join(folder, name))
            except FileNotFoundError:
                continue
            if stat.S_ISREG(status.st_mode):
                yield name


def _age(name: str) -> tuple[str, int]:
    """Return the sort key of an archive by its name: the greater, the newer."""
    match = _NAME.fullmatch(name)
    assert match is not None  # noqa: S101 - only such names come here
    return match["stamp"], int(match["number"] or 1)
