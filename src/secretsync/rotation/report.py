"""The ages of the secrets that an environment uses, against its policy: metadata and a moment become a report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from secretsync.core.errors import ExitStatus, ProblemKind, worst_status
from secretsync.core.model import Clock, Entry, Failed, Found, Missing, SecretInfo, SecretRef
from secretsync.core.records import Record
from secretsync.planning.plan import EntryId, EntryPart, Plan, PlannedEntry, SecretPart
from secretsync.planning.secrecy import is_secret_part
from secretsync.project.bindings import Binding, Limit
from secretsync.project.placeholders import StorePath, format_reference, parse_reference
from secretsync.resolving.fetch import Answers
from secretsync.resolving.resolve import failure_problem
from secretsync.rotation.age_rules import SEVERITY, Case, Judgement, State, judge
from secretsync.rotation.max_age import AppliedLimit, Use, applied_limit

__all__ = ["Finding", "Key", "RotationReport", "SecretAge", "State", "assess"]

_DAY = 86400


class Key(Record):
    """An entry that uses a secret, and where it stands."""

    name: str
    file: str
    line: int


class Finding(Record, kw_only=True):
    """One thing that is wrong with one secret."""

    state: State
    reference: str
    keys: tuple[Key, ...]
    cause: str
    hint: str | None = None
    kind: ProblemKind | None = None  # where the store gave no usable answer
    counts: bool = True  # False: a warning, which leaves the exit status as it is


class SecretAge(Record, kw_only=True):
    """One secret. It has no room for a value."""

    reference: str
    store: str
    provider: str
    keys: tuple[Key, ...]
    state: State
    limit: Limit
    limit_from: str
    version: str | None = None
    clock: Clock = Clock.NONE
    created: datetime | None = None
    age: int | None = None  # whole seconds
    expires: datetime | None = None
    findings: tuple[Finding, ...] = ()  # the worst first
    hints: tuple[str, ...] = ()

    @property
    def age_days(self) -> int | None:
        """Whole days."""
        return None if self.age is None else self.age // _DAY

    @property
    def seconds_left(self) -> int | None:
        """Until the limit; negative: since. None where there is no age, or no limit."""
        if self.age is None or self.limit.seconds is None or self.state is State.DYNAMIC:
            return None
        return int(self.limit.seconds) - self.age

    @property
    def days_left(self) -> int | None:
        """Whole days until the limit, rounded down: -1 in the first day after it."""
        return None if self.seconds_left is None else self.seconds_left // _DAY

    @property
    def hint(self) -> str | None:
        """All that is said about it, in one line."""
        said = [f"{one.cause}; {one.hint}" if one.hint else one.cause for one in self.findings]
        return "; ".join([*said, *self.hints]) or None


class RotationReport(Record, kw_only=True):
    """How old the secrets of one environment are. `secrets` are sorted by reference."""

    environment: str
    at: datetime
    secrets: tuple[SecretAge, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong, the worst first."""
        found = (finding for secret in self.secrets for finding in secret.findings)
        return tuple(sorted(found, key=lambda one: (SEVERITY[one.state], one.reference, one.cause)))

    @property
    def summary(self) -> dict[State, int]:
        """How many secrets are in each state."""
        counted = dict.fromkeys(State, 0)
        for secret in self.secrets:
            counted[secret.state] += 1
        return counted

    @property
    def exit_status(self) -> ExitStatus:
        """What a command ends with: a store's failure before a finding, by the order of `worst_status`."""
        return exit_status(self.findings)


def exit_status(findings: tuple[Finding, ...]) -> ExitStatus:
    """The exit status of findings, of one environment or of several."""
    if kinds := [finding.kind for finding in findings if finding.kind is not None]:
        return worst_status(kinds)
    return ExitStatus.FINDINGS if any(finding.counts for finding in findings) else ExitStatus.OK


def assess(plan: Plan, answers: Answers[SecretInfo], now: datetime, *, strict: bool = False) -> RotationReport:
    """The report on every secret that an entry of `plan` uses, at the moment `now` (aware).

    strict: what is due or unknown counts too.
    """
    secrets = sorted(
        (_secret_age(plan, used, now, strict=strict) for used in _used(plan, answers).values()),
        key=lambda secret: (secret.reference, secret.store),
    )
    return RotationReport(environment=plan.project.label, at=now, secrets=tuple(secrets))


class _Used(Record):
    """One secret while its uses are gathered."""

    ref: SecretRef
    outcome: Found[SecretInfo] | Missing | Failed
    shown: str
    entries: dict[tuple[str | None, tuple[Binding, ...]], dict[EntryId, Entry]]  # by field and bindings


_Part = tuple[SecretRef, str | None]  # a secret and the field of it


def _used(plan: Plan, answers: Answers[SecretInfo]) -> dict[SecretRef, _Used]:
    """Every secret of the secret entries, with the entries that hold it or lead to it by a variable."""
    bound = _bindings(plan)
    used: dict[SecretRef, _Used] = {}
    leads_to: dict[EntryId, dict[_Part, None]] = {}
    # Entries stand after those that they lead to.
    for entry_id, planned in plan.entries.items():
        parts: dict[_Part, None] = {}
        for part in planned.all_parts:
            if isinstance(part, EntryPart):
                parts.update(leads_to[part.entry])
            elif isinstance(part, SecretPart):
                index, outcome = answers.settle(part)
                is_replaced = isinstance(outcome, Missing) and part.default is not None  # by its default
                if is_replaced or not is_secret_part(plan, planned.entry, part):
                    continue
                target = part.targets[index]
                parts[target.ref, target.selector.field] = None
                if target.ref not in used:
                    said = _in_words_of_resolving(plan, planned, part, index, outcome)
                    used[target.ref] = _Used(target.ref, said, _shown(part, index, outcome), {})
        leads_to[entry_id] = parts
        for ref, field in parts:
            key = (field, bound.get((ref, field), ()))
            used[ref].entries.setdefault(key, {})[entry_id] = planned.entry
    return used


def _in_words_of_resolving(
    plan: Plan, planned: PlannedEntry, part: SecretPart, index: int, outcome: Found[SecretInfo] | Missing | Failed
) -> Found[SecretInfo] | Missing | Failed:
    """`outcome`, with the cause and the hint that resolving would give: which stores were asked, and what to do."""
    if isinstance(outcome, Found):
        return outcome
    problem = failure_problem(plan, planned, part, index, outcome)
    if isinstance(outcome, Missing):
        return Missing(problem.cause, problem.hint)
    return Failed(outcome.kind, problem.cause, problem.hint)


def _shown(part: SecretPart, index: int, outcome: Found[SecretInfo] | Missing | Failed) -> str:
    """The secret without the part that is taken of it; a name that no store has is shown as it was looked for."""
    if isinstance(outcome, Missing) and len(part.targets) > 1:
        return part.name or part.written
    ref = part.targets[index].ref
    pins = (("version", ref.version), ("stage", ref.stage))
    options = tuple((name, value) for name, value in pins if value is not None)
    return format_reference(StorePath(ref.store, ref.path, options))


def _bindings(plan: Plan) -> Mapping[_Part, tuple[Binding, ...]]:
    """The bindings of each part of a secret, whether an entry uses their names or says where the secret is."""
    found: dict[_Part, tuple[Binding, ...]] = {}
    for _, binding in sorted(plan.bindings.secrets.items()):
        reference = parse_reference(binding.reference)
        if isinstance(reference, StorePath):
            options = dict(reference.options)
            ref = SecretRef(reference.store, reference.path, options.get("version"), options.get("stage"))
            found[ref, reference.field] = (*found.get((ref, reference.field), ()), binding)
    return found


def _secret_age(plan: Plan, used: _Used, now: datetime, *, strict: bool) -> SecretAge:
    config = plan.stores[used.ref.store]
    policy = plan.bindings.rotation
    uses = [Use(tuple(entry.key for entry in of.values()), bound) for (_, bound), of in used.entries.items()]
    applied = applied_limit(uses, config.name, config.max_age, policy)
    declared = [binding.rotated for use in uses for binding in use.bindings if binding.rotated is not None]
    case = Case(
        ref=used.ref,
        outcome=used.outcome,
        applied=applied,
        now=now,
        warn_before=policy.warn_before,
        declared=min(declared, default=None),
    )
    entries = {entry_id: entry for of in used.entries.values() for entry_id, entry in of.items()}
    places = sorted((entry.key, entry.file, entry.line) for entry in entries.values())
    keys = tuple(Key(*place) for place in places)
    return _row(plan, used, keys, applied, judge(case), strict=strict)


def _row(
    plan: Plan, used: _Used, keys: tuple[Key, ...], applied: AppliedLimit, judged: Judgement, *, strict: bool
) -> SecretAge:
    fails_unknown = (plan.bindings.rotation.on_unknown or ("fail" if plan.is_strict else "warn")) == "fail"
    lenient = {State.DUE: not strict, State.UNKNOWN: not strict and not fails_unknown}
    findings = tuple(
        Finding(
            state=remark.state,
            reference=used.shown,
            keys=keys,
            cause=remark.cause,
            hint=remark.hint,
            kind=remark.kind,
            counts=not lenient.get(remark.state, False),
        )
        for remark in judged.remarks
    )
    return SecretAge(
        reference=used.shown,
        store=used.ref.store,
        provider=plan.stores[used.ref.store].provider,
        keys=keys,
        state=judged.state,
        limit=applied.limit,
        limit_from=applied.source,
        version=judged.version,
        clock=judged.clock,
        created=judged.created,
        age=judged.age,
        expires=judged.expires,
        findings=findings,
        hints=judged.hints,
    )


def worst_first(secrets: tuple[SecretAge, ...]) -> Iterator[SecretAge]:
    """The rows as people want to read them: the worst state first, in it what is nearest to its limit."""
    far = 10**12
    yield from sorted(
        secrets,
        key=lambda one: (SEVERITY[one.state], far if one.seconds_left is None else one.seconds_left, one.reference),
    )
