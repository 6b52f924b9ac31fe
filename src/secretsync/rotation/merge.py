"""Merge the reports of many projects into one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from secretsync.core.durations import format_duration
from secretsync.core.errors import Problem, ProblemKind
from secretsync.core.records import Record, replace
from secretsync.rotation.age_rules import State
from secretsync.rotation.formats.document import Document
from secretsync.rotation.report import AgeFinding, RotationReport, row_of_environment
from secretsync.rotation.report_file import ReportFileError, parse_reports
from secretsync.rotation.secret_dates import TOLERANCE

# The project of a file that is not a report: nothing in the file is repeated.
_NO_PROJECT = "unknown"


class ReportFile(Record):
    """A file of reports: its name for people, and its bytes, or the reason why it was not read."""

    shown: str
    content: bytes | str


class Merged(Record):
    """The merged document, the problems of the files, and the files with a report that is not the newest."""

    document: Document
    problems: tuple[Problem, ...]
    left_out: tuple[str, ...]


def merge(files: Iterable[ReportFile], now: datetime, outdated_after: float) -> Merged:
    """Return the newest report of each project and environment. A file that is not a report is a row in state error.

    `now`: aware. `outdated_after`: seconds after which a report is out of date, which is a finding.
    """
    newest: dict[tuple[str, str], tuple[str, RotationReport]] = {}
    problems: list[Problem] = []
    left_out: list[str] = []
    for file in files:
        try:
            reports = _reports(file, now)
        except ReportFileError as error:
            problem = Problem(kind=ProblemKind.CONFIGURATION, file=file.shown, cause=error.cause, hint=error.hint)
            problems.append(problem)
            reports = [RotationReport.of_failure(_NO_PROJECT, file.shown, (problem,), now)]
        for report in reports:
            known = newest.get((report.project, report.environment))
            if known is not None and known[1].at > report.at:
                left_out.append(file.shown)
                continue
            if known is not None:
                left_out.append(known[0])
            newest[report.project, report.environment] = (file.shown, report)
    merged = [_marked(report, now, outdated_after) for _, (_, report) in sorted(newest.items())]
    document = Document(at=now, reports=tuple(merged), is_several=True, is_merged=True)
    return Merged(document, tuple(problems), tuple(dict.fromkeys(left_out)))


def _reports(file: ReportFile, now: datetime) -> list[RotationReport]:
    if isinstance(file.content, str):
        raise ReportFileError(file.content, "name a readable file")
    reports = parse_reports(file.content)
    if any(report.at - now > TOLERANCE for report in reports):
        raise ReportFileError("the time of this report is in the future", "compare the clocks of the two machines")
    return reports


def _marked(report: RotationReport, now: datetime, outdated_after: float) -> RotationReport:
    """Return the report with a row in the state unknown if it is out of date."""
    age = (now - report.at).total_seconds()
    if age <= outdated_after:
        return report
    finding = AgeFinding(
        state=State.UNKNOWN,
        reference=report.environment,
        keys=(),
        cause=f"this report is out of date: it is {format_duration(age)} old",
        hint="run check-rotation there again",
    )
    row = row_of_environment(report.environment, State.UNKNOWN, (finding,))
    return replace(report, secrets=(*report.secrets, row), outdated=int(age))
