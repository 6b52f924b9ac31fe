"""Check every rule on the evidence, and report the results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime

from secretsync.audit import git, values
from secretsync.audit.ages import ages
from secretsync.audit.checks import CHECKS, checks_of, is_checked
from secretsync.audit.evidence import Ages, Evidence, GitFailure
from secretsync.core.errors import ExitStatus, Problem, worst_status
from secretsync.core.records import Record
from secretsync.core.text import by_place, count_of
from secretsync.policy.findings import RuleFinding, found
from secretsync.policy.policy import Ignore, Policy
from secretsync.policy.rules import RULES, Severity
from secretsync.policy.validate import judge, unjudged_lines


class Ignored(Record, kw_only=True):
    """A finding that the policy ignores."""

    finding: RuleFinding
    reason: str


class AuditReport(Record, kw_only=True):
    """The results for one environment. It does not have room for a value."""

    project: str
    environment: str
    at: datetime
    is_online: bool
    findings: tuple[RuleFinding, ...]  # errors first, then by place
    ignored: tuple[Ignored, ...]
    passed: tuple[str, ...]  # rules that were checked and not broken, in the order of the table
    not_checked: tuple[str, ...]
    problems: tuple[Problem, ...]  # secrets without a value from their stores; mistakes that prevent an audit
    ages: Ages
    values_read: tuple[str, ...] = ()  # references of the secrets whose values were read, sorted

    @classmethod
    def of_failure(cls, project: str, environment: str, problems: tuple[Problem, ...], *, at: datetime) -> AuditReport:
        """Return the report on an environment whose files or stores have mistakes that prevent an audit."""
        return cls(
            project=project,
            environment=environment,
            at=at,
            is_online=False,
            findings=(),
            ignored=(),
            passed=(),
            not_checked=(f"every rule: the environment cannot be audited ({count_of(len(problems), 'problem')})",),
            problems=problems,
            ages=Ages(),
        )

    @property
    def errors(self) -> tuple[RuleFinding, ...]:
        """The findings that make an audit fail."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[RuleFinding, ...]:
        """The findings that do not."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.WARNING)

    def exit_status(self, *, is_strict: bool = False) -> ExitStatus:
        """Return the exit status of the command. The failure of a store has precedence over findings.

        `is_strict`: warnings count too.
        """
        if self.problems:
            return worst_status(problem.kind for problem in self.problems)
        return ExitStatus.FINDINGS if self.errors or (is_strict and self.findings) else ExitStatus.OK


def audit(evidence: Evidence) -> AuditReport:
    """Check every rule on the evidence. The report depends on nothing else."""
    plan, policy, online = evidence.plan, evidence.policy, evidence.online
    verdict = judge(
        policy,
        evidence.subjects,
        is_strict=plan.is_strict,
        environ=evidence.environ,
        services=tuple(plan.services),
        known_services=plan.known_services,
    )
    found_by_checks = [finding for check in checks_of(evidence) for finding in check(evidence)]
    kept, ignored = _ignore(policy, [*verdict.findings, *found_by_checks], evidence.at.date())
    findings = sorted([*kept, *_unused_ignores(evidence, ignored)], key=_order)
    broken = {finding.rule for finding in (*findings, *ignored)}
    checked = (rule for rule in RULES if is_checked(rule, evidence) or rule in verdict.asked)
    return AuditReport(
        project=plan.project_name,
        environment=plan.project.label,
        at=evidence.at,
        is_online=online is not None,
        findings=tuple(findings),
        ignored=tuple(
            Ignored(finding=finding, reason=ignored[finding].reason) for finding in sorted(ignored, key=_order)
        ),
        passed=tuple(rule for rule in checked if rule not in broken),
        not_checked=(*unjudged_lines(verdict.unjudged), *_not_checked(evidence)),
        problems=online.problems if online else (),
        ages=ages(evidence),
        values_read=online.values_read if online else (),
    )


def _ignore(
    policy: Policy, findings: list[RuleFinding], today: date
) -> tuple[list[RuleFinding], dict[RuleFinding, Ignore]]:
    """Return the findings that the policy does not ignore, and those that it ignores."""
    kept, ignored = [], {}
    for finding in dict.fromkeys(findings):
        if (ignore := policy.ignored_by(finding, today)) is None:
            kept.append(finding)
        else:
            ignored[finding] = ignore
    return kept, ignored


def _unused_ignores(evidence: Evidence, ignored: Mapping[RuleFinding, Ignore]) -> Iterator[RuleFinding]:
    """Yield a finding for each [[ignore]] of the policy that ignores nothing."""
    policy = evidence.policy
    used = set(ignored.values())
    for ignore in policy.ignores:
        # Without the answers of the stores, a finding on values may exist although it was not found.
        is_on_values = ignore.rule in values.CHECKS or ignore.rule not in CHECKS
        may_be_used = is_on_values and ignore.rule != "unused-ignore" and evidence.online is None
        if ignore in used or may_be_used:
            continue
        has_ended = ignore.until is not None and ignore.until < evidence.at.date()
        message = f"it ended on {ignore.until:%Y-%m-%d}" if has_ended else "nothing is ignored by it"
        yield found("unused-ignore", message, key=ignore.rule, file=policy.file, line=ignore.line)


def _order(finding: RuleFinding) -> tuple[bool, str, int, int, str, str]:
    return (finding.severity is Severity.WARNING, *by_place(finding), finding.rule, finding.key or "")


def _not_checked(evidence: Evidence) -> Iterator[str]:
    for name, other in sorted(evidence.others.items()):
        if isinstance(other, str):
            yield f"shared-secret: the environment {name}: {other}"
    if isinstance(evidence.git, GitFailure):
        yield f"{', '.join(git.ANSWERED)}: {evidence.git.cause}"
    else:
        # Another program may be able to read these files, so an unreadable file is not a finding.
        yield from (f"git-tracked: {file.problems[0]}" for file in evidence.git.rendered if file.problems)
        if evidence.git.unread:
            yield f"git-tracked: further files in the form of an env file: {evidence.git.unread}"
    yield from (f"image-context: {copy.file}: {copy.unread}" for copy in evidence.images if copy.unread)
    if evidence.online is None:
        if evidence.plan.refs:
            yield "whether the stores have these secrets: no store was asked (--online asks them)"
            yield "the age of secrets beyond declared dates: no store was asked (--online asks them)"
        return
    for problem in evidence.online.problems:
        yield f"{problem.key}: its store gave no value"
    yield from evidence.online.not_checked
