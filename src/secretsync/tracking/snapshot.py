"""The state of an environment, from its plan and what the stores say without a value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secretsync.core.errors import Problem, ProblemKind
from secretsync.core.model import Found, Missing, SecretInfo
from secretsync.core.recognition.secret_patterns import has_password, known_token, looks_random
from secretsync.core.text import by_place
from secretsync.planning.plan import Plan, PlannedEntry, SecretPart
from secretsync.project.bindings import StoreConfig
from secretsync.resolving.failures import failure_problem
from secretsync.resolving.stores import Answers
from secretsync.tracking.history import EntryState, EnvironmentState, RecordedPlaceholder, StoreSetup
from secretsync.tracking.recorded_text import text_rule


def observe(plan: Plan, infos: Answers[SecretInfo] | None) -> tuple[EnvironmentState, tuple[Problem, ...]]:
    """Return the state of `plan`, and why parts of it are not known. `infos`: None where the stores were not asked.

    That a secret is missing, disabled or deleted is a state; that its store did not say is a problem.
    """
    problems: dict[Problem, None] = {}
    prefix = f"env/{plan.project.environment}/" if plan.project.is_in_folders else ""
    seen = [plan.entries[entry_id] for entry_id in plan.visible]
    providers = {name: config.provider for name, config in plan.stores.items()}
    rule = text_rule((planned.entry for planned in plan.entries.values()), plan.names, providers)
    entries = []
    for planned in seen:
        entry = planned.entry
        entries.append(
            EntryState(
                key=entry.key,
                service=entry.service,
                file=entry.file.removeprefix(prefix),
                value=None if rule.may_hold_secret(entry) else entry.text,
                sources=tuple(_source(plan, planned, part, infos, problems) for part in planned.secrets),
            )
        )
    state = EnvironmentState(
        environment=plan.project.label,
        entries=tuple(sorted(entries, key=lambda entry: (entry.service or "", entry.key))),
        stores=tuple(_setup(config) for _, config in sorted(plan.stores.items())),
        offline=infos is None,
    )
    return state, tuple(sorted(problems, key=by_place))


def _source(
    plan: Plan,
    planned: PlannedEntry,
    part: SecretPart,
    infos: Answers[SecretInfo] | None,
    problems: dict[Problem, None],
) -> RecordedPlaceholder:
    references = tuple(target.shown for target in part.targets)
    # What a variable of this process says is no state of the configuration.
    if infos is None or not any(plan.is_secret_store(target.store) for target in part.targets):
        return RecordedPlaceholder(references=references)
    index, outcome = infos.settle(part)
    if isinstance(outcome, Missing):
        return RecordedPlaceholder(references=references, status="missing")
    answer = references[index]
    if isinstance(outcome, Found):
        status = "found" if outcome.value.enabled else "disabled"
        return RecordedPlaceholder(references=references, answer=answer, version=outcome.value.version, status=status)
    if outcome.kind is not ProblemKind.UNUSABLE:
        problems[failure_problem(plan, planned, part, index, outcome)] = None
    return RecordedPlaceholder(references=references, answer=answer, status=outcome.kind.value)


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
