"""Explain failures of stores in an application whose variables `secretsync run` withheld."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from secretsync.core.errors import Problem, ProblemKind
from secretsync.core.model import Failed
from secretsync.core.records import replace
from secretsync.providers.interface import ProviderSpec
from secretsync.resolving.stores import Answers, T


def access_variables(names: Iterable[str], specs: Iterable[ProviderSpec]) -> tuple[str, ...]:
    """Return those of `names` that providers read: credentials, identities and settings, sorted."""
    patterns: set[str] = set()
    for spec in specs:
        patterns.update(spec.credentials, spec.identity_variables)
        patterns.update(setting.environment for setting in spec.settings.values() if setting.environment)
    return tuple(sorted(name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)))


def explain_failures(answers: Answers[T], specs: Mapping[str, ProviderSpec], withheld: tuple[str, ...]) -> Answers[T]:
    """Return the answers. A failure that a withheld variable may have caused names the variable as the next step."""
    outcomes = {}
    for ref in answers.requested:
        outcome = answers.of(ref)
        if outcome is None:
            continue
        if isinstance(outcome, Failed) and (step := _next_step(specs.get(ref.store), withheld)):
            if outcome.kind is ProblemKind.DENIED:
                outcome = replace(outcome, hint=step)
            elif outcome.kind is ProblemKind.UNAVAILABLE:  # a store may look for another identity in the network
                outcome = replace(outcome, hint=f"{outcome.hint}; {step}" if outcome.hint else step)
        outcomes[ref] = outcome
    return Answers(outcomes)


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
