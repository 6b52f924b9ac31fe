"""Reading env/ and providers/ as they are at one moment: every folder and file, its mode and its bytes."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from enum import StrEnum

from secretsync.core.errors import OutputError, Problem, ProblemKind
from secretsync.core.files import MAX_BYTES, Input, read_file
from secretsync.core.records import Record

TREES = ("env", "providers")

# Far beyond what configuration needs; what a hostile archive may cost is bounded by them too.
MAX_FILE_BYTES = MAX_BYTES[Input.ARCHIVED_FILE]
MAX_TOTAL_BYTES = 64 * 1024 * 1024
MAX_COUNT = 10_000
MAX_DEPTH = 32

_BOUNDS = "16 MiB a file, 64 MiB in all; move it away"
_ATTEMPTS = 5  # at two looks that see the same
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Kind(StrEnum):
    """The type of a path."""

    FOLDER = "folder"
    FILE = "file"
    LINK = "symbolic link"
    OTHER = "device, FIFO or socket"


class Node(Record, kw_only=True):
    """One folder or file."""

    path: str  # from the root: "env/production/common.env"
    kind: Kind
    mode: int  # permission bits, with setuid, setgid and sticky
    data: bytes | None = None  # of a file; None: it cannot be read
    target: str = ""  # of a link
    owner: tuple[int, int] | None = None  # user and group; None: in an archive
    mark: tuple[int, ...] = ()  # what changes whenever it does

    _unseen = ("data",)  # a file may hold plain secrets


def read_trees(root: str) -> dict[str, Node]:
    """Return every folder and file of env/ and providers/ below `root` by path, sorted, at one time.

    Raises OutputError where a tree is a link, a folder cannot be read, there is too much, or it keeps changing.
    """
    before = _Walk(root).nodes
    for _ in range(_ATTEMPTS):
        after = _Walk(root).nodes
        if before == after:
            return dict(sorted(after.items()))
        before = after
    raise OutputError("env/ and providers/ were being changed all the time; wait for that to end, and run this again")


class _Walk:
    """Read both trees once. Nothing is opened through a link."""

    def __init__(self, root: str) -> None:
        self.nodes: dict[str, Node] = {}
        self.bytes = 0
        self.problem: Problem | None = None
        folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in TREES:
                self.look(folder, name, name)
        finally:
            os.close(folder)
        if self.problem is not None:
            raise OutputError([self.problem])

    def look(self, folder: int, name: str, path: str) -> None:
        """Note what `name` in `folder` is."""
        if self.problem is not None:
            return
        try:
            self.note(folder, name, path)
        except FileNotFoundError:
            return  # a tree that is not there, or gone by now, which the second look sees
        except OSError as error:
            self.refuse(path, f"it cannot be read: {error.strerror}")

    def note(self, folder: int, name: str, path: str) -> None:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if path in TREES and not stat.S_ISDIR(status.st_mode):
            self.refuse(path, "it is no folder, and nothing goes through a link", "put the folder itself there")
        elif len(self.nodes) >= MAX_COUNT or path.count("/") > MAX_DEPTH:
            self.refuse(path, "there are too many files, or too deep a nesting, for a configuration", "move them away")
        elif stat.S_ISDIR(status.st_mode):
            self.nodes[path] = _node(path, Kind.FOLDER, status)
            opened = os.open(name, _OPEN | os.O_DIRECTORY, dir_fd=folder)
            try:
                for inner in sorted(os.listdir(opened)):
                    self.look(opened, inner, f"{path}/{inner}")
            finally:
                os.close(opened)
        elif stat.S_ISREG(status.st_mode):
            self.nodes[path] = _node(path, Kind.FILE, status, data=self.read(folder, name, path))
        elif stat.S_ISLNK(status.st_mode):
            self.nodes[path] = _node(path, Kind.LINK, status, target=os.readlink(name, dir_fd=folder))
        else:
            self.nodes[path] = _node(path, Kind.OTHER, status)

    def read(self, folder: int, name: str, path: str) -> bytes | None:
        """Return the bytes of a file, or None if it cannot be read."""
        data = read_file(name, Input.ARCHIVED_FILE, folder=folder, follow=False)
        if isinstance(data, bytes):
            self.bytes += len(data)
            if self.bytes > MAX_TOTAL_BYTES:
                self.refuse(path, "this is too much for a configuration", _BOUNDS)
            return data
        if data.is_too_large:
            self.refuse(path, "this is too much for a configuration", _BOUNDS)
        elif data.is_absent:
            raise FileNotFoundError
        elif data.errno not in (None, errno.EACCES, errno.EPERM):
            self.refuse(path, data.cause)
        return None

    def refuse(self, path: str, cause: str, hint: str | None = None) -> None:
        self.problem = Problem(kind=ProblemKind.OUTPUT, file=path, cause=cause, hint=hint)


def _node(path: str, kind: Kind, status: os.stat_result, *, data: bytes | None = None, target: str = "") -> Node:
    mark: Mapping[bool, tuple[int, ...]] = {
        True: (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns),
        False: (status.st_ino,),  # reading changes nothing of a folder, but what lies beside it may
    }
    return Node(
        path=path,
        kind=kind,
        mode=stat.S_IMODE(status.st_mode),
        data=data,
        target=target,
        owner=(status.st_uid, status.st_gid),
        mark=mark[kind is not Kind.FOLDER],
    )
