"""An audit as text for people."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

from secretsync.audit.formats.shared import (
    Reports,
    ages_line,
    counts_line,
    each_once,
    place_of,
    read_line,
    sentence_of,
    total_line,
)
from secretsync.audit.report import AuditReport
from secretsync.core.problems.grouping import SHOWN, first_of, grouped, problem_lines
from secretsync.core.reporting.layout import hanging
from secretsync.core.reporting.notes import note_lines
from secretsync.core.reporting.terminal import PLAIN, Colour, Look
from secretsync.core.text import count_of, printable
from secretsync.policy.findings import RuleFinding
from secretsync.policy.rules import Severity

_COLOURS = {Severity.ERROR: Colour.RED, Severity.WARNING: Colour.YELLOW}


def as_text(reports: Reports, look: Look = PLAIN) -> str:
    """Return the reports for a terminal: what is wrong and how to fix it, what was not checked, and the counts."""
    lines: list[str] = []
    for report, findings in each_once(reports):
        for label, text, colour in _parts(report, findings, look):
            lines += hanging(label, printable(text), look, colour)
        lines.append("")
    if len(reports) > 1:
        lines += [*hanging("", total_line(reports), look), ""]
    return "\n".join(lines[:-1]) + "\n"


def _parts(
    report: AuditReport, findings: Sequence[RuleFinding], look: Look
) -> Iterator[tuple[str, str, Colour | None]]:
    """Yield the label, the text and the colour of each part of a report."""
    yield "", report.environment, None
    groups = [[finding] for finding in findings]
    if not look.is_verbose:
        groups = grouped(findings, _cause, lambda group: len(group) > SHOWN)
    for group in groups:
        severity = group[0].severity
        line = _line(group[0]) if len(group) == 1 else _line_of_all(group)
        yield f"  {severity.value:7}  ", line, _COLOURS[severity]
        yield "           ", group[0].hint, None
    for ignored in report.ignored:
        yield "  ignored  ", f"{_line(ignored.finding)}: {ignored.reason}", Colour.DIM
    problems = [str(problem) for problem in report.problems] if look.is_verbose else problem_lines(report.problems)
    for problem in problems:
        yield "  failed   ", problem, Colour.MAGENTA
    if len(problems) < len(report.problems):
        yield "           ", "-v lists all of them", None
    yield "  ages     ", ages_line(report), None
    yield "  read     ", read_line(report, is_verbose=look.is_verbose), None
    for note in note_lines(report.not_checked, is_verbose=look.is_verbose):
        yield "  not checked  ", note, Colour.BLUE
    yield "", f"{report.environment}: {counts_line(report)}", Colour.BOLD


def _cause(finding: RuleFinding) -> Hashable:
    return (finding.rule, finding.severity, finding.message, finding.hint)


def _line(finding: RuleFinding) -> str:
    place = f"{place_of(finding)}: " if finding.file else ""
    return f"{place}{sentence_of(finding)} [{finding.rule}]"


def _line_of_all(group: Sequence[RuleFinding]) -> str:
    """Return the line of findings with one cause, which names the first of them."""
    first = group[0]
    names = [finding.key or place_of(finding) for finding in group]
    place = f"{place_of(first)}: " if first.file else ""
    return f"{place}{count_of(len(group), 'place')} ({first_of(names, SHOWN)}): {first.message} [{first.rule}]"
