"""An audit as SARIF: a result for each finding, and a suppressed one for each ignored finding."""

from __future__ import annotations

from secretsync.audit.formats.shared import Reports, read_line, report_rows
from secretsync.core.reporting.rows import ReportRule
from secretsync.core.reporting.sarif import Invocation, write_sarif
from secretsync.core.text import printable
from secretsync.policy.rules import RULES, Severity


def as_sarif(reports: Reports) -> str:
    """Return SARIF 2.1.0, for code scanning."""
    notes = [f"{report.environment}: not checked: {line}" for report in reports for line in report.not_checked]
    notes += [f"{report.environment}: values read: {read_line(report)}" for report in reports]
    invocation = Invocation(
        is_complete=not any(report.problems for report in reports),
        at=max(report.at for report in reports),
        notes=tuple(notes),
    )
    rules = [
        ReportRule(id=rule.id, text=rule.title, hint=rule.hint, is_error=rule.severity is Severity.ERROR)
        for rule in RULES.values()
    ]
    names = [reports[0].project, *([reports[0].environment] if len(reports) == 1 else [])]
    return write_sarif(
        "audit",
        rules,
        report_rows(reports),
        fingerprint="secretsyncAudit/v1",
        category=names,
        invocation=invocation,
        properties={"project": printable(reports[0].project)},
    )
