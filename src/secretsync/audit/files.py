"""Rules on files: who may read and write them, who owns them, and what git does with them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatchcase

from secretsync.audit.evidence import Evidence, GitState
from secretsync.planning.plan import Plan
from secretsync.policy.plaintext import plaintext_of
from secretsync.policy.rules import RuleFinding, Severity, found

__all__ = ["git_findings", "is_private_path", "mode_findings", "secret_folders"]

_STICKY = 0o1000
# Files that hold plain secrets by their nature, and those of the same form that are made to be committed.
_PRIVATE = (".secrets/*", "*/.secrets/*", ".env", "*/.env", ".env.*", "*/.env.*", ".secretsync-*", "*/.secretsync-*")
_HARMLESS = ("example", "sample", "template", "dist", "schema", "defaults")


def mode_findings(evidence: Evidence, plaintext: tuple[RuleFinding, ...]) -> Iterator[RuleFinding]:
    """Files that the wrong people may read, write or own. `plaintext`: where plain secrets were found."""
    first: dict[str | None, RuleFinding] = {}
    for finding in plaintext:
        first.setdefault(finding.file, finding)
    for state in evidence.states:
        what = "folder" if state.is_folder else "file"
        if state.mode & 0o002 and not (state.is_folder and state.mode & _STICKY):
            message = f"everybody may write this {what} (mode {state.mode & 0o777:04o})"
            yield found("file-writable", message, file=state.shown)
        plain = None if state.is_folder else first.get(state.shown)
        if plain is not None and state.mode & 0o077:
            others = "everybody" if state.mode & 0o007 else "its group"
            message = f"{others} may open this file, and it has plain secrets (mode {state.mode & 0o777:04o})"
            yield found("file-readable", message, file=state.shown, line=plain.line)
        if state.owner not in evidence.owners:
            yield found("file-owner", f"this {what} belongs to the user {state.owner}", file=state.shown)


def secret_folders(plan: Plan) -> tuple[str, ...]:
    """The folders inside the project in which its stores find secrets files, relative to the root."""
    found = []
    for config in plan.bindings.stores.values():
        folder = config.settings.get("dir")
        if config.provider == "docker" and isinstance(folder, str):
            relative = os.path.relpath(os.path.join(plan.project.root, folder), plan.project.root)
            if relative != "." and not relative.startswith(".."):
                found.append(relative)
    return tuple(found)


def is_private_path(path: str, folders: tuple[str, ...]) -> bool:
    """Whether a path, relative to the root, holds plain secrets by its name or by lying in one of `folders`."""
    if any(path.startswith(f"{folder}/") for folder in folders):
        return True
    return not _is_harmless(path) and any(fnmatchcase(path, pattern) for pattern in _PRIVATE)


def _is_harmless(path: str) -> bool:
    """Whether a file is named as those that are made to be committed: .env.example."""
    return any(word in _HARMLESS for word in path.rsplit("/", 1)[-1].split("."))


def git_findings(evidence: Evidence) -> Iterator[RuleFinding]:
    """What git tracks and should not, or ignores and should not."""
    git, folders = evidence.git, secret_folders(evidence.plan)
    if not isinstance(git, GitState):
        return
    for path in git.tracked:
        if is_private_path(path, folders):
            yield found("git-tracked", "git tracks this file, which is made to hold plain secrets", file=path)
    for file in git.rendered:
        if is_private_path(file.file, folders):
            continue
        for plain in plaintext_of([file], evidence.policy, is_strict=True):
            # An example's passwords are examples; a token in one is real all the same.
            is_real = plain.rule in ("plaintext-key", "plaintext-token") or not _is_harmless(file.file)
            if plain.severity is Severity.ERROR and is_real:
                message = "git tracks this file, and it has plain secrets, as a rendered one"
                yield found("git-tracked", message, key=plain.key, file=file.file, line=plain.line)
                break
    for path in git.exposed:
        yield found("git-not-ignored", "this file holds plain secrets, and git would take it", file=path)
    for path, rule in git.ignored.items():
        yield found("git-ignores-env", f"git ignores this file ({rule})", file=path)
