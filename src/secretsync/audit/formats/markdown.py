"""An audit as Markdown."""

from __future__ import annotations

from secretsync.audit.formats.shared import (
    Reports,
    ages_line,
    counts_line,
    each_once,
    moment_text,
    place_of,
    sentence_of,
)
from secretsync.core.errors import printable
from secretsync.policy.rules import Severity

__all__ = ["as_markdown"]

_MARKDOWN = str.maketrans({char: f"\\{char}" for char in "\\`*_{}[]<>()#+!|~&"})


# Markdown


def as_markdown(reports: Reports) -> str:
    """For a comment in a code review, or a page."""
    lines: list[str] = []
    fresh = list(each_once(reports))
    for report in reports:
        own = [finding for of, finding in fresh if of is report]
        lines += [
            f"## Audit of {_escaped(report.environment)}",
            "",
            f"{moment_text(report.at)}: {counts_line(report)}.",
            "",
        ]
        if own:
            lines += ["| | Where | What | Next step | Rule |", "|---|---|---|---|---|"]
            for finding in own:
                mark = "**error**" if finding.severity is Severity.ERROR else "warning"
                cells = (place_of(finding), sentence_of(finding), finding.hint)
                lines.append(f"| {mark} | {' | '.join(_escaped(cell) for cell in cells)} | `{finding.rule}` |")
            lines.append("")
        lists = {
            "Ignored": [f"{sentence_of(one.finding)} [{one.finding.rule}]: {one.reason}" for one in report.ignored],
            "Failed": [str(problem) for problem in report.problems],
            "Not checked": list(report.not_checked),
        }
        for title, items in lists.items():
            if items:
                lines += [f"{title}:", "", *(f"- {_escaped(item)}" for item in items), ""]
        lines += [f"Ages: {ages_line(report)}.", ""]
    return "\n".join(lines[:-1]) + "\n"


def _escaped(text: str) -> str:
    """`text` as Markdown shows it as it is, in a cell of a table too."""
    return printable(text).translate(_MARKDOWN)
