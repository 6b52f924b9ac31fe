"""An audit as text for people."""

from __future__ import annotations

from secretsync.audit.formats.shared import Reports, ages_line, counts_line, each_once, place_of, sentence_of
from secretsync.core.errors import printable

__all__ = ["as_text"]


# Text


def as_text(reports: Reports) -> str:
    """For people at a terminal: what is wrong and how to mend it, then what was not looked at."""
    lines: list[str] = []
    fresh = list(each_once(reports))
    for report in reports:
        own = [finding for of, finding in fresh if of is report]
        lines.append(f"{report.environment}: {counts_line(report)}")
        for finding in own:
            where = f"{place_of(finding)}: " if finding.file else ""
            lines.append(f"  {finding.severity.value:7}  {where}{sentence_of(finding)} [{finding.rule}]")
            lines.append(f"           {finding.hint}")
        for ignored in report.ignored:
            finding = ignored.finding
            where = f"{place_of(finding)}: " if finding.file else ""
            lines.append(f"  ignored  {where}{sentence_of(finding)} [{finding.rule}]: {ignored.reason}")
        lines += [f"  failed   {problem}" for problem in report.problems]
        lines.append(f"  ages     {ages_line(report)}")
        lines += [f"  not checked  {line}" for line in report.not_checked]
        lines.append("")
    return "\n".join(printable(line) for line in lines[:-1]) + "\n"
