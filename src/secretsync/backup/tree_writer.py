"""Write a new tree of files next to the present tree, or remove a tree."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping

from secretsync.backup.tree import Kind, Node
from secretsync.core.errors import OutputError, Problem, ProblemKind
from secretsync.core.files import sync


def build(root: str, tree: str, prefix: str, result: Mapping[str, Node], present: Mapping[str, Node]) -> None:
    """Write a new tree with its final modes and owners, and bring it to disk.

    `prefix`: before its name until it replaces the present tree.
    """
    nodes = [node for path, node in result.items() if path.split("/")[0] == tree]
    place = {node.path: os.path.join(root, f"{prefix}{node.path}") for node in nodes}
    for node in nodes:
        if node.kind is Kind.FOLDER:
            os.mkdir(place[node.path], 0o700)
            os.chmod(place[node.path], 0o700)  # because the umask may remove bits
        elif node.kind is Kind.LINK:
            os.symlink(node.target, place[node.path])
        else:
            descriptor = os.open(
                place[node.path], os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
            )
            with os.fdopen(descriptor, "wb") as file:
                file.write(node.data or b"")
                file.flush()
                _finish(descriptor, node, present)
    # Innermost folders first, because the final mode of a folder may forbid writing into it.
    for node in reversed(nodes):
        if node.kind is Kind.FOLDER:
            descriptor = os.open(place[node.path], os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                _finish(descriptor, node, present)
            finally:
                os.close(descriptor)


def _finish(descriptor: int, node: Node, present: Mapping[str, Node]) -> None:
    """Set owner and mode of an open file or folder, and bring it to disk."""
    wanted, status = _owner(node.path, present), os.fstat(descriptor)
    if wanted is not None and wanted != (status.st_uid, status.st_gid):
        is_refused = False
        try:
            os.fchown(descriptor, *wanted)
        except PermissionError:
            is_refused = True
        if is_refused:
            cause = "it belongs to another user or group, which only that user or root can restore"
            raise OutputError([Problem(kind=ProblemKind.OUTPUT, file=node.path, cause=cause)])
    os.fchmod(descriptor, node.mode)  # after the owner, because chown removes bits
    if node.kind is Kind.FILE and node.path in present and present[node.path] == node:
        os.utime(descriptor, ns=(node.mark[2], node.mark[2]))
    sync(descriptor)


def _owner(path: str, present: Mapping[str, Node]) -> tuple[int, int] | None:
    """Return the owner of a path. If root restores a new path, its owner is that of the folder around it."""
    if path in present:
        return present[path].owner
    if os.geteuid() != 0:
        return None
    while path := path.rpartition("/")[0]:
        if path in present:
            return present[path].owner
    return None


def remove(folder: int, name: str) -> None:
    """Remove a tree, never through a link."""
    if not stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        os.unlink(name, dir_fd=folder)
        return
    opened = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        os.fchmod(opened, 0o700)
        for inner in os.listdir(opened):
            remove(opened, inner)
    finally:
        os.close(opened)
    os.rmdir(name, dir_fd=folder)
