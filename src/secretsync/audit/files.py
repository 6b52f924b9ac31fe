"""Rules on files: the users that may read, write or own them."""

from __future__ import annotations

from collections.abc import Iterator

from secretsync.audit.evidence import Evidence, FileState
from secretsync.policy.findings import RuleFinding, found

_STICKY = 0o1000


def _readable(evidence: Evidence) -> Iterator[RuleFinding]:
    first: dict[str | None, RuleFinding] = {}
    for finding in evidence.plaintext:
        # A random value is no sure sign of a secret, and a finding that the policy ignores is not a secret.
        is_sure = finding.rule != "plaintext-entropy"
        if is_sure and evidence.policy.ignored_by(finding, evidence.at.date()) is None:
            first.setdefault(finding.file, finding)
    for state in evidence.states:
        plain = None if state.is_folder else first.get(state.shown)
        if plain is not None and state.mode & 0o077:
            others = "everybody" if state.mode & 0o007 else "its group"
            message = f"{others} may open this file, and it has plain secrets ({_mode(state)})"
            yield found("file-readable", message, file=state.shown, line=plain.line)


def _writable(evidence: Evidence) -> Iterator[RuleFinding]:
    for state in evidence.states:
        if state.mode & 0o002 and not (state.is_folder and state.mode & _STICKY):
            message = f"everybody may write this {_kind(state)} ({_mode(state)})"
            yield found("file-writable", message, file=state.shown)


def _owner(evidence: Evidence) -> Iterator[RuleFinding]:
    for state in evidence.states:
        if state.owner not in evidence.owners:
            yield found("file-owner", f"this {_kind(state)} belongs to the user {state.owner}", file=state.shown)


CHECKS = {
    "file-readable": _readable,
    "file-writable": _writable,
    "file-owner": _owner,
}


def _kind(state: FileState) -> str:
    return "folder" if state.is_folder else "file"


def _mode(state: FileState) -> str:
    return f"mode {state.mode & 0o777:04o}"
