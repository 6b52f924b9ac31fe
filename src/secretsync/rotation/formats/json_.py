"""Ages of secrets as JSON, schema 1, for programs."""

from __future__ import annotations

import json
from datetime import datetime

from secretsync.core.timestamps import format_timestamp
from secretsync.rotation.formats.document import Document
from secretsync.rotation.report import AgeFinding, Key, ProcessState, RotationReport, RunningVersion, SecretAge


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
        **({"processes": [_process(state) for state in report.processes]} if report.processes else {}),
        "secrets": [_secret(secret) for secret in report.secrets],
    }


def _process(state: ProcessState) -> dict[str, object]:
    return {
        "process": state.process,
        "pid": state.pid,
        "program": state.program,
        "started": _time_or_none(state.started),
        "compared": state.compared,
        "stale": state.stale,
        "since": _time_or_none(state.since),
        "missing": list(state.missing),
    }


def _time_or_none(moment: datetime | None) -> str | None:
    return None if moment is None else format_timestamp(moment)


def _secret(secret: SecretAge) -> dict[str, object]:
    return {
        "keys": sorted({key.name for key in secret.keys}),
        "reference": secret.reference,
        "store": secret.store,
        "provider": secret.provider,
        "version": secret.version,
        "clock": secret.clock.value,
        "created": _time_or_none(secret.created),
        "age_days": secret.age_days,
        "expires": _time_or_none(secret.expires),
        "limit": secret.limit.written,
        "limit_from": secret.limit_from,
        "days_left": secret.days_left,
        "state": secret.state.value,
        "hint": secret.hint,
        "places": _places(secret.keys),
        "findings": [_finding(finding) for finding in secret.findings],
        "notes": list(secret.hints),
        **({"running": [_running(one) for one in secret.running]} if secret.running else {}),
    }


def _running(one: RunningVersion) -> dict[str, object]:
    return {
        "process": one.process,
        "version": one.version,
        "stale": one.is_stale,
        "since": _time_or_none(one.since),
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
