"""Find the names in a policy that its environment does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsync.core.errors import Problem, ProblemKind
from secretsync.core.text import by_place, name_or_none, suggestion, unknown
from secretsync.policy.checks import BUILT_IN
from secretsync.policy.policy import Check, Policy, Requirement

if TYPE_CHECKING:
    from secretsync.planning.plan import Plan


def unknown_names(policy: Policy, plan: Plan) -> tuple[Problem, ...]:
    """Return a problem for each key of [checks] and each service that does not exist.

    Such a check never applies, so that a misspelled name would go unnoticed. A requirement that the process environment
    can fulfil may name a service without a file. The keys of built-in checks are optional.
    """
    keys = {entry.key for file in plan.files for entry in file.entries}
    keys |= {key for _, key in plan.entries}
    keys |= {requirement.key for requirement in policy.required} | {check.key for check in BUILT_IN}
    problems: dict[Problem, None] = {}
    for check in policy.checks:
        if check.key not in keys:
            hint = suggestion(check.key, keys, "define it in an env file, or remove the check")
            problems[_problem(policy, check, check.line, unknown("entry", check.key, keys), hint)] = None
    in_files = [requirement for requirement in policy.required if not requirement.environment]
    rules: list[Check | Requirement] = [*in_files, *policy.checks]
    for rule in rules:
        if rule.service is not None and rule.service not in plan.known_services:
            cause = unknown("service", rule.service, plan.known_services)
            hint = suggestion(rule.service, plan.known_services)
            problems[_problem(policy, rule, rule.service_line, cause, hint)] = None
    return tuple(sorted(problems, key=by_place))


def _problem(policy: Policy, rule: Check | Requirement, line: int | None, cause: str, hint: str) -> Problem:
    table = "checks" if isinstance(rule, Check) else "required"
    key = f"{table}.{rule.key}" if name_or_none(rule.key) else table
    return Problem(kind=ProblemKind.CONFIGURATION, file=policy.file, line=line, key=key, cause=cause, hint=hint)
