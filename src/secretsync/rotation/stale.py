"""Compare the versions that processes were started with to those that the stores have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from secretsync.core.model import Found, Missing, SecretInfo, SecretRef
from secretsync.core.records import Record, replace
from secretsync.core.secret import Secret
from secretsync.core.timestamps import format_timestamp
from secretsync.planning.plan import Plan, SecretPart
from secretsync.resolving.extract import select
from secretsync.resolving.started import Started, UsedSecret
from secretsync.resolving.stores import Answers, StoreAccess
from secretsync.rotation.age_rules import SEVERITY, State
from secretsync.rotation.report import AgeFinding, ProcessState, RunningVersion, SecretAge, shown_names

_RESTART = "restart it, or start it with `secretsync run --watch`"


class Running(Record, kw_only=True):
    """The processes to compare, and the contents of the files that have no versions, by their references."""

    processes: tuple[Started, ...]
    contents: Mapping[str, Secret | None]  # None: the file does not exist any more
    without_versions: frozenset[str]  # stores whose secrets never have a version

    _unseen = ("contents",)


class _Verdict(Record, kw_only=True):
    """The result for one process. `text`: how the process differs, or why it is not compared; None if it is equal."""

    process: Started
    version: str | None = None
    is_stale: bool | None = None
    text: str | None = None


def open_running(
    plan: Plan, access: StoreAccess, answers: Answers[SecretInfo], processes: Sequence[Started]
) -> Running:
    """Return what is compared. Files without versions are read for it, because only their contents can be compared."""
    parts: list[SecretPart] = []
    for planned in plan.entries.values():
        for part in planned.secrets:
            index, outcome = answers.settle(part)
            target = part.targets[index]
            spec = plan.specs[target.store]
            if spec.is_local and isinstance(outcome, Found) and outcome.value.version is None:
                parts.append(replace(part, targets=(target,)))
    contents: dict[str, Secret | None] = {}
    refs = {part.targets[0].ref for part in parts}
    if any(used.ref in refs for one in processes for used in one.secrets):
        values = access.values(plan, parts=parts, reads=())
        for part in parts:
            answer = values.settle(part)[1]
            chosen = select(answer.value, part.targets[0].selector) if isinstance(answer, Found) else answer
            if isinstance(chosen, Secret | Missing):
                contents[part.targets[0].shown] = chosen if isinstance(chosen, Secret) else None
    without = frozenset(name for name, spec in plan.specs.items() if not spec.is_secret_store)
    return Running(processes=tuple(processes), contents=contents, without_versions=without)


def with_running(row: SecretAge, ref: SecretRef, info: SecretInfo | None, running: Running) -> SecretAge:
    """Return the row of a secret with the versions of the processes. `info`: None if the store gave no metadata."""
    verdicts = [_compare(process, row, ref, info, running) for process in running.processes]
    groups: dict[str, list[_Verdict]] = {}
    notes: dict[str, list[_Verdict]] = {}
    for verdict in verdicts:
        if verdict.text is not None:
            (groups if verdict.is_stale else notes).setdefault(verdict.text, []).append(verdict)
    found = tuple(
        AgeFinding(
            state=State.STALE,
            reference=row.reference,
            keys=row.keys,
            cause=f"{_names(group)}: {text}{_since(row, group)}",
            hint=_RESTART,
        )
        for text, group in groups.items()
    )
    findings = tuple(sorted((*row.findings, *found), key=lambda one: SEVERITY[one.state]))
    return replace(
        row,
        state=min((row.state, *(one.state for one in found)), key=SEVERITY.__getitem__),
        findings=findings,
        hints=(*row.hints, *(f"{_names(group)}: {text}" for text, group in notes.items())),
        running=tuple(
            RunningVersion(
                process=one.process.name,
                version=one.version,
                is_stale=one.is_stale,
                since=_since_when(row, one.process) if one.is_stale else None,
            )
            for one in verdicts
        ),
    )


def process_states(rows: Sequence[SecretAge], plan: Plan, running: Running) -> tuple[ProcessState, ...]:
    """Return how many secrets of each process have another version now."""
    known = {target.shown for planned in plan.entries.values() for part in planned.secrets for target in part.targets}
    states = []
    for index, process in enumerate(running.processes):
        versions = [row.running[index] for row in rows]
        stale = [one for one in versions if one.is_stale]
        missing = dict.fromkeys(used.reference for used in process.secrets if used.reference not in known)
        states.append(
            ProcessState(
                process=process.name,
                pid=process.pid,
                program=process.program,
                started=process.started,
                compared=sum(one.is_stale is not None for one in versions),
                stale=len(stale),
                since=min((one.since for one in stale if one.since is not None), default=None),
                missing=tuple(missing),
            )
        )
    return tuple(states)


def _compare(process: Started, row: SecretAge, ref: SecretRef, info: SecretInfo | None, running: Running) -> _Verdict:
    used = process.of(ref)
    if not used:
        return _compare_references(process, row)
    if info is None:
        return _Verdict(process=process, version=used[0].version)  # The row has the failure of the store.
    if info.dynamic:
        return _Verdict(process=process, text="not compared: its store makes the secret for each reader")
    if info.version is not None:
        return _compare_versions(process, used, info.version)
    if ref.store in running.without_versions:
        return _Verdict(process=process, text="not compared: the process environment has no versions")
    return _compare_contents(process, used, running)


def _compare_references(process: Started, row: SecretAge) -> _Verdict:
    """Compare what the entries of a secret referred to, if the process does not use the secret."""
    places = {(key.name, key.file) for key in row.keys}
    others = dict.fromkeys(one.reference for one in process.secrets if (one.key, one.file) in places)
    if not others:
        return _Verdict(process=process, text="it does not use this secret")
    text = f"started with {shown_names(tuple(others))} in place of this secret"
    return _Verdict(process=process, is_stale=True, text=text)


def _compare_versions(process: Started, used: Sequence[UsedSecret], version: str) -> _Verdict:
    old = [one.version for one in used if one.version != version]
    if not old:
        return _Verdict(process=process, version=version, is_stale=False)
    was = "without this secret" if old[0] is None else f"with version {old[0]}"
    text = f"started {was}, and the store has version {version}"
    return _Verdict(process=process, version=old[0], is_stale=True, text=text)


def _compare_contents(process: Started, used: Sequence[UsedSecret], running: Running) -> _Verdict:
    """Compare the contents of a file that has no version."""
    seen = [one for one in used if one.reference in running.contents]
    if any(one.digest is None for one in seen):
        text = "started without this secret, and the store has it now"
        return _Verdict(process=process, is_stale=True, text=text)
    results = {_is_same(process, one, running.contents[one.reference]) for one in seen}
    if False in results:
        return _Verdict(process=process, is_stale=True, text="started with other content than the store has")
    if results == {True}:
        return _Verdict(process=process, is_stale=False)
    cause = "the store has no versions"
    if any(one.digest is not None for one in used):
        is_keyless = process.key is None
        cause = "the key of its digests is in the process alone" if is_keyless else "the file cannot be read here"
    return _Verdict(process=process, text=f"not compared: {cause}")


def _is_same(process: Started, used: UsedSecret, content: Secret | None) -> bool | None:
    return False if content is None else process.is_same(used, content)


def _names(group: Sequence[_Verdict]) -> str:
    return shown_names(tuple(one.process.name for one in group))


def _since_when(row: SecretAge, process: Started) -> datetime | None:
    """Return the creation of the version that a process does not have.

    A version that is older than the process was made the current one again, and that time is not known.
    """
    if row.created is None or (process.started is not None and row.created < process.started.replace(microsecond=0)):
        return None
    return row.created


def _since(row: SecretAge, group: Sequence[_Verdict]) -> str:
    known = [moment for one in group if (moment := _since_when(row, one.process)) is not None]
    return f" since {format_timestamp(min(known))}" if known else ""
