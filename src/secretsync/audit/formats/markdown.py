"""An audit as Markdown."""

from __future__ import annotations

from secretsync.audit.formats.shared import Reports, ages_line, counts_line, each_once, place_of, read_line, sentence_of
from secretsync.core.reporting.markdown import escape_markdown, markdown_list, markdown_table
from secretsync.core.timestamps import format_timestamp
from secretsync.policy.findings import RuleFinding
from secretsync.policy.rules import Severity


def as_markdown(reports: Reports) -> str:
    """Return the reports for a comment in a code review, or for a page."""
    lines: list[str] = []
    for report, findings in each_once(reports):
        lines += [f"## Audit of {escape_markdown(report.project)} {escape_markdown(report.environment)}", ""]
        lines += [f"{format_timestamp(report.at)}: {counts_line(report)}.", ""]
        if findings:
            lines += markdown_table(("", "Where", "What", "Next step", "Rule"), map(_cells, findings))
            lines.append("")
        ignored = [f"{sentence_of(one.finding)} [{one.finding.rule}]: {one.reason}" for one in report.ignored]
        lines += markdown_list("Ignored", ignored)
        lines += markdown_list("Failed", [str(problem) for problem in report.problems])
        lines += markdown_list("Not checked", report.not_checked)
        lines += [f"Ages: {ages_line(report)}.", "", f"Values read: {escape_markdown(read_line(report))}.", ""]
    return "\n".join(lines[:-1]) + "\n"


def _cells(finding: RuleFinding) -> tuple[str, ...]:
    mark = "**error**" if finding.severity is Severity.ERROR else "warning"
    texts = (place_of(finding), sentence_of(finding), finding.hint)
    return (mark, *(escape_markdown(text) for text in texts), f"`{finding.rule}`")
