"""Where each value of a plan comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from secretsync.config.config import Resolved
from secretsync.core.errors import Problem, ProblemKind
from secretsync.core.model import MASK, Failed, Found, Missing, Payload, SecretInfo, SecretRef
from secretsync.core.records import Record, replace
from secretsync.planning.plan import EntryId, EntryPart, EnvironPart, Plan, PlannedEntry, SecretPart
from secretsync.planning.request import make_deadline
from secretsync.planning.secrecy import secret_entries
from secretsync.providers.interface import Deadline
from secretsync.resolving.fetch import Answers, ask_values
from secretsync.resolving.pipeline import inspect_plan
from secretsync.resolving.resolve import Inputs, resolve_entry
from secretsync.resolving.stores import Stores, open_stores

if TYPE_CHECKING:
    from secretsync.resolving.activity import StoreActivity

__all__ = ["OriginRow", "Row", "explain", "explain_plan", "open_settings"]


class OriginRow(Record, kw_only=True):
    """One placeholder of an entry, and what its store said."""

    reference: str
    store: str
    provider: str
    status: str  # found, missing, default, or the kind of failure
    version: str | None = None
    created: datetime | None = None
    cause: str | None = None


class Row(Record, kw_only=True):
    """One entry. `shown` is a setting's value, or a mask; None where a setting has no value."""

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
    """A row for each entry that the configuration shows, in the order of the files."""
    resolved: dict[EntryId, Resolved] = {}
    problems: dict[Problem, None] = {}
    inputs = Inputs(settings, answers, environ, frozenset())
    for entry_id, planned in settings.entries.items():
        if (value := resolve_entry(inputs, planned, resolved, problems)) is not None:
            resolved[entry_id] = value
    origins: dict[EntryId, tuple[OriginRow, ...]] = {}
    for entry_id, planned in plan.entries.items():
        origins[entry_id] = _origins(plan, planned, infos, origins)
    visible = [*plan.shared.values()]
    visible += [
        entry_id
        for name, scope in plan.services.items()
        for key, entry_id in scope.items()
        if key in plan.service_keys[name]
    ]
    rows = []
    for entry_id in dict.fromkeys(visible):
        planned = plan.entries[entry_id]
        entry = planned.entry
        is_secret = entry_id not in settings.entries
        value = resolved.get(entry_id)
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
    """The placeholders of an entry and of what its variables lead to, whose own are `known`."""
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
    shown, cause = target.shown, outcome.cause
    if isinstance(outcome, Missing):
        status = ProblemKind.MISSING.value if part.default is None else "default"
        if len(part.targets) > 1:
            shown = " or ".join(one.shown for one in part.targets)
    else:
        status = outcome.kind.value
    return OriginRow(reference=shown, store=target.store, provider=provider, status=status, cause=cause)


def explain_plan(
    plan: Plan,
    environ: Mapping[str, str],
    *,
    timeout: float | None = None,
    on_activity: Callable[[StoreActivity], None] | None = None,
) -> tuple[Row, ...]:
    """Where each value of a plan comes from; secrets are masked, and their values are not asked for."""
    infos = inspect_plan(plan, environ, timeout=timeout, on_activity=on_activity)
    settings = open_settings(plan)
    with open_stores(settings, environ, on_activity=on_activity) as opened:
        answers = _values_of(settings, infos, opened, make_deadline(plan.bindings, timeout))
    return explain(plan, settings, infos, answers, environ)


def _values_of(plan: Plan, infos: Answers[SecretInfo], stores: Stores, deadline: Deadline) -> Answers[Payload]:
    """The values that the metadata found; what is missing or failed is so by them, and not asked for again."""
    outcomes: dict[SecretRef, Found[Payload] | Missing | Failed] = {}
    found = []
    for part in plan.secrets:
        index, outcome = infos.settle(part)
        if isinstance(outcome, Found):
            found.append(replace(part, targets=(part.targets[index],)))
        for target in part.targets:
            if isinstance(info := infos.of(target.ref), Missing | Failed):
                outcomes[target.ref] = info
    answers = ask_values(found, stores, deadline)
    outcomes.update((ref, value) for ref in answers.requested if (value := answers.of(ref)) is not None)
    return Answers(outcomes)
