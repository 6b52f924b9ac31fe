"""An audit as text for people."""

from __future__ import annotations

from secretsync.audit.formats.shared import Reports, ages_line, counts_line, each_once, place_of, sentence_of
from secretsync.core.errors import printable
from secretsync.policy.findings import RuleFinding


def as_text(reports: Reports) -> str:
    """Return the reports for a terminal: what is wrong and how to fix it, then what was not checked."""
    lines: list[str] = []
    for report, findings in each_once(reports):
        lines.append(f"{report.environment}: {counts_line(report)}")
        for finding in findings:
            lines += [f"  {finding.severity.value:7}  {_line(finding)}", f"           {finding.hint}"]
        lines += [f"  ignored  {_line(ignored.finding)}: {ignored.reason}" for ignored in report.ignored]
        lines += [f"  failed   {problem}" for problem in report.problems]
        lines.append(f"  ages     {ages_line(report)}")
        lines += [f"  not checked  {line}" for line in report.not_checked]
        lines.append("")
    return "\n".join(printable(line) for line in lines[:-1]) + "\n"


def _line(finding: RuleFinding) -> str:
    place = f"{place_of(finding)}: " if finding.file else ""
    return f"{place}{sentence_of(finding)} [{finding.rule}]"
