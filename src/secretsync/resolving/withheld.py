"""Explain failures of stores in an application whose variables `secretsync run` withheld."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from secretsync.core.errors import Problem, ProblemKind
from secretsync.core.model import Failed, Found, Missing, SecretRef
from secretsync.core.records import replace
from secretsync.providers.interface import Identity, ProviderSpec
from secretsync.resolving.requests.identify import StoreState
from secretsync.resolving.requests.unusable_store import NotAsked

if TYPE_CHECKING:
    from secretsync.resolving.stores import Answers, T


def access_variables(names: Iterable[str], specs: Iterable[ProviderSpec]) -> tuple[str, ...]:
    """Return those of `names` that providers read: credentials, identities and settings, sorted."""
    patterns: set[str] = set()
    for spec in specs:
        patterns.update(spec.credentials, spec.identity_variables)
        patterns.update(setting.environment for setting in spec.settings.values() if setting.environment)
    return tuple(sorted(name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)))


def explain_failures(
    answers: Answers[T], specs: Mapping[str, ProviderSpec], withheld: tuple[str, ...]
) -> dict[SecretRef, Found[T] | Missing | Failed]:
    """Return the outcomes. A failure that a withheld variable may have caused names the variable as the next step."""
    outcomes: dict[SecretRef, Found[T] | Missing | Failed] = {}
    for ref in answers.requested:
        outcome = answers.of(ref)
        if outcome is None:
            continue
        outcomes[ref] = (
            explain_failure(outcome, specs.get(ref.store), withheld) if isinstance(outcome, Failed) else outcome
        )
    return outcomes


def explain_failure(outcome: Failed, spec: ProviderSpec | None, withheld: tuple[str, ...]) -> Failed:
    """Return the failure of a store. If a withheld variable may have caused it, the variable is the next step."""
    step = _next_step(spec, withheld)
    if step and (outcome.kind is ProblemKind.DENIED or isinstance(outcome, NotAsked)):
        return replace(outcome, hint=step)
    if step and outcome.kind is ProblemKind.UNAVAILABLE:  # a store may look for another identity in the network
        return replace(outcome, hint=f"{outcome.hint}; {step}" if outcome.hint else step)
    return outcome


def explain_states(
    states: Iterable[StoreState], specs: Mapping[str, ProviderSpec], withheld: tuple[str, ...]
) -> tuple[StoreState, ...]:
    """Return the states of stores. A failure that a withheld variable may have caused names it as the next step."""
    explained = []
    for state in states:
        failed: Identity | Failed = state.identity
        if isinstance(failed, Failed) and failed.kind is ProblemKind.CONFIGURATION:
            failed = NotAsked(failed.kind, failed.cause, failed.hint)  # the store cannot be built
        if isinstance(failed, Failed):
            failed = explain_failure(failed, specs.get(state.store), withheld)
        explained.append(replace(state, identity=failed))
    return tuple(explained)


def explain_problems(
    problems: Iterable[Problem], specs: Mapping[str, ProviderSpec], withheld: tuple[str, ...]
) -> list[Problem]:
    """Return the problems of stores that cannot be built, with the withheld variables as the next step."""
    explained = []
    for problem in problems:
        step = _next_step(specs.get(problem.store or ""), withheld)
        explained.append(replace(problem, hint=step) if step else problem)
    return explained


def _next_step(spec: ProviderSpec | None, withheld: tuple[str, ...]) -> str | None:
    names = access_variables(withheld, [spec] if spec else [])
    if not names:
        return None
    options = " ".join(f"--pass-env {name}" for name in names)
    return f"`secretsync run` did not pass {', '.join(names)} to this process: start it with {options}"
