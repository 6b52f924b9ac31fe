"""Rules on git: files that it tracks or ignores, and must not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatchcase

from secretsync.audit.evidence import Evidence, GitFailure, GitState
from secretsync.planning.plan import Plan
from secretsync.policy.findings import RuleFinding, found
from secretsync.policy.plaintext import plaintext_of
from secretsync.policy.rules import RULES, Severity

# Files that hold plain secrets by their purpose, and words in the names of such files that are made to be committed.
_PRIVATE = (".secrets/*", "*/.secrets/*", ".env", "*/.env", ".env.*", "*/.env.*", ".secretsync-*", "*/.secretsync-*")
_HARMLESS = ("example", "sample", "template", "dist", "schema", "defaults")


def secret_folders(plan: Plan) -> tuple[str, ...]:
    """Return the directories in the project in which its stores find secrets files, relative to the root."""
    folders = []
    for config in plan.bindings.stores.values():
        folder = config.settings.get("dir")
        if config.provider == "docker" and isinstance(folder, str):
            relative = os.path.relpath(os.path.join(plan.project.root, folder), plan.project.root)
            if relative != "." and not relative.startswith(".."):
                folders.append(relative)
    return tuple(folders)


def is_private_path(path: str, folders: tuple[str, ...]) -> bool:
    """Return True if a path, relative to the root, holds plain secrets: by its name, or as a part of `folders`."""
    if any(path.startswith(f"{folder}/") for folder in folders):
        return True
    return not _is_harmless(path) and any(fnmatchcase(path, pattern) for pattern in _PRIVATE)


def _is_harmless(path: str) -> bool:
    """Return True if a file is named as files that are made to be committed are: .env.example."""
    return any(word in _HARMLESS for word in path.rsplit("/", 1)[-1].split("."))


def _committable(evidence: Evidence) -> frozenset[str]:
    """Return the env files of the plan without a plain secret, relative to the root: such a .env may be committed."""
    project = evidence.plan.project
    plain = {finding.file for finding in evidence.plaintext}
    return frozenset(os.path.relpath(one.path, project.root) for one in project.files if one.shown not in plain)


def _tracked(evidence: Evidence) -> Iterator[RuleFinding]:
    git, folders, committable = _state(evidence), secret_folders(evidence.plan), _committable(evidence)
    for path in git.tracked:
        if path in committable:
            continue
        if is_private_path(path, folders):
            yield found("git-tracked", "git tracks this file, which is made to hold plain secrets", file=path)
    for file in git.rendered:
        if is_private_path(file.file, folders):
            continue
        for plain in plaintext_of([file], evidence.policy, is_strict=True):
            # The passwords of an example are examples, but a token in an example is real.
            is_real = plain.rule in ("plaintext-key", "plaintext-token") or not _is_harmless(file.file)
            if plain.severity is Severity.ERROR and is_real:
                message = "git tracks this file, and it has plain secrets, as a rendered one"
                yield found("git-tracked", message, key=plain.key, file=file.file, line=plain.line)
                break


def _not_ignored(evidence: Evidence) -> Iterator[RuleFinding]:
    committable = _committable(evidence)
    for path in _state(evidence).exposed:
        if path in committable:
            continue
        yield found("git-not-ignored", "this file holds plain secrets, and git would take it", file=path)


def _ignores_env(evidence: Evidence) -> Iterator[RuleFinding]:
    for path, rule in _state(evidence).ignored.items():
        yield found("git-ignores-env", f"git ignores this file ({rule})", file=path)


def _failed(evidence: Evidence) -> Iterator[RuleFinding]:
    """Yield a finding if there is a repository and git did not list its files, so that they are unknown."""
    git = evidence.git
    if isinstance(git, GitFailure) and git.hint is not None:
        message = f"{git.cause}, so the files that it tracks are unknown"
        severity = RULES["git-failed"].severity_in(is_strict=evidence.plan.is_strict)
        yield found("git-failed", message, hint=git.hint, severity=severity)


# The rules that need an answer of git.
ANSWERED = {
    "git-tracked": _tracked,
    "git-not-ignored": _not_ignored,
    "git-ignores-env": _ignores_env,
}
CHECKS = {**ANSWERED, "git-failed": _failed}


def _state(evidence: Evidence) -> GitState:
    """Return the answer of git. The rules that need it are not checked without one."""
    return evidence.git if isinstance(evidence.git, GitState) else GitState(ignored={})
