"""Secrets as files of their own, for applications that take NAME_FILE in place of NAME.

The folder holds nothing else. A list in it says which files are ours, so that a later run removes those that are no
longer wanted and never touches anything that it did not write.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Mapping

from secretsync.core.atomic_write import write_file
from secretsync.core.errors import OutputError, Problem, ProblemKind
from secretsync.core.files import FileRefusal, Input, read_file

__all__ = ["open_folder", "write_secrets"]

_LIST = ".secretsync-files"
_MODE = 0o400
_IN_MEMORY = ("tmpfs", "ramfs")


def open_folder(path: str, *, owner: tuple[int, int] | None, must_be_in_memory: bool) -> str:
    """The absolute path of the folder, made where it was not there.

    `owner`: the user and group that will write and read in it; None: ourselves. Raises OutputError where it is a
    link, is open to others, belongs to somebody else, or is on a disk and must not be.
    """
    path = os.path.abspath(path)
    if must_be_in_memory and not _is_in_memory(path):
        raise _refused(
            path,
            "it is not in memory (tmpfs), and what was on a disk stays readable there",
            "mount a tmpfs, or say --allow-disk",
        )
    failure = None
    try:
        is_new = _make(path)
        status = os.lstat(path)
    except OSError as error:
        failure = error.strerror
    if failure is not None:
        raise _refused(path, f"this folder cannot be made: {failure}", "the folder above it must be there and writable")
    if is_new and owner is not None:
        _hand_over(path, owner)
        status = os.lstat(path)
    if not stat.S_ISDIR(status.st_mode):
        raise _refused(path, "it is no folder of its own", "name a folder that is no link, or one that is not there")
    wanted = os.geteuid() if owner is None else owner[0]
    if status.st_uid != wanted or stat.S_IMODE(status.st_mode) & 0o077:
        cause = f"secrets are written to a folder that user {wanted} owns and nobody else may enter (mode 0700)"
        raise _refused(path, cause, "name one that is not there yet, for instance a folder inside this one")
    return path


def _make(path: str) -> bool:
    """Whether the folder was not there."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        return False
    return True


def _hand_over(path: str, owner: tuple[int, int]) -> None:
    """Give the new folder to its owner; where that cannot be done it goes again, so that the next run is no worse."""
    failure = None
    try:
        os.chown(path, *owner, follow_symlinks=False)
    except OSError as error:
        failure = error.strerror
        os.rmdir(path)
    if failure is not None:
        cause = f"this folder cannot be given to user {owner[0]}: {failure}"
        raise _refused(path, cause, "root needs the capability CHOWN for it")


def _refused(path: str, cause: str, hint: str | None = None) -> OutputError:
    return OutputError([Problem(kind=ProblemKind.OUTPUT, file=path, cause=cause, hint=hint)])


def _is_in_memory(path: str) -> bool:
    """Whether the file system that holds the folder, or would, is one in memory; False where nothing says so."""
    try:
        there = os.stat(path if os.path.lexists(path) else os.path.dirname(path)).st_dev
    except OSError:
        return False
    data = read_file("/proc/self/mountinfo", Input.KERNEL)
    lines = data.decode("utf-8", "surrogateescape").split("\n") if isinstance(data, bytes) else []
    device = f"{os.major(there)}:{os.minor(there)}"
    # proc(5): ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAGS...] - TYPE SOURCE OPTIONS
    for line in lines:
        fields = line.split(" ")
        if len(fields) > 6 and fields[2] == device and "-" in fields:
            return fields[fields.index("-") + 1] in _IN_MEMORY
    return False


def write_secrets(folder: str, values: Mapping[str, str]) -> None:
    """Write a file (mode 0400) for each name, and remove those of earlier runs.

    Raises OutputError; nothing is written then where the folder holds what is not ours.
    """
    list_path = os.path.join(folder, _LIST)
    try:
        before = _read_list(list_path)
        present = set(os.listdir(folder))
        failure = None
    except OSError as error:
        before, present, failure = set(), set(), error.strerror
    if failure is not None:
        raise _refused(folder, f"this folder cannot be read: {failure}")
    if foreign := sorted(name for name in present - before if not name.startswith(".secretsync-")):
        raise _refused(
            folder,
            f"it holds what --files did not write: {', '.join(foreign[:3])}",
            "name a folder that is for secrets alone",
        )
    # Both are in the list before anything changes: whatever ends us in between, the next run knows all files.
    write_file(list_path, _as_list(before | set(values)))
    for name in sorted(before - set(values)):
        _remove(os.path.join(folder, name))
    for name, value in values.items():
        write_file(os.path.join(folder, name), value.encode("utf-8", "surrogateescape"), mode=_MODE)
    write_file(list_path, _as_list(values))


def _as_list(names: Collection[str]) -> bytes:
    return "".join(f"{name}\n" for name in sorted(names)).encode("utf-8")


def _read_list(path: str) -> set[str]:
    """The names that the last run left; names of variables alone, so that no path can be among them."""
    data = read_file(path, Input.FILE_LIST, follow=False)
    if isinstance(data, FileRefusal):
        if data.is_absent:
            return set()
        raise _refused(path, data.cause, "remove it")
    # UTF-8, whose codec is there already: the user that we are by now may not be able to read our own modules.
    return {name for name in data.decode("utf-8", "replace").split("\n") if name.isidentifier()}


def _remove(path: str) -> None:
    failure = None
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except OSError as error:
        failure = error.strerror
    if failure is not None:
        raise _refused(path, f"a file of an earlier run cannot be removed: {failure}")
