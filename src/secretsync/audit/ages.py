"""Rules on ages. Offline they use the dates that the bindings declare, online the answers of the stores."""

from __future__ import annotations

from collections.abc import Iterator

from secretsync.audit.evidence import Ages, Evidence
from secretsync.policy.findings import RuleFinding, found
from secretsync.policy.rules import RULES
from secretsync.project.bindings import Binding, Limit
from secretsync.rotation.max_age import Use, applied_limit


def ages(evidence: Evidence) -> Ages:
    """Return how many secrets there are, and how many of their ages are known."""
    if evidence.online is not None:
        return evidence.online.ages
    bindings = evidence.plan.bindings.secrets.values()
    limits = [_limit(evidence, binding) for binding in bindings]
    return Ages(
        secrets=len(bindings),
        dated=sum(binding.rotated is not None for binding in bindings),
        exempt=sum(limit.seconds is None for limit in limits),
        overdue=sum(_is_overdue(evidence, *pair) for pair in zip(bindings, limits, strict=True)),
    )


def _expired(evidence: Evidence) -> Iterator[RuleFinding]:
    for binding, limit in _bindings(evidence):
        if limit.until is not None and evidence.at.date() > limit.until:
            yield _at(evidence, binding, "rotation-expired", f"its exemption ended on {limit.until:%Y-%m-%d}")


def _overdue(evidence: Evidence) -> Iterator[RuleFinding]:
    for binding, limit in _bindings(evidence):
        if binding.rotated is not None and _is_overdue(evidence, binding, limit):
            message = f"it was rotated on {binding.rotated:%Y-%m-%d}, and its limit is {limit.written}"
            yield _at(evidence, binding, "rotation-overdue", message)


def _undated(evidence: Evidence) -> Iterator[RuleFinding]:
    for binding, limit in _bindings(evidence):
        spec = evidence.plan.specs.get(_store(binding))
        has_no_clock = spec is not None and not spec.has_clock
        if has_no_clock and binding.rotated is None and limit.seconds is not None:
            yield _at(evidence, binding, "rotation-undated", "its store knows no age, and no date is declared")


def _due(evidence: Evidence) -> Iterator[RuleFinding]:
    """Yield the findings from the answers of the stores, which are about the other rules too."""
    yield from evidence.online.findings if evidence.online is not None else ()


def _leases(evidence: Evidence) -> Iterator[RuleFinding]:
    yield from evidence.online.leases if evidence.online is not None else ()


CHECKS = {
    "rotation-overdue": _overdue,
    "rotation-expired": _expired,
    "rotation-due": _due,
    "lease-ends": _leases,
    "rotation-undated": _undated,
}


def _bindings(evidence: Evidence) -> Iterator[tuple[Binding, Limit]]:
    """Yield the bindings with their limits; none if the stores were asked, because the stores know the ages better."""
    if evidence.online is None:
        for binding in evidence.plan.bindings.secrets.values():
            yield binding, _limit(evidence, binding)


def _at(evidence: Evidence, binding: Binding, rule: str, message: str) -> RuleFinding:
    severity = RULES[rule].severity_in(is_strict=evidence.plan.is_strict)
    file = evidence.plan.bindings.file
    return found(rule, message, key=binding.name, file=file, line=binding.line, severity=severity)


def _store(binding: Binding) -> str:
    return binding.reference.partition(":")[0]


def _limit(evidence: Evidence, binding: Binding) -> Limit:
    bindings, store = evidence.plan.bindings, _store(binding)
    config = bindings.stores.get(store)
    uses = [Use((binding.name,), (binding,))]
    return applied_limit(uses, store, config.max_age if config is not None else None, bindings.rotation).limit


def _is_overdue(evidence: Evidence, binding: Binding, limit: Limit) -> bool:
    if binding.rotated is None or limit.seconds is None:
        return False
    return (evidence.at - binding.rotated).total_seconds() >= limit.seconds
