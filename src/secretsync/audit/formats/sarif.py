"""An audit as SARIF 2.1.0."""

from __future__ import annotations

import json
from urllib.parse import quote

from secretsync.audit.formats.shared import Reports, each_once, moment_text, sentence_of
from secretsync.audit.report import AuditReport, Ignored
from secretsync.core.errors import printable
from secretsync.policy.rules import RULES, Finding

__all__ = ["as_sarif"]

_SARIF = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


# SARIF


def as_sarif(reports: Reports) -> str:
    """SARIF 2.1.0, for code scanning: a result for each finding, ignored ones as suppressed."""
    from secretsync.core.version import __version__

    ids = list(RULES)
    results = [_result(report, finding, ids, None) for report, finding in each_once(reports)]
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
                "endTimeUtc": moment_text(max(report.at for report in reports)),
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
        "message": {"text": printable(f"{sentence_of(finding)}; {finding.hint}")},
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
