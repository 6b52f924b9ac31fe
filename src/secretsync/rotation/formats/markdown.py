"""Ages of secrets as Markdown, for a comment in a code review or a job summary."""

from __future__ import annotations

from secretsync.core.durations import format_duration
from secretsync.core.reporting.markdown import escape_markdown, markdown_table
from secretsync.core.text import count_of
from secretsync.core.timestamps import format_timestamp
from secretsync.rotation.formats.document import Document, count_states
from secretsync.rotation.report import RotationReport, SecretAge, describe, worst_first

_HEAD = ("State", "Key", "Secret", "Age", "Limit", "Left", "Note")


def render(document: Document) -> str:
    """Return a table for each environment, with its counts. A merge begins with the totals and its reports."""
    lines = _overview(document) if document.is_merged else []
    for report in document.worst_first:
        counts = count_states(report.summary)
        total = count_of(len(report.secrets), "secret") + (f": {counts}" if counts else "")
        lines += [f"## Rotation of {escape_markdown(report.label)}", ""]
        lines += [f"{format_timestamp(report.at)}{_outdated(report)}: {total}.", ""]
        if report.processes:
            lines += [*(f"- {escape_markdown(describe(state))}" for state in report.processes), ""]
        if report.secrets:
            lines += [*markdown_table(_HEAD, map(_cells, worst_first(report.secrets))), ""]
    return "\n".join(lines[:-1]) + "\n"


def _overview(document: Document) -> list[str]:
    counts = count_states(document.summary)
    rows = [
        (
            escape_markdown(report.project),
            escape_markdown(report.environment),
            f"{format_timestamp(report.at)}{_outdated(report)}",
            count_states(report.summary),
        )
        for report in document.worst_first
    ]
    head = ["## Rotation", "", document.totals + (f": {counts}" if counts else "") + ".", ""]
    return [*head, *markdown_table(("Project", "Environment", "Report of", "Secrets"), rows), ""]


def _outdated(report: RotationReport) -> str:
    return "" if report.outdated is None else f", out of date ({format_duration(report.outdated)} old)"


def _cells(secret: SecretAge) -> tuple[str, ...]:
    state = secret.state.value
    left = secret.seconds_left
    texts = (
        secret.key_names,
        secret.reference,
        "" if secret.age is None else format_duration(secret.age),
        secret.limit.written,
        "" if left is None else f"{'-' if left < 0 else ''}{format_duration(abs(left))}",
        secret.hint or "",
    )
    return (f"**{state}**" if secret.findings else state, *(escape_markdown(text) for text in texts))
