"""Ages of secrets as JSON, schema 1, for programs."""

from __future__ import annotations

import json

from secretsync.core.timestamps import format_timestamp
from secretsync.rotation.formats.document import Document
from secretsync.rotation.report import AgeFinding, Key, RotationReport, SecretAge


def render(document: Document) -> str:
    """Return one environment as the document itself, or several as a list of such documents."""
    content: dict[str, object]
    if document.is_several:
        content = {
            "project": document.project,
            "at": format_timestamp(document.at),
            **(_totals(document) if document.is_merged else {}),
            "summary": {state.value: count for state, count in document.summary.items()},
            "environments": [_report(report, is_merged=document.is_merged) for report in document.reports],
        }
    else:
        content = _report(document.reports[0])
    # Only ASCII, so that a character in a name cannot change the direction of a terminal's text.
    return json.dumps({"schema": 1, **content}, indent=2) + "\n"


def _totals(document: Document) -> dict[str, object]:
    return {
        "projects": len({report.project for report in document.reports}),
        "outdated": sum(report.outdated is not None for report in document.reports),
    }


def _report(report: RotationReport, *, is_merged: bool = False) -> dict[str, object]:
    return {
        "project": report.project,
        "environment": report.environment,
        "at": format_timestamp(report.at),
        "forecast": report.is_forecast,
        **({"outdated": report.outdated is not None} if is_merged else {}),
        "summary": {state.value: count for state, count in report.summary.items()},
        "secrets": [_secret(secret) for secret in report.secrets],
    }


def _secret(secret: SecretAge) -> dict[str, object]:
    return {
        "keys": sorted({key.name for key in secret.keys}),
        "reference": secret.reference,
        "store": secret.store,
        "provider": secret.provider,
        "version": secret.version,
        "clock": secret.clock.value,
        "created": None if secret.created is None else format_timestamp(secret.created),
        "age_days": secret.age_days,
        "expires": None if secret.expires is None else format_timestamp(secret.expires),
        "limit": secret.limit.written,
        "limit_from": secret.limit_from,
        "days_left": secret.days_left,
        "state": secret.state.value,
        "hint": secret.hint,
        "places": _places(secret.keys),
        "findings": [_finding(finding) for finding in secret.findings],
        "notes": list(secret.hints),
    }


def _finding(finding: AgeFinding) -> dict[str, object]:
    return {
        "state": finding.state.value,
        "counts": finding.counts,
        "cause": finding.cause,
        "hint": finding.hint,
        "kind": None if finding.kind is None else finding.kind.value,
        "places": _places(finding.keys),
    }


def _places(keys: tuple[Key, ...]) -> list[dict[str, object]]:
    return [{"key": key.name, "file": key.file, "line": key.line} for key in keys]
