"""Parts of an audit's formats: places, sentences, counts, and each finding once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from secretsync.audit.report import AuditReport
from secretsync.core.problems.grouping import first_of
from secretsync.core.reporting.rows import Place, ReportRow
from secretsync.core.text import count_of
from secretsync.policy.findings import RuleFinding
from secretsync.policy.rules import Severity

Reports = Sequence[AuditReport]


def place_of(finding: RuleFinding) -> str:
    """Return `file:line`, without the parts that are not known."""
    return ":".join(str(part) for part in (finding.file, finding.line) if part is not None)


def sentence_of(finding: RuleFinding) -> str:
    """Return the message of a finding, after its key."""
    return f"{finding.key}: {finding.message}" if finding.key else finding.message


def ages_line(report: AuditReport) -> str:
    """Return how many secrets have a known age, and how many are overdue."""
    ages = report.ages
    what, dated = ("secret", "of known age") if report.is_online else ("bound secret", "with a declared date")
    return f"{count_of(ages.secrets, what)}: {ages.dated} {dated}, {ages.exempt} exempt, {ages.overdue} overdue"


def read_line(report: AuditReport, *, is_verbose: bool = True) -> str:
    """Return which values of secrets were read. `is_verbose`: name all of them, not only the first."""
    if not report.values_read:
        return "no value of a secret was read"
    names = report.values_read
    return f"{count_of(len(names), 'secret')}: {first_of(names, len(names) if is_verbose else 3)}"


def counts_line(report: AuditReport) -> str:
    """Return how many errors and warnings were found, and how many rules were checked."""
    asked = len({finding.rule for finding in report.findings} | set(report.passed))
    found = f"{count_of(len(report.errors), 'error')}, {count_of(len(report.warnings), 'warning')}"
    if report.problems:
        found += f", {count_of(len(report.problems), 'failure')}"
    return f"{found}; {count_of(asked, 'rule')} checked, {'online' if report.is_online else 'offline'}"


def total_line(reports: Reports) -> str:
    """Return how many errors and warnings were found in all environments, each finding once."""
    found = [finding for _, findings in each_once(reports) for finding in findings]
    errors = sum(finding.severity is Severity.ERROR for finding in found)
    failures = sum(len(report.problems) for report in reports)
    failed = f", {count_of(failures, 'failure')}" if failures else ""
    return (
        f"{len(reports)} environments: {count_of(errors, 'error')}, {count_of(len(found) - errors, 'warning')}{failed}"
    )


def each_once(reports: Reports) -> Iterator[tuple[AuditReport, list[RuleFinding]]]:
    """Yield each report with its findings, without those that an earlier report has too."""
    seen: set[RuleFinding] = set()
    for report in reports:
        yield report, [finding for finding in report.findings if finding not in seen]
        seen.update(report.findings)


def report_rows(reports: Reports) -> Iterator[ReportRow]:
    """Yield the findings of all reports, each once, and then the ignored findings of all reports."""
    for report, findings in each_once(reports):
        for finding in findings:
            yield _row(report, finding)
    for report in reports:
        for ignored in report.ignored:
            yield _row(report, ignored.finding, ignored.reason)


def _row(report: AuditReport, finding: RuleFinding, ignored_because: str | None = None) -> ReportRow:
    return ReportRow(
        rule=finding.rule,
        is_error=finding.severity is Severity.ERROR,
        message=finding.message,
        hint=finding.hint,
        title=f"{finding.rule} ({report.project}, {report.environment})",
        places=(Place(finding.key, finding.file, finding.line),),
        identity=(report.environment, finding.rule, finding.file or "", finding.key or ""),
        properties=(
            ("project", report.project),
            ("environment", report.environment),
        ),
        ignored_because=ignored_because,
    )
