"""Rules on ages, as far as the bindings alone say: declared dates, and exemptions that have ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from secretsync.audit.evidence import Ages, Evidence
from secretsync.policy.rules import RuleFinding, Severity, found
from secretsync.project.bindings import Binding, Limit
from secretsync.rotation.max_age import Use, applied_limit

__all__ = ["age_findings", "ages"]


def ages(evidence: Evidence) -> Ages:
    """The summary of the bound secrets, or of what the stores said."""
    if evidence.online is not None:
        return evidence.online.ages
    bindings = evidence.plan.bindings.secrets
    limits = {name: _limit(evidence, name, binding) for name, binding in bindings.items()}
    return Ages(
        secrets=len(bindings),
        dated=sum(binding.rotated is not None for binding in bindings.values()),
        exempt=sum(limit.seconds is None for limit in limits.values()),
        overdue=sum(_is_overdue(evidence, binding, limits[name]) for name, binding in bindings.items()),
    )


def age_findings(evidence: Evidence) -> Iterator[RuleFinding]:
    """Bound secrets that are overdue by their declared date, whose exemption has ended, or that need a date.

    None where the stores were asked: they know better.
    """
    if evidence.online is not None:
        return
    bindings = evidence.plan.bindings
    weak = Severity.ERROR if evidence.plan.is_strict else Severity.WARNING
    for name, binding in bindings.secrets.items():
        limit = _limit(evidence, name, binding)
        if limit.until is not None and evidence.at.date() > limit.until:
            message = f"its exemption ended on {limit.until:%Y-%m-%d}"
            yield _at(evidence, binding, "rotation-expired", message, weak)
        elif binding.rotated is not None and _is_overdue(evidence, binding, limit):
            message = f"it was rotated on {binding.rotated:%Y-%m-%d}, and its limit is {limit.written}"
            yield _at(evidence, binding, "rotation-overdue", message, weak)
        elif evidence.plan.is_strict and _needs_date(evidence, binding, limit):
            message = "its store knows no age, and no date is declared"
            yield _at(evidence, binding, "rotation-undated", message)


def _at(evidence: Evidence, binding: Binding, rule: str, message: str, severity: Severity | None = None) -> RuleFinding:
    file = evidence.plan.bindings.file
    return found(rule, message, key=binding.name, file=file, line=binding.line, severity=severity)


def _limit(evidence: Evidence, name: str, binding: Binding) -> Limit:
    bindings = evidence.plan.bindings
    store = binding.reference.partition(":")[0]
    config = bindings.stores.get(store)
    uses = [Use((name,), (binding,))]
    return applied_limit(uses, store, config.max_age if config is not None else None, bindings.rotation).limit


def _is_overdue(evidence: Evidence, binding: Binding, limit: Limit) -> bool:
    if binding.rotated is None or limit.seconds is None:
        return False
    return evidence.at - binding.rotated >= timedelta(seconds=limit.seconds)


def _needs_date(evidence: Evidence, binding: Binding, limit: Limit) -> bool:
    spec = evidence.plan.specs.get(binding.reference.partition(":")[0])
    return spec is not None and not spec.has_clock and binding.rotated is None and limit.seconds is not None
