"""Asking every rule about the evidence, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from secretsync.audit.ages import age_findings, ages
from secretsync.audit.env_files import default_findings, plaintext_findings, url_findings, variable_findings
from secretsync.audit.evidence import Ages, Evidence, GitState
from secretsync.audit.files import git_findings, mode_findings
from secretsync.audit.stores import http_findings, shared_findings, store_findings, unused_findings
from secretsync.core.errors import ExitStatus, Problem, worst_status
from secretsync.core.records import Record
from secretsync.policy.policy_file import Policy
from secretsync.policy.rules import CHECK_RULES, RULES, Finding, Severity, found
from secretsync.policy.validate import judge, unjudged_lines

__all__ = ["AuditReport", "Ignored", "audit"]

_GIT = ("git-tracked", "git-not-ignored", "git-ignores-env")
# Rules that speak only of values, and are asked by `judge`.
_ON_VALUES = ("policy-required", *CHECK_RULES.values(), "debug-off", "secret-key-length", "force-https")
_ON_VALUES += ("session-timeout", "example-value")
_ONLY_STRICT = ("default-on-secret", "development-store", "rotation-undated")


class Ignored(Record, kw_only=True):
    """A finding that the policy ignores."""

    finding: Finding
    reason: str


class AuditReport(Record, kw_only=True):
    """What an audit of one environment found. It has no room for a value."""

    environment: str
    at: datetime
    is_online: bool
    findings: tuple[Finding, ...]  # errors first, then by place
    ignored: tuple[Ignored, ...]
    passed: tuple[str, ...]  # rules that were asked and found nothing, in the order of the table
    not_checked: tuple[str, ...]
    problems: tuple[Problem, ...]  # secrets that their stores did not give
    ages: Ages

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that make an audit fail."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The others."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.WARNING)

    def exit_status(self, *, is_strict: bool = False) -> ExitStatus:
        """What a command ends with: a store's failure before findings. `is_strict`: warnings count too."""
        if self.problems:
            return worst_status(problem.kind for problem in self.problems)
        return ExitStatus.FINDINGS if self.errors or (is_strict and self.findings) else ExitStatus.OK


def audit(evidence: Evidence) -> AuditReport:
    """The report. It depends on nothing but the evidence: the same evidence, the same report."""
    plan, policy, online = evidence.plan, evidence.policy, evidence.online
    verdict = judge(
        policy,
        evidence.subjects,
        is_strict=plan.is_strict,
        environ=evidence.environ,
        services=tuple(plan.services),
        known_services=plan.known_services,
    )
    everything = [*verdict.findings, *_findings(evidence), *(online.findings if online else ())]
    kept, ignored, unused = _ignore(policy, list(dict.fromkeys(everything)), evidence)
    findings = sorted([*kept, *unused], key=_order)
    told = {finding.rule for finding in (*findings, *(one.finding for one in ignored))}
    asked = [rule for rule in RULES if _was_asked(rule, evidence, verdict.asked)]
    return AuditReport(
        environment=plan.project.label,
        at=evidence.at,
        is_online=online is not None,
        findings=tuple(findings),
        ignored=tuple(sorted(ignored, key=lambda one: _order(one.finding))),
        passed=tuple(rule for rule in asked if rule not in told),
        not_checked=(*unjudged_lines(verdict.unjudged), *_not_checked(evidence)),
        problems=online.problems if online else (),
        ages=ages(evidence),
    )


def _findings(evidence: Evidence) -> Iterator[Finding]:
    """What the rules on files, bindings and ages find."""
    plaintext = tuple(plaintext_findings(evidence))
    yield from plaintext
    yield from default_findings(evidence)
    yield from variable_findings(evidence)
    yield from url_findings(evidence)
    # A file is one with plain secrets where that is sure, not where a value merely looks random.
    sure = tuple(
        finding
        for finding in plaintext
        if finding.rule != "plaintext-entropy" and evidence.policy.ignored_by(finding, evidence.at.date()) is None
    )
    yield from mode_findings(evidence, sure)
    yield from git_findings(evidence)
    yield from shared_findings(evidence)
    yield from store_findings(evidence)
    yield from http_findings(evidence)
    yield from unused_findings(evidence)
    yield from age_findings(evidence)


def _ignore(
    policy: Policy, findings: list[Finding], evidence: Evidence
) -> tuple[list[Finding], list[Ignored], list[Finding]]:
    """What is to be reported, what the policy ignores, and what it ignores in vain."""
    kept, ignored, used = [], [], set()
    for finding in findings:
        ignore = policy.ignored_by(finding, evidence.at.date())
        if ignore is None:
            kept.append(finding)
        else:
            used.add(ignore)
            ignored.append(Ignored(finding=finding, reason=ignore.reason))
    unused = [
        found(
            "unused-ignore",
            f"it ended on {ignore.until:%Y-%m-%d}"
            if ignore.until is not None and ignore.until < evidence.at.date()
            else "nothing is ignored by it",
            key=ignore.rule,
            file=policy.file,
            line=ignore.line,
        )
        for ignore in policy.ignores
        # What needs a store's answer may be there, though it was not found offline.
        if ignore not in used and (evidence.online is not None or ignore.rule not in (*_ON_VALUES, "empty-secret"))
    ]
    return kept, ignored, unused


def _order(finding: Finding) -> tuple[bool, str, int, str, str]:
    is_warning = finding.severity is Severity.WARNING
    return (is_warning, finding.file or "", finding.line or 0, finding.rule, finding.key or "")


def _was_asked(rule: str, evidence: Evidence, on_values: frozenset[str]) -> bool:
    if rule in _ON_VALUES:
        return rule in on_values
    if rule in _GIT:
        return isinstance(evidence.git, GitState)
    if rule == "unknown-variable":
        return evidence.online is None
    if rule in ("rotation-due", "empty-secret"):
        return evidence.online is not None
    if rule == "unused-ignore":
        return bool(evidence.policy.ignores)
    return evidence.plan.is_strict or rule not in _ONLY_STRICT


def _not_checked(evidence: Evidence) -> Iterator[str]:
    for name, other in sorted(evidence.others.items()):
        if isinstance(other, str):
            yield f"shared-secret: the environment {name}: {other}"
    if isinstance(evidence.git, str):
        yield f"{', '.join(_GIT)}: {evidence.git}"
    else:
        # Another program may read them: that we cannot is no finding.
        yield from (f"git-tracked: {file.problems[0]}" for file in evidence.git.rendered if file.problems)
        if evidence.git.unread:
            yield f"git-tracked: further files in the form of an env file: {evidence.git.unread}"
    if evidence.online is None:
        if evidence.plan.refs:
            yield "whether the stores have these secrets: no store was asked (--online asks them)"
            yield "the age of secrets beyond declared dates: no store was asked (--online asks them)"
        return
    for problem in evidence.online.problems:
        yield f"{problem.key}: its store gave no value"
    yield from evidence.online.not_checked
