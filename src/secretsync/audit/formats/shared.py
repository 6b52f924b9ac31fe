"""What the formats of `audit` share: places, sentences, and each finding once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from secretsync.audit.report import AuditReport
from secretsync.core.text import count_of
from secretsync.policy.rules import Finding

__all__ = ["Reports", "ages_line", "counts_line", "each_once", "moment_text", "place_of", "sentence_of"]

Reports = Sequence[AuditReport]


def moment_text(at: datetime) -> str:
    """A moment in UTC, to the second."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def place_of(finding: Finding) -> str:
    """`file:line`, as far as there are such."""
    return ":".join(str(part) for part in (finding.file, finding.line) if part is not None)


def sentence_of(finding: Finding) -> str:
    """What is wrong, behind its key."""
    return f"{finding.key}: {finding.message}" if finding.key else finding.message


def ages_line(report: AuditReport) -> str:
    """How many secrets have a known age, and how many are overdue."""
    ages = report.ages
    what, dated = ("secrets", "of known age") if report.is_online else ("bound secrets", "with a declared date")
    return f"{ages.secrets} {what}: {ages.dated} {dated}, {ages.exempt} exempt, {ages.overdue} overdue"


def each_once(reports: Reports) -> Iterator[tuple[AuditReport, Finding]]:
    """Each finding once: what several environments share is told with the first."""
    seen: set[Finding] = set()
    for report in reports:
        for finding in report.findings:
            if finding not in seen:
                seen.add(finding)
                yield report, finding


def counts_line(report: AuditReport) -> str:
    """How many errors and warnings there are, of how many rules."""
    asked = len({finding.rule for finding in report.findings} | set(report.passed))
    found = f"{count_of(len(report.errors), 'error')}, {count_of(len(report.warnings), 'warning')}"
    return f"{found}; {count_of(asked, 'rule')} asked, {'online' if report.is_online else 'offline'}"
