"""Plan a restore from the present files and those of an archive, without reading or writing any."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from secretsync.backup.tree import TREES, Kind, Node
from secretsync.core.errors import OutputError, Problem, ProblemKind
from secretsync.core.records import Record, replace


class What(StrEnum):
    """The change of one path."""

    ADDED = "added"
    CHANGED = "changed"
    MODE = "mode"  # the mode alone
    REMOVED = "removed"
    KEPT = "kept"  # not in the archive, and left alone


class Change(Record, kw_only=True):
    """One path that is not as in the archive."""

    path: str
    what: What
    detail: str = ""


class Restore(Record, kw_only=True):
    """The result of a restore, and its changes."""

    changes: tuple[Change, ...]
    present: Mapping[str, Node]
    result: Mapping[str, Node]

    @property
    def trees(self) -> tuple[str, ...]:
        """Return the trees that change."""
        changed = {change.path.split("/")[0] for change in self.changes if change.what is not What.KEPT}
        return tuple(tree for tree in TREES if tree in changed)


def plan_restore(present: Mapping[str, Node], archived: Mapping[str, Node], *, delete: bool) -> Restore:
    """Return the plan of a restore. `delete`: remove files that the archive does not have.

    Raises OutputError for files that would have to be kept and cannot be.
    """
    result = dict(archived)
    changes = []
    for path, node in archived.items():
        if path not in present:
            changes.append(Change(path=path, what=What.ADDED))
        elif (change := _difference(present[path], node)) is not None:
            changes.append(change)
            result[path] = replace(node, owner=present[path].owner)
        else:
            result[path] = present[path]
    problems = []
    for path in sorted(set(present) - set(archived)):
        if delete:
            changes.append(Change(path=path, what=What.REMOVED))
            continue
        if (problem := _hindrance(present[path], result)) is not None:
            problems.append(problem)
        result[path] = present[path]
        changes.append(Change(path=path, what=What.KEPT))
    if problems:
        raise OutputError(problems)
    return Restore(
        changes=tuple(sorted(changes, key=lambda change: change.path)),
        present=present,
        result=dict(sorted(result.items())),
    )


def _difference(present: Node, archived: Node) -> Change | None:
    modes = f"{present.mode:04o} -> {archived.mode:04o}" if present.mode != archived.mode else ""
    if present.kind is not archived.kind:
        return Change(path=archived.path, what=What.CHANGED, detail=f"{present.kind} -> {archived.kind}")
    if present.data != archived.data:
        return Change(path=archived.path, what=What.CHANGED, detail=modes)
    return Change(path=archived.path, what=What.MODE, detail=modes) if modes else None


def _hindrance(node: Node, result: Mapping[str, Node]) -> Problem | None:
    """Return the reason why a file that the archive does not have cannot be kept, or None. Folders come first."""
    hint = "move it away, or remove it with --delete"
    parent = node.path.rpartition("/")[0]
    cause = None
    if parent and result[parent].kind is not Kind.FOLDER:
        cause = f"it lies in {parent}, which is no folder in the archive"
    elif node.kind is Kind.OTHER:
        cause = f"it is a {node.kind}, which cannot be kept"
    elif node.kind is Kind.FILE and node.data is None:
        cause = "it cannot be read, and so not be kept"
    return None if cause is None else Problem(kind=ProblemKind.OUTPUT, file=node.path, cause=cause, hint=hint)
