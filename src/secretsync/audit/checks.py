"""The function that checks each rule, and when it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import assert_never

from secretsync.audit import ages, env_files, files, git, images, stores, values
from secretsync.audit.evidence import Evidence, GitFailure, GitState
from secretsync.policy.findings import RuleFinding
from secretsync.policy.rules import RULES, Scope

Check = Callable[[Evidence], Iterator[RuleFinding]]

# The rules that `judge` checks are not here, because it checks them for `run` and `render` too. The rule
# `unused-ignore` is not here because it is about the findings of all others.
CHECKS: dict[str, Check] = {
    **env_files.CHECKS,
    **values.CHECKS,
    **files.CHECKS,
    **git.CHECKS,
    **images.CHECKS,
    **stores.CHECKS,
    **ages.CHECKS,
}


def checks_of(evidence: Evidence) -> list[Check]:
    """Return the functions of all rules that apply, each once, even if several rules share it."""
    return list(dict.fromkeys(check for rule, check in CHECKS.items() if is_checked(rule, evidence)))


def is_checked(rule: str, evidence: Evidence) -> bool:
    """Return True if the rule applies to the evidence. It is False for the rules that `judge` checks."""
    if rule == "unused-ignore":
        return bool(evidence.policy.ignores)
    if rule not in CHECKS or (rule in git.ANSWERED and not isinstance(evidence.git, GitState)):
        return False
    if isinstance(evidence.git, GitFailure) and evidence.git.hint is None and rule in git.CHECKS:
        return False
    scope = RULES[rule].scope
    match scope:
        case Scope.ALWAYS | Scope.LENIENT_WARNS | Scope.SHARED | Scope.POLICY | Scope.URL_VALUES:
            return True
        case Scope.STRICT:
            return evidence.plan.is_strict
        case Scope.OFFLINE:
            return evidence.online is None
        case Scope.ONLINE | Scope.ONLINE_LENIENT_WARNS:
            return evidence.online is not None
        case _:
            assert_never(scope)
