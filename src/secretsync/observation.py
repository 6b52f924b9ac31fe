"""The state of an environment, from its plan and what the stores say without a value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secretsync.audit.plaintext import written
from secretsync.audit.shapes import HOLE, has_password, has_private_key, known_token, looks_random
from secretsync.bindings import StoreConfig
from secretsync.errors import Problem, ProblemKind
from secretsync.fetch import Answers
from secretsync.history import EntryState, EnvironmentState, Source, StoreSetup
from secretsync.model import Entry, Found, Missing, SecretInfo
from secretsync.names import is_sensitive
from secretsync.placeholders import Variable, parse_value
from secretsync.plan import EntryId, EntryPart, Plan, PlannedEntry, SecretPart
from secretsync.policy import Policy
from secretsync.resolve import failure_problem

__all__ = ["observe"]


def observe(
    plan: Plan, policy: Policy, infos: Answers[SecretInfo] | None
) -> tuple[EnvironmentState, tuple[Problem, ...]]:
    """The state of `plan`, and why parts of it are not known. `infos`: None where the stores were not asked.

    That a secret is missing, disabled or deleted is a state; that its store did not say is a problem.
    """
    problems: dict[Problem, None] = {}
    led_to = _led_to(plan, policy)
    visible = [*plan.whole.values()]
    visible += [
        entry_id for name, scope in plan.services.items() for key, entry_id in scope.items() if key in plan.own[name]
    ]
    prefix = f"env/{plan.project.environment}/" if plan.project.is_in_folders else ""
    entries = []
    for entry_id in dict.fromkeys(visible):
        planned = plan.entries[entry_id]
        entry = planned.entry
        is_private = policy.is_sensitive(entry.key) or entry_id in led_to
        entries.append(
            EntryState(
                key=entry.key,
                service=entry.service,
                file=entry.file.removeprefix(prefix),
                value=None if _may_hold_secret(plan, planned, is_private=is_private) else entry.text,
                sources=tuple(_source(plan, planned, part, infos, problems) for part in planned.secrets),
            )
        )
    state = EnvironmentState(
        environment=plan.project.label,
        entries=tuple(sorted(entries, key=lambda entry: (entry.service or "", entry.key))),
        stores=tuple(_setup(config) for _, config in sorted(plan.stores.items())),
        offline=infos is None,
    )
    return state, tuple(sorted(problems, key=lambda problem: (problem.file or "", problem.line or 0)))


def _led_to(plan: Plan, policy: Policy) -> set[EntryId]:
    """The entries that secrets are made of: with DB_PASSWORD=${PART}, what PART says is one, whatever its name."""
    found: set[EntryId] = set()
    stack = [entry_id for entry_id, planned in plan.entries.items() if policy.is_sensitive(planned.entry.key)]
    while stack:
        parts = plan.entries[stack.pop()].parts
        if all(isinstance(part, EntryPart) for part in parts):
            following = {part.entry for part in parts if isinstance(part, EntryPart)} - found
            found |= following
            stack += following
    return found


def _may_hold_secret(plan: Plan, planned: PlannedEntry, *, is_private: bool) -> bool:
    """Whether what is written of an entry may be a secret, or a part of one.

    `is_private`: any text of its own may be; else only what looks like a secret, or stands in for a missing one.
    """
    entry = planned.entry
    literal, defaults = written(entry)
    texts = [literal, *defaults]
    if is_private and any(text.replace(HOLE, "") for text in texts):
        return True
    if any(part.default and _is_default_secret(plan, part) for part in planned.secrets):
        return True
    return _has_secret_variable(entry) or _looks_secret(entry, texts)


def _is_default_secret(plan: Plan, part: SecretPart) -> bool:
    """Whether a placeholder's default stands in for a secret: its name says so, or the store that it is bound to."""
    return is_sensitive(part.written) or any(
        is_sensitive(target.ref.path)
        or is_sensitive(target.selector.field or "")
        or (target.is_bound and plan.is_secret_store(target.store))
        for target in part.targets
    )


def _has_secret_variable(entry: Entry) -> bool:
    if entry.literal or "$" not in entry.text:
        return False
    return any(
        isinstance(part, Variable) and part.default and is_sensitive(part.name)
        for part in parse_value(entry.text).parts
    )


def _looks_secret(entry: Entry, texts: list[str]) -> bool:
    if has_private_key(entry.text) or known_token(entry.text) or any(map(has_password, texts)):
        return True
    return any(looks_random(entry.key, part) for text in texts for part in text.split(HOLE))


def _source(
    plan: Plan,
    planned: PlannedEntry,
    part: SecretPart,
    infos: Answers[SecretInfo] | None,
    problems: dict[Problem, None],
) -> Source:
    references = tuple(target.shown for target in part.targets)
    # What a variable of this process says is no state of the configuration.
    if infos is None or not any(plan.is_secret_store(target.store) for target in part.targets):
        return Source(references=references)
    index, outcome = infos.settle(part)
    if isinstance(outcome, Missing):
        return Source(references=references, status="missing")
    answer = references[index]
    if isinstance(outcome, Found):
        status = "found" if outcome.value.enabled else "disabled"
        return Source(references=references, answer=answer, version=outcome.value.version, status=status)
    if outcome.kind is not ProblemKind.UNUSABLE:
        problems[failure_problem(plan, planned, part, index, outcome)] = None
    return Source(references=references, answer=answer, status=outcome.kind.value)


def _setup(config: StoreConfig) -> StoreSetup:
    return StoreSetup(name=config.name, provider=config.provider, settings=tuple(sorted(_flat("", config.settings))))


def _flat(prefix: str, settings: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    found: list[tuple[str, str | None]] = []
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found += _flat(f"{prefix}{name}.", value)
            continue
        text = str(value).lower() if isinstance(value, bool) else str(value)
        is_safe = not (known_token(text) or has_password(text) or looks_random(name, text))
        found.append((f"{prefix}{name}", text if is_safe else None))
    return found
