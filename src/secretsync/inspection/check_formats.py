"""The formats of `check` for other programs: JUnit, SARIF, annotations of GitHub, Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from secretsync.core.errors import Problem, ProblemKind
from secretsync.core.problems.grouping import is_store_failure
from secretsync.core.records import Record
from secretsync.core.reporting.github import write_annotations
from secretsync.core.reporting.junit import Failure, TestCase, TestSuite, write_junit
from secretsync.core.reporting.markdown import escape_markdown, markdown_list, markdown_table
from secretsync.core.reporting.rows import Place, ReportRow, ReportRule
from secretsync.core.reporting.sarif import Invocation, write_sarif
from secretsync.core.text import count_of, printable
from secretsync.core.timestamps import format_timestamp


class CheckReport(Record, kw_only=True):
    """The result of `check` for one environment. `secrets`: how many were found; None: every value was read."""

    project: str
    environment: str
    at: datetime
    problems: tuple[Problem, ...] = ()
    not_checked: tuple[str, ...] = ()
    secrets: int | None = None


Reports = Sequence[CheckReport]

_TEXTS = {
    ProblemKind.CONFIGURATION: "the configuration can be read",
    ProblemKind.MISSING: "every secret exists",
    ProblemKind.UNUSABLE: "every secret can be used",
    ProblemKind.DENIED: "every secret is allowed to this process",
    ProblemKind.UNAVAILABLE: "every store answers",
    ProblemKind.OUTPUT: "every value can be written",
}


def result_of(report: CheckReport) -> str:
    """Return the result in words: `3 secrets found, nothing is missing`, or the number of problems."""
    if report.problems:
        return count_of(len(report.problems), "problem")
    found = "every value was read" if report.secrets is None else f"{count_of(report.secrets, 'secret')} found"
    return f"{found}, nothing is missing"


def _rows(reports: Reports) -> Iterator[ReportRow]:
    for report in reports:
        for problem in report.problems:
            subject = problem.shown_key or problem.store or report.environment
            yield ReportRow(
                rule=f"check/{problem.kind.value}",
                is_error=True,
                message=f"{problem.reference}: {problem.cause}" if problem.reference else problem.cause,
                hint=problem.hint,
                title=f"{subject}: {problem.kind.value} ({report.environment})",
                places=(Place(problem.shown_key, problem.file, problem.line),),
                identity=(report.environment, problem.kind.value, problem.key or "", problem.reference or ""),
                properties=(("project", report.project), ("environment", report.environment)),
            )


def _as_junit(reports: Reports) -> str:
    suites = []
    for report in reports:
        cases = [
            TestCase(
                suite=f"{report.environment}.{problem.store or 'configuration'}",
                name=problem.shown_key or problem.reference or report.environment,
                place=Place(problem.key, problem.file, problem.line),
                failure=Failure(
                    type=problem.kind.value,
                    message=problem.cause,
                    lines=(str(problem),),
                    is_error=is_store_failure(problem.kind),
                ),
            )
            for problem in report.problems
        ]
        notes = "; ".join(f"not checked: {line}" for line in report.not_checked)
        if not cases:
            cases = [TestCase(suite=report.environment, name=result_of(report), output=notes or None)]
        suites.append(TestSuite(name=report.environment, at=report.at, cases=tuple(cases)))
    return write_junit("check", suites)


def _as_sarif(reports: Reports) -> str:
    notes = [f"{report.environment}: not checked: {line}" for report in reports for line in report.not_checked]
    has_failed = any(is_store_failure(problem.kind) for report in reports for problem in report.problems)
    at = max(report.at for report in reports)
    return write_sarif(
        "check",
        [ReportRule(id=f"check/{kind.value}", text=text) for kind, text in _TEXTS.items()],
        _rows(reports),
        fingerprint="secretsyncCheck/v1",
        properties={"project": printable(reports[0].project)},
        category=(reports[0].project, *([reports[0].environment] if len(reports) == 1 else [])),
        invocation=Invocation(is_complete=not has_failed, at=at, notes=tuple(notes)),
    )


def _as_github(reports: Reports) -> str:
    summary = "; ".join(f"{report.environment}: {result_of(report)}" for report in reports)
    return write_annotations(_rows(reports), title="Secrets", summary=summary)


def _as_markdown(reports: Reports) -> str:
    lines: list[str] = []
    for report in reports:
        lines += [f"## Secrets of {escape_markdown(report.environment)}", ""]
        lines += [f"{format_timestamp(report.at)}: {result_of(report)}.", ""]
        if report.problems:
            lines += markdown_table(("Kind", "Where", "Key", "What", "Next step"), map(_cells, report.problems))
            lines.append("")
        lines += markdown_list("Not checked", report.not_checked)
    return "\n".join(lines[:-1]) + "\n"


def _cells(problem: Problem) -> tuple[str, ...]:
    where = ":".join(str(part) for part in (problem.file, problem.line) if part)
    what = f"{problem.reference}: {problem.cause}" if problem.reference else problem.cause
    return (
        problem.kind.value,
        *(escape_markdown(text) for text in (where, problem.shown_key or "", what, problem.hint or "")),
    )


FORMATS: dict[str, Callable[[Reports], str]] = {
    "junit": _as_junit,
    "sarif": _as_sarif,
    "github": _as_github,
    "markdown": _as_markdown,
}
