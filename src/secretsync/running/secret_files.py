"""Write each secret to a file, for applications that read NAME_FILE instead of NAME.

The folder contains only secrets and a list of them. A later run removes the listed files that it does not write again,
and never touches other files.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Mapping

from secretsync.core.errors import ConfigurationError, OutputError, Problem, ProblemKind
from secretsync.core.files import FileRefusal, Input, read_file
from secretsync.core.model import Resolved
from secretsync.core.system.atomic_write import write_file

_LIST = ".secretsync-files"
DATA = ".secretsync-data"  # how the names of generations begin: see secret_generations.py
_MODE = 0o400
_IN_MEMORY = ("tmpfs", "ramfs")


def open_folder(path: str, *, owner: tuple[int, int] | None, must_be_in_memory: bool) -> str:
    """Create the folder if it does not exist, and return its absolute path.

    `owner`: the user and group that will write and read in it; None means this process. `must_be_in_memory`: refuse a
    folder on a disk. Raises OutputError if the folder is a link, is open to others, or belongs to another user.
    """
    path = os.path.abspath(path)
    if must_be_in_memory and not _is_in_memory(path):
        raise _refused(
            path,
            "it is not in memory (tmpfs), and deleted secrets stay readable on a disk",
            "mount a tmpfs, or give --allow-disk",
        )
    failure = None
    try:
        is_new = _make_folder(path)
        status = os.lstat(path)
    except OSError as error:
        failure = error.strerror
    if failure is not None:
        raise _refused(path, f"this folder cannot be created: {failure}", "create the folder above it, writable")
    if is_new and owner is not None:
        _change_owner(path, owner)
        status = os.lstat(path)
    if not stat.S_ISDIR(status.st_mode):
        raise _refused(path, "it is a link or a file", "name a real folder, or one that does not exist yet")
    wanted = os.geteuid() if owner is None else owner[0]
    if status.st_uid != wanted or stat.S_IMODE(status.st_mode) & 0o077:
        cause = f"the folder for secrets must belong to user {wanted}, and no other user may enter it (mode 0700)"
        raise _refused(path, cause, "name a folder that does not exist yet, for instance inside this one")
    return path


def _make_folder(path: str) -> bool:
    """Create the folder. Return False if it exists."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        return False
    return True


def _change_owner(path: str, owner: tuple[int, int]) -> None:
    """Change the owner of a new folder. If that fails, remove the folder, so that the next run starts as this one."""
    failure = None
    try:
        os.chown(path, *owner, follow_symlinks=False)
    except OSError as error:
        failure = error.strerror
        os.rmdir(path)
    if failure is not None:
        cause = f"the owner of this folder cannot be changed to user {owner[0]}: {failure}"
        raise _refused(path, cause, "give root the capability CHOWN")


def _refused(path: str, cause: str, hint: str | None = None) -> OutputError:
    return OutputError([Problem(kind=ProblemKind.OUTPUT, file=path, cause=cause, hint=hint)])


def _is_in_memory(path: str) -> bool:
    """Return True if the folder, or the parent of a new one, is on a file system in memory; False if unknown."""
    try:
        number = os.stat(path if os.path.lexists(path) else os.path.dirname(path)).st_dev
    except OSError:
        return False
    data = read_file("/proc/self/mountinfo", Input.KERNEL)
    lines = data.decode("utf-8", "surrogateescape").split("\n") if isinstance(data, bytes) else []
    device = f"{os.major(number)}:{os.minor(number)}"
    # proc(5): ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAGS...] - TYPE SOURCE OPTIONS
    for line in lines:
        fields = line.split(" ")
        if len(fields) > 6 and fields[2] == device and "-" in fields:
            return fields[fields.index("-") + 1] in _IN_MEMORY
    return False


def file_paths(folder: str, resolved: Mapping[str, Resolved], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the path of the file for each secret. Raises ConfigurationError if a variable NAME_FILE exists already."""
    secrets = {key: found for key, found in resolved.items() if found.is_secret}
    problems = [
        Problem(
            kind=ProblemKind.CONFIGURATION,
            key=key,
            file=found.entry.file,
            line=found.entry.line,
            cause=f"--files sets {key}_FILE, and there is a variable of this name already",
            hint=f"remove {key}_FILE, or run without --files",
        )
        for key, found in secrets.items()
        if f"{key}_FILE" in resolved or f"{key}_FILE" in environ
    ]
    if problems:
        raise ConfigurationError(problems)
    return {key: os.path.join(folder, key) for key in secrets}


def write_secrets(folder: str, values: Mapping[str, str]) -> None:
    """Write a file (mode 0400) for each name, and remove the files of earlier runs.

    Raises OutputError. If the folder contains a file of another program, nothing is written.
    """
    before, present = known_files(folder)
    if any(name.startswith(DATA) for name in present):
        _remove_generations(folder)
    # The list names old and new files before the first change, so that the next run knows all files if this one dies.
    write_list(folder, before | set(values))
    for name in sorted(before - set(values)):
        remove_file(os.path.join(folder, name))
    for name, value in values.items():
        write_value(os.path.join(folder, name), value)
    write_list(folder, values)


def known_files(folder: str) -> tuple[set[str], set[str]]:
    """Return the secrets that the last run wrote, and all names in the folder.

    Raises OutputError if the folder contains a file of another program.
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
            f"it contains files that --files did not write: {', '.join(foreign[:3])}",
            "name a folder that contains only secrets",
        )
    return before, present


def write_value(path: str, value: str) -> None:
    """Write one secret to a file."""
    write_file(path, value.encode("utf-8", "surrogateescape"), mode=_MODE)


def write_list(folder: str, names: Collection[str]) -> None:
    """Write the list of the secrets in the folder."""
    write_file(os.path.join(folder, _LIST), "".join(f"{name}\n" for name in sorted(names)).encode("utf-8"))


def _read_list(path: str) -> set[str]:
    """Return the names that the last run wrote. Other text than names of variables is ignored, as it may be a path."""
    data = read_file(path, Input.FILE_LIST, follow=False)
    if isinstance(data, FileRefusal):
        if data.is_absent:
            return set()
        raise _refused(path, data.cause, "remove it")
    # UTF-8, because its codec is imported already: after --user, this process may not be able to read Python's files.
    return {name for name in data.decode("utf-8", "replace").split("\n") if name.isidentifier()}


def remove_file(path: str) -> None:
    """Remove a file or a link of an earlier run, if it exists. Raises OutputError."""
    failure = None
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except OSError as error:
        failure = error.strerror
    if failure is not None:
        raise _refused(path, f"a file of an earlier run cannot be removed: {failure}")


def _remove_generations(folder: str) -> None:
    """Remove all links and files of a run with --watch, before plain files take their places."""
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if os.path.islink(path):
            remove_file(path)
    remove_folders(folder)


def remove_folders(folder: str, kept: str | None = None) -> None:
    """Remove the folders of a run with --watch, except `kept`."""
    import shutil  # Imported only during or after a run with --watch.

    for name in os.listdir(folder):
        if name.startswith(f"{DATA}-") and name != kept:
            shutil.rmtree(os.path.join(folder, name), ignore_errors=True)
