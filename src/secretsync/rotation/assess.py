"""Assess the ages of the secrets that a plan uses, from the metadata of the stores."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Clock, Entry, Failed, Found, Missing, SecretInfo, SecretRef
from secretsync.core.records import Record
from secretsync.planning.plan import EntryId, EntryPart, Plan, PlannedEntry, SecretPart
from secretsync.planning.secrecy import is_secret_part
from secretsync.project.bindings import Binding
from secretsync.project.placeholders import StorePath, format_reference, parse_reference
from secretsync.resolving.failures import failure_problem
from secretsync.resolving.stores import Answers
from secretsync.rotation.age_rules import AgeResult, Case, State, assess_age
from secretsync.rotation.max_age import AppliedLimit, Use, applied_limit
from secretsync.rotation.report import AgeFinding, Key, RotationReport, SecretAge
from secretsync.rotation.secret_dates import TOLERANCE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsync.rotation.stale import Running


def assess(
    plan: Plan,
    answers: Answers[SecretInfo],
    now: datetime,
    *,
    strict: bool = False,
    observed: datetime | None = None,
    running: Running | None = None,
) -> RotationReport:
    """Return the report on every secret that an entry of `plan` uses, at the time `now` (aware).

    `strict`: secrets that are due or of unknown age count too. `observed`: when the stores answered; None means `now`.
    `running`: processes whose versions are compared, or None.
    """
    if running is not None:
        from secretsync.rotation.stale import process_states, with_running  # Imported only for --running.
    rows = []
    for used in _used(plan, answers).values():
        row = _secret_age(plan, used, now, observed or now, strict=strict)
        if running is not None:
            row = with_running(row, used.ref, used.outcome.value if isinstance(used.outcome, Found) else None, running)
        rows.append(row)
    secrets = sorted(rows, key=lambda secret: (secret.reference, secret.store))
    return RotationReport(
        project=plan.project_name,
        environment=plan.project.label,
        at=now,
        is_forecast=observed is not None and now - observed > TOLERANCE,
        secrets=tuple(secrets),
        processes=() if running is None else process_states(secrets, plan, running),
    )


class _Used(Record):
    """One secret and the entries that use it."""

    ref: SecretRef
    outcome: Found[SecretInfo] | Missing | Failed
    shown: str
    entries: dict[tuple[str | None, tuple[Binding, ...]], dict[EntryId, Entry]]  # by field and bindings


# A report may run on another machine than the application, which alone has the secrets files and variables.
_UNSEEN = "it cannot be seen from here: only its declared date is judged"

_MOST_COMMANDS = 3  # in the hint of one secret

_Part = tuple[SecretRef, str | None]  # a secret and the field of it


def _used(plan: Plan, answers: Answers[SecretInfo]) -> dict[SecretRef, _Used]:
    """Return every secret of the secret entries, with the entries that hold it or lead to it by a variable."""
    bound = _bindings(plan)
    used: dict[SecretRef, _Used] = {}
    leads_to: dict[EntryId, dict[_Part, None]] = {}
    # An entry comes after the entries that its variables name, so that `leads_to` has them already.
    for entry_id, planned in plan.entries.items():
        parts: dict[_Part, None] = {}
        for part in planned.all_parts:
            if isinstance(part, EntryPart):
                parts.update(leads_to[part.entry])
            elif isinstance(part, SecretPart):
                index, outcome = answers.settle(part)
                target = part.targets[index]
                use = target.ref, target.selector.field
                if _is_declared(plan, target.ref, bound.get(use, ())) and _is_unseen(outcome):
                    outcome = Found(SecretInfo(notes=(_UNSEEN,)))
                is_replaced = isinstance(outcome, Missing) and part.default is not None  # by its default
                if is_replaced or not is_secret_part(plan, planned.entry, part):
                    continue
                parts[use] = None
                if target.ref not in used:
                    explained = _with_cause_of_resolving(plan, planned, part, index, outcome)
                    used[target.ref] = _Used(target.ref, explained, _shown(part, index, outcome), {})
        leads_to[entry_id] = parts
        for ref, field in parts:
            key = (field, bound.get((ref, field), ()))
            used[ref].entries.setdefault(key, {})[entry_id] = planned.entry
    return used


def _is_declared(plan: Plan, ref: SecretRef, bindings: tuple[Binding, ...]) -> bool:
    """Return True if the store of `ref` does not have a clock, and a binding declares the date of the secret."""
    return any(binding.rotated is not None for binding in bindings) and not plan.specs[ref.store].has_clock


def _is_unseen(outcome: Found[SecretInfo] | Missing | Failed) -> bool:
    """Return True if this machine does not have the secret, or may not look at it."""
    return isinstance(outcome, Missing) or (isinstance(outcome, Failed) and outcome.kind is ProblemKind.DENIED)


def _with_cause_of_resolving(
    plan: Plan, planned: PlannedEntry, part: SecretPart, index: int, outcome: Found[SecretInfo] | Missing | Failed
) -> Found[SecretInfo] | Missing | Failed:
    """Return `outcome` with the cause and the hint that `run` would print: the stores asked, and the next step."""
    if isinstance(outcome, Found):
        return outcome
    problem = failure_problem(plan, planned, part, index, outcome)
    if isinstance(outcome, Missing):
        return Missing(problem.cause, problem.hint)
    return Failed(outcome.kind, problem.cause, problem.hint)


def _shown(part: SecretPart, index: int, outcome: Found[SecretInfo] | Missing | Failed) -> str:
    """Return the reference of the whole secret, or the name if no store has it."""
    if isinstance(outcome, Missing) and len(part.targets) > 1:
        return part.name or part.written
    ref = part.targets[index].ref
    pins = (("version", ref.version), ("stage", ref.stage))
    options = tuple((name, value) for name, value in pins if value is not None)
    return format_reference(StorePath(ref.store, ref.path, options))


def _bindings(plan: Plan) -> Mapping[_Part, tuple[Binding, ...]]:
    """Return the bindings of each part of a secret, whether entries use the binding's name or the reference."""
    found: dict[_Part, list[Binding]] = {}
    for _, binding in sorted(plan.bindings.secrets.items()):
        reference = parse_reference(binding.reference)
        if isinstance(reference, StorePath):
            options = dict(reference.options)
            ref = SecretRef(reference.store, reference.path, options.get("version"), options.get("stage"))
            found.setdefault((ref, reference.field), []).append(binding)
    return {part: tuple(bindings) for part, bindings in found.items()}


def _secret_age(plan: Plan, used: _Used, now: datetime, observed: datetime, *, strict: bool) -> SecretAge:
    config = plan.stores[used.ref.store]
    policy = plan.bindings.rotation
    uses = [Use(tuple(entry.key for entry in users.values()), bound) for (_, bound), users in used.entries.items()]
    applied = applied_limit(uses, config.name, config.max_age, policy)
    declared = [binding.rotated for use in uses for binding in use.bindings if binding.rotated is not None]
    case = Case(
        ref=used.ref,
        outcome=used.outcome,
        applied=applied,
        now=now,
        observed=observed,
        warn_before=policy.warn_before,
        declared=min(declared, default=None),
        command=_command(plan, used),
    )
    entries = {entry_id: entry for users in used.entries.values() for entry_id, entry in users.items()}
    places = sorted((entry.key, entry.file, entry.line) for entry in entries.values())
    keys = tuple(Key(*place) for place in places)
    return _row(plan, used, keys, applied, assess_age(case), strict=strict)


def _command(plan: Plan, used: _Used) -> str | None:
    """Return the command that stores a new version of a secret, or None.

    A store that rotates passwords itself does not store a given value. A new version of a pinned secret is not read.
    """
    ref, environment = used.ref, plan.project.environment
    is_rotated = isinstance(used.outcome, Found) and used.outcome.value.clock is Clock.LAST_ROTATED
    if not plan.specs[ref.store].is_writable or is_rotated or ref.version is not None or ref.stage is not None:
        return None
    if environment is None or not plan.project.is_in_folders:
        return None
    names = sorted({bound[0].name if bound else _reference(ref, field) for field, bound in used.entries})
    return " and ".join(f"`secretsync set {name} -e {environment}`" for name in names[:_MOST_COMMANDS])


def _reference(ref: SecretRef, field: str | None) -> str:
    """Return a reference as an argument of a shell."""
    import shlex  # Imported only for a secret without a binding.

    return shlex.quote(format_reference(StorePath(ref.store, ref.path, (), field)))


def _row(
    plan: Plan, used: _Used, keys: tuple[Key, ...], applied: AppliedLimit, result: AgeResult, *, strict: bool
) -> SecretAge:
    fails_unknown = (plan.bindings.rotation.on_unknown or ("fail" if plan.is_strict else "warn")) == "fail"
    lenient = {State.DUE: not strict, State.UNKNOWN: not strict and not fails_unknown}
    findings = tuple(
        AgeFinding(
            state=issue.state,
            reference=used.shown,
            keys=keys,
            cause=issue.cause,
            hint=issue.hint,
            kind=issue.kind,
            counts=not lenient.get(issue.state, False),
        )
        for issue in result.issues
    )
    return SecretAge(
        reference=used.shown,
        store=used.ref.store,
        provider=plan.stores[used.ref.store].provider,
        keys=keys,
        state=result.state,
        limit=applied.limit,
        limit_from=applied.source,
        version=result.version,
        clock=result.clock,
        created=result.created,
        age=result.age,
        expires=result.expires,
        findings=findings,
        hints=result.hints,
    )
