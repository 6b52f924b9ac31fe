"""Annotations of a GitHub workflow: one for each finding, at the line of the env file."""

from __future__ import annotations

from secretsync.core.errors import printable
from secretsync.core.text import count_of
from secretsync.rotation.formats.document import Document
from secretsync.rotation.report import Finding, RotationReport

__all__ = ["render"]


def render(document: Document) -> str:
    """What counts is an error, all else a warning. The last line, a notice, says how many secrets were looked at."""
    lines = [_annotation(report, finding) for report, finding in document.findings]
    counts = [f"{count} {state.value}" for state, count in document.summary.items() if count]
    total = sum(document.summary.values())
    message = f"{count_of(total, 'secret')}: {', '.join(counts)}" if counts else "no secrets"
    lines.append(f"::notice title={_property('Secret rotation')}::{_data(message)}")
    return "\n".join(lines) + "\n"


def _annotation(report: RotationReport, finding: Finding) -> str:
    first, *others = finding.keys
    title = f"{first.name} is {finding.state.value} ({report.environment})"
    message = f"{finding.reference}: {finding.cause}" + (f"; {finding.hint}" if finding.hint else "")
    if also := [key.name for key in others if key.name != first.name]:
        message += f" (also: {', '.join(dict.fromkeys(also))})"
    place = f"file={_property(first.file)},line={first.line},title={_property(title)}"
    return f"::{'error' if finding.counts else 'warning'} {place}::{_data(message)}"


def _data(text: str) -> str:
    """The text of a workflow command: control characters are escapes already, and no percent sign decodes to one."""
    return printable(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
