"""Explain where each value of a plan comes from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from secretsync.core.errors import Problem, ProblemKind
from secretsync.core.model import Failed, Found, Missing, SecretInfo, SecretRef
from secretsync.core.records import Record, replace
from secretsync.core.secret import MASK, Payload
from secretsync.planning.plan import EntryId, EntryPart, EnvironPart, Plan, PlannedEntry, SecretPart
from secretsync.planning.secrecy import secret_entries
from secretsync.resolving.requests.unusable_store import NotAsked, UnusableStore
from secretsync.resolving.resolve import Inputs, resolve_entries
from secretsync.resolving.stores import Answers, StoreAccess

NOT_ASKED = "not asked"


class OriginRow(Record, kw_only=True):
    """One placeholder of an entry, and the answer of its store."""

    reference: str
    store: str
    provider: str
    status: str  # found, missing, default, not asked, or the kind of failure
    version: str | None = None
    created: datetime | None = None
    cause: str | None = None
    setup: str | None = None  # the reason why the store was not asked


class Row(Record, kw_only=True):
    """One entry. `shown`: the value of a setting, or a mask; None if a setting does not have a value."""

    key: str
    service: str | None
    file: str
    line: int
    is_secret: bool
    shown: str | None
    origins: tuple[OriginRow, ...]


def open_settings(plan: Plan) -> Plan:
    """Return the part of `plan` whose values may be shown. Only the values of these entries are requested."""
    secret = secret_entries(plan)
    entries = {entry_id: planned for entry_id, planned in plan.entries.items() if entry_id not in secret}
    parts = [part for planned in entries.values() for part in planned.secrets]
    names = {target.store for part in parts for target in part.targets}
    return replace(plan, entries=entries, stores={name: plan.stores[name] for name in names})


def explain(
    plan: Plan,
    settings: Plan,
    infos: Answers[SecretInfo],
    answers: Answers[Payload],
    environ: Mapping[str, str],
) -> tuple[Row, ...]:
    """Return a row for each entry that is visible in the configuration, in the order of the files."""
    resolved, _ = resolve_entries(Inputs(settings, answers, environ, frozenset()))
    origins: dict[EntryId, tuple[OriginRow, ...]] = {}
    for entry_id, planned in plan.entries.items():
        origins[entry_id] = _origins(plan, planned, infos, origins)
    rows = []
    for entry_id in plan.visible:
        planned = plan.entries[entry_id]
        entry = planned.entry
        value = resolved.get(entry_id)
        is_secret = entry_id not in settings.entries or (value is not None and value.origin.is_secret)
        shown = MASK if is_secret else value.value.reveal() if value is not None else None
        rows.append(
            Row(
                key=entry.key,
                service=entry.service,
                file=entry.file,
                line=entry.line,
                is_secret=is_secret,
                shown=shown,
                origins=origins[entry_id],
            )
        )
    return tuple(rows)


def _origins(
    plan: Plan, planned: PlannedEntry, infos: Answers[SecretInfo], known: Mapping[EntryId, tuple[OriginRow, ...]]
) -> tuple[OriginRow, ...]:
    """Return the placeholders of an entry and of the entries that it uses. `known`: the rows of those entries."""
    rows: dict[OriginRow, None] = {}
    for part in planned.all_parts:
        if isinstance(part, EntryPart):
            rows.update(dict.fromkeys(known[part.entry]))
        elif isinstance(part, SecretPart):
            rows[_origin(plan, part, infos)] = None
        elif isinstance(part, EnvironPart):
            rows[OriginRow(reference=f"env:{part.name}", store="env", provider="env", status="found")] = None
    return tuple(rows)


def _origin(plan: Plan, part: SecretPart, infos: Answers[SecretInfo]) -> OriginRow:
    index, outcome = infos.settle(part)
    target = part.targets[index]
    provider = plan.stores[target.store].provider
    if isinstance(outcome, Found):
        return OriginRow(
            reference=target.shown,
            store=target.store,
            provider=provider,
            status="found",
            version=outcome.value.version,
            created=outcome.value.created,
        )
    shown, cause, setup = target.shown, outcome.cause, None
    if isinstance(outcome, Missing):
        status = ProblemKind.MISSING.value if part.default is None else "default"
        if len(part.targets) > 1:
            shown = " or ".join(one.shown for one in part.targets)
    else:
        status = outcome.kind.value
    if isinstance(outcome, Failed) and outcome.kind in (ProblemKind.DENIED, ProblemKind.UNAVAILABLE):
        cause = f"{outcome.cause}; {outcome.hint}" if outcome.hint else outcome.cause
    if isinstance(outcome, NotAsked):
        setup = f"{outcome.cause}; {outcome.hint}" if outcome.hint else outcome.cause
        status = NOT_ASKED
        shown = " or ".join(one.shown for one in part.targets[index:])
    return OriginRow(reference=shown, store=target.store, provider=provider, status=status, cause=cause, setup=setup)


def explain_plan(plan: Plan, access: StoreAccess, *, is_offline: bool = False) -> tuple[Row, ...]:
    """Return the origin of each value of a plan. Secrets are masked, and their values are not requested.

    A secret of a store that cannot be built is not asked for. `is_offline`: only the process environment is asked.
    """
    unasked = UnusableStore(Problem(kind=ProblemKind.UNAVAILABLE, cause=NOT_ASKED))
    replaced = {name: unasked for name in plan.stores if plan.is_secret_store(name)} if is_offline else access.replaced
    access = replace(access, replaced=replaced, keeps_unusable=True)
    infos = access.metadata(plan)
    settings = open_settings(plan)
    return explain(plan, settings, infos, _values(settings, infos, access), access.environ)


def _values(plan: Plan, infos: Answers[SecretInfo], access: StoreAccess) -> Answers[Payload]:
    """Return the values of those secrets that have metadata. The others keep the outcome of the metadata request."""
    outcomes: dict[SecretRef, Found[Payload] | Missing | Failed] = {}
    found = []
    for part in plan.secrets:
        index, outcome = infos.settle(part)
        if isinstance(outcome, Found):
            found.append(replace(part, targets=(part.targets[index],)))
        for target in part.targets:
            if isinstance(info := infos.of(target.ref), Missing | Failed):
                outcomes[target.ref] = info
    answers = access.values(plan, found)
    outcomes.update((ref, value) for ref in answers.requested if (value := answers.of(ref)) is not None)
    return Answers(outcomes)
