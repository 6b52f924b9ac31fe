"""An audit as JUnit XML: a suite for each environment, a test case for each rule that held and for each finding."""

from __future__ import annotations

from collections.abc import Iterator

from secretsync.audit.formats.shared import Reports, each_once, sentence_of
from secretsync.audit.report import AuditReport
from secretsync.core.reporting.junit import Failure, TestCase, TestSuite, write_junit
from secretsync.core.reporting.rows import Place
from secretsync.policy.findings import RuleFinding
from secretsync.policy.rules import RULES, Severity


def as_junit(reports: Reports) -> str:
    """Return the suites. An error is a failure; a warning is a note on a case that passed."""
    suites = [
        TestSuite(name=report.environment, at=report.at, cases=tuple(_cases(report, findings)))
        for report, findings in each_once(reports)
    ]
    return write_junit("audit", suites)


def _cases(report: AuditReport, findings: list[RuleFinding]) -> Iterator[TestCase]:
    suite = f"{report.environment}.audit"
    for finding in findings:
        advice = f"{sentence_of(finding)}; {finding.hint}"
        is_error = finding.severity is Severity.ERROR
        yield TestCase(
            suite=suite,
            name=f"{finding.rule}: {finding.key or finding.file or report.environment}",
            place=Place(finding.key, finding.file, finding.line),
            failure=Failure(type=finding.rule, message=sentence_of(finding), lines=(advice,)) if is_error else None,
            output=None if is_error else f"warning: {advice}",
        )
    for problem in report.problems:
        yield TestCase(
            suite=suite,
            name=problem.shown_key or problem.store or report.environment,
            place=Place(problem.key, problem.file, problem.line),
            failure=Failure(type=problem.kind.value, message=problem.cause, lines=(str(problem),), is_error=True),
        )
    yield from (TestCase(suite=suite, name=f"{rule}: {RULES[rule].title}") for rule in report.passed)
