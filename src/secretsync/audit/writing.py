"""An audit's reports as text, JSON, SARIF and Markdown: the same reports give the same bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from urllib.parse import quote

from secretsync.audit.report import AuditReport, Ignored
from secretsync.core.errors import printable
from secretsync.policy.rules import RULES, Finding, Severity

__all__ = ["FORMATS", "as_json", "as_markdown", "as_sarif", "as_text"]

Reports = Sequence[AuditReport]

_SARIF = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_MARKDOWN = str.maketrans({char: f"\\{char}" for char in "\\`*_{}[]<>()#+!|~&"})


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _place(finding: Finding) -> str:
    return ":".join(str(part) for part in (finding.file, finding.line) if part is not None)


def _sentence(finding: Finding) -> str:
    return f"{finding.key}: {finding.message}" if finding.key else finding.message


def _ages(report: AuditReport) -> str:
    ages = report.ages
    what, dated = ("secrets", "of known age") if report.is_online else ("bound secrets", "with a declared date")
    return f"{ages.secrets} {what}: {ages.dated} {dated}, {ages.exempt} exempt, {ages.overdue} overdue"


def _fresh(reports: Reports) -> Iterator[tuple[AuditReport, Finding]]:
    """Each finding once: what several environments share is told with the first."""
    seen: set[Finding] = set()
    for report in reports:
        for finding in report.findings:
            if finding not in seen:
                seen.add(finding)
                yield report, finding


# Text


def as_text(reports: Reports) -> str:
    """For people at a terminal: what is wrong and how to mend it, then what was not looked at."""
    lines: list[str] = []
    fresh = list(_fresh(reports))
    for report in reports:
        own = [finding for of, finding in fresh if of is report]
        lines.append(f"{report.environment}: {_counts(report)}")
        for finding in own:
            where = f"{_place(finding)}: " if finding.file else ""
            lines.append(f"  {finding.severity.value:7}  {where}{_sentence(finding)} [{finding.rule}]")
            lines.append(f"           {finding.hint}")
        for ignored in report.ignored:
            finding = ignored.finding
            where = f"{_place(finding)}: " if finding.file else ""
            lines.append(f"  ignored  {where}{_sentence(finding)} [{finding.rule}]: {ignored.reason}")
        lines += [f"  failed   {problem}" for problem in report.problems]
        lines.append(f"  ages     {_ages(report)}")
        lines += [f"  not checked  {line}" for line in report.not_checked]
        lines.append("")
    return "\n".join(printable(line) for line in lines[:-1]) + "\n"


def _counts(report: AuditReport) -> str:
    errors, warnings = len(report.errors), len(report.warnings)
    asked = len({finding.rule for finding in report.findings} | set(report.passed))
    said = f"{errors} error{'' if errors == 1 else 's'}, {warnings} warning{'' if warnings == 1 else 's'}"
    return f"{said}; {asked} rules asked, {'online' if report.is_online else 'offline'}"


# JSON


def as_json(reports: Reports) -> str:
    """Schema 1, for programs. One environment is the document itself; several are a list in it."""
    documents = [_document(report) for report in reports]
    content = documents[0] if len(documents) == 1 else {"environments": documents}
    return json.dumps({"schema": 1, **content}, indent=2) + "\n"


def _document(report: AuditReport) -> dict[str, object]:
    passed = [_row(rule, passed=True) for rule in report.passed]
    failed = [_finding(finding) for finding in report.findings]
    return {
        "environment": report.environment,
        "timestamp": _moment(report.at),
        "online": report.is_online,
        "checks": [*failed, *passed],
        "warnings": [_finding(finding) for finding in report.warnings],
        "errors": [_finding(finding) for finding in report.errors],
        "ignored": [{**_finding(one.finding), "reason": one.reason} for one in report.ignored],
        "failures": [str(problem) for problem in report.problems],
        "rotation": {field: getattr(report.ages, field) for field in ("secrets", "dated", "exempt", "overdue")},
        "not_checked": list(report.not_checked),
    }


def _row(rule: str, *, passed: bool) -> dict[str, object]:
    of = RULES[rule]
    return {
        "id": rule,
        "name": of.title,
        "passed": passed,
        "severity": of.severity.value,
        "key": None,
        "message": None,
        "hint": None,
        "file": None,
        "line": None,
    }


def _finding(finding: Finding) -> dict[str, object]:
    return {
        **_row(finding.rule, passed=False),
        "severity": finding.severity.value,
        "key": finding.key,
        "message": printable(_sentence(finding)),
        "hint": printable(finding.hint),
        "file": None if finding.file is None else printable(finding.file),
        "line": finding.line,
    }


# SARIF


def as_sarif(reports: Reports) -> str:
    """SARIF 2.1.0, for code scanning: a result for each finding, ignored ones as suppressed."""
    from secretsync import __version__

    ids = list(RULES)
    results = [_result(report, finding, ids, None) for report, finding in _fresh(reports)]
    results += [_result(report, one.finding, ids, one) for report in reports for one in report.ignored]
    notes = [f"{report.environment}: not checked: {line}" for report in reports for line in report.not_checked]
    run = {
        "tool": {
            "driver": {
                "name": "secretsync audit",
                "version": __version__,
                "rules": [
                    {
                        "id": rule.id,
                        "shortDescription": {"text": rule.title},
                        "help": {"text": rule.hint},
                        "defaultConfiguration": {"level": rule.severity.value},
                    }
                    for rule in RULES.values()
                ],
            }
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": not any(report.problems for report in reports),
                "endTimeUtc": _moment(max(report.at for report in reports)),
                "toolExecutionNotifications": [
                    {"level": "note", "message": {"text": printable(note)}} for note in notes
                ],
            }
        ],
        "results": results,
    }
    return json.dumps({"$schema": _SARIF, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _result(report: AuditReport, finding: Finding, ids: list[str], ignored: Ignored | None) -> dict[str, object]:
    result: dict[str, object] = {
        "ruleId": finding.rule,
        "ruleIndex": ids.index(finding.rule),
        "level": finding.severity.value,
        "message": {"text": printable(f"{_sentence(finding)}; {finding.hint}")},
        # Lines move: the same finding in another line is no new one.
        "partialFingerprints": {"secretsyncAudit/v1": _identity(report, finding)},
        "properties": {"environment": printable(report.environment)},
    }
    if finding.file is not None:
        path = quote(finding.file.encode("utf-8", "surrogateescape"))
        artifact = {"uri": f"file://{path}"} if path.startswith("/") else {"uri": path, "uriBaseId": "%SRCROOT%"}
        location: dict[str, object] = {"artifactLocation": artifact}
        if finding.line is not None:
            location["region"] = {"startLine": finding.line}
        result["locations"] = [{"physicalLocation": location}]
    if ignored is not None:
        result["suppressions"] = [{"kind": "external", "justification": printable(ignored.reason)}]
    return result


def _identity(report: AuditReport, finding: Finding) -> str:
    import hashlib

    text = "\0".join([report.environment, finding.rule, finding.file or "", finding.key or ""])
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


# Markdown


def as_markdown(reports: Reports) -> str:
    """For a comment in a code review, or a page."""
    lines: list[str] = []
    fresh = list(_fresh(reports))
    for report in reports:
        own = [finding for of, finding in fresh if of is report]
        lines += [f"## Audit of {_escaped(report.environment)}", "", f"{_moment(report.at)}: {_counts(report)}.", ""]
        if own:
            lines += ["| | Where | What | Next step | Rule |", "|---|---|---|---|---|"]
            for finding in own:
                mark = "**error**" if finding.severity is Severity.ERROR else "warning"
                cells = (_place(finding), _sentence(finding), finding.hint)
                lines.append(f"| {mark} | {' | '.join(_escaped(cell) for cell in cells)} | `{finding.rule}` |")
            lines.append("")
        lists = {
            "Ignored": [f"{_sentence(one.finding)} [{one.finding.rule}]: {one.reason}" for one in report.ignored],
            "Failed": [str(problem) for problem in report.problems],
            "Not checked": list(report.not_checked),
        }
        for title, items in lists.items():
            if items:
                lines += [f"{title}:", "", *(f"- {_escaped(item)}" for item in items), ""]
        lines += [f"Ages: {_ages(report)}.", ""]
    return "\n".join(lines[:-1]) + "\n"


def _escaped(text: str) -> str:
    """`text` as Markdown shows it as it is, in a cell of a table too."""
    return printable(text).translate(_MARKDOWN)


FORMATS: dict[str, Callable[[Reports], str]] = {
    "text": as_text,
    "json": as_json,
    "sarif": as_sarif,
    "markdown": as_markdown,
}
