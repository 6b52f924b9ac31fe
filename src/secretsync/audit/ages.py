"""Rules on ages, as far as the bindings alone say: declared dates, and exemptions that have ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from fnmatch import fnmatchcase

from secretsync.audit.evidence import Evidence
from secretsync.bindings import Binding, Limit
from secretsync.records import Record
from secretsync.rules import Finding, Severity, found

__all__ = ["Ages", "age_findings", "ages"]


class Ages(Record, kw_only=True):
    """How many bound secrets there are, and what the bindings alone say of their ages."""

    secrets: int
    declared: int  # with a date in the bindings
    exempt: int
    overdue: int


def ages(evidence: Evidence) -> Ages:
    """The summary."""
    bindings = evidence.plan.bindings.secrets
    limits = {name: _limit(evidence, name, binding) for name, binding in bindings.items()}
    return Ages(
        secrets=len(bindings),
        declared=sum(binding.rotated is not None for binding in bindings.values()),
        exempt=sum(limit.seconds is None for limit in limits.values()),
        overdue=sum(_is_overdue(evidence, binding, limits[name]) for name, binding in bindings.items()),
    )


def age_findings(evidence: Evidence) -> Iterator[Finding]:
    """Bound secrets that are overdue by their declared date, whose exemption has ended, or that need a date."""
    bindings = evidence.plan.bindings
    weak = Severity.ERROR if evidence.plan.is_strict else Severity.WARNING
    for name, binding in bindings.secrets.items():
        limit = _limit(evidence, name, binding)
        if limit.until is not None and evidence.at.date() > limit.until:
            message = f"its exemption ended on {limit.until:%Y-%m-%d}"
            yield _at(evidence, binding, "rotation-exemption", message, weak)
        elif binding.rotated is not None and _is_overdue(evidence, binding, limit):
            message = f"it was rotated on {binding.rotated:%Y-%m-%d}, and its limit is {limit.written}"
            yield _at(evidence, binding, "rotation-overdue", message, weak)
        elif evidence.plan.is_strict and _needs_date(evidence, binding, limit):
            message = "its store knows no age, and no date is declared"
            yield _at(evidence, binding, "rotation-undated", message)


def _at(evidence: Evidence, binding: Binding, rule: str, message: str, severity: Severity | None = None) -> Finding:
    file = evidence.plan.bindings.file
    return found(rule, message, key=binding.name, file=file, line=binding.line, severity=severity)


# Where nothing says how old a secret may grow.
_DEFAULT = Limit(seconds=90 * 86400.0, written="90d, by default")


def _limit(evidence: Evidence, name: str, binding: Binding) -> Limit:
    """The most specific limit: of the binding, of the longest pattern, of the store, of all."""
    bindings = evidence.plan.bindings
    matching = [(pattern, limit) for pattern, limit in bindings.rotation.patterns if fnmatchcase(name, pattern)]
    longest = max(matching, key=lambda one: (len(one[0].strip("*")), one[0]), default=None)
    store = bindings.stores.get(binding.reference.partition(":")[0])
    return (
        binding.max_age
        or (longest[1] if longest else None)
        or (store.max_age if store is not None else None)
        or bindings.rotation.max_age
        or _DEFAULT
    )


def _is_overdue(evidence: Evidence, binding: Binding, limit: Limit) -> bool:
    if binding.rotated is None or limit.seconds is None:
        return False
    return evidence.at - binding.rotated >= timedelta(seconds=limit.seconds)


def _needs_date(evidence: Evidence, binding: Binding, limit: Limit) -> bool:
    spec = evidence.plan.specs.get(binding.reference.partition(":")[0])
    return spec is not None and not spec.has_clock and binding.rotated is None and limit.seconds is not None
