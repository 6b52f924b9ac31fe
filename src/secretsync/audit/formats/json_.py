"""An audit as JSON."""

from __future__ import annotations

import json

from secretsync.audit.formats.shared import Reports, sentence_of
from secretsync.audit.report import AuditReport
from secretsync.core.text import printable
from secretsync.core.timestamps import format_timestamp
from secretsync.policy.findings import RuleFinding
from secretsync.policy.rules import RULES


def as_json(reports: Reports) -> str:
    """Return schema 1, for programs. One environment is the document itself; several are a list in it."""
    documents = [_document(report) for report in reports]
    content = documents[0] if len(documents) == 1 else {"project": reports[0].project, "environments": documents}
    return json.dumps({"schema": 1, **content}, indent=2) + "\n"


def _document(report: AuditReport) -> dict[str, object]:
    passed = [_row(rule, passed=True) for rule in report.passed]
    failed = [_finding(finding) for finding in report.findings]
    return {
        "project": report.project,
        "environment": report.environment,
        "timestamp": format_timestamp(report.at),
        "online": report.is_online,
        "checks": [*failed, *passed],
        "warnings": [_finding(finding) for finding in report.warnings],
        "errors": [_finding(finding) for finding in report.errors],
        "ignored": [{**_finding(one.finding), "reason": one.reason} for one in report.ignored],
        "failures": [str(problem) for problem in report.problems],
        "rotation": {field: getattr(report.ages, field) for field in ("secrets", "dated", "exempt", "overdue")},
        "values_read": list(report.values_read),
        "not_checked": list(report.not_checked),
    }


def _row(rule: str, *, passed: bool) -> dict[str, object]:
    return {
        "id": rule,
        "name": RULES[rule].title,
        "passed": passed,
        "severity": RULES[rule].severity.value,
        "key": None,
        "message": None,
        "hint": None,
        "file": None,
        "line": None,
    }


def _finding(finding: RuleFinding) -> dict[str, object]:
    return {
        **_row(finding.rule, passed=False),
        "severity": finding.severity.value,
        "key": finding.key,
        "message": printable(sentence_of(finding)),
        "hint": printable(finding.hint),
        "file": None if finding.file is None else printable(finding.file),
        "line": finding.line,
    }
