"""Check that every secret of the configuration exists.

The stores are asked for metadata only, so no permission to read values is needed. The report lists what could not be
checked, and with --strict the exit status is then 1. With --fetch the values are read too, and discarded.
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime

from secretsync.cli import console
from secretsync.cli.each_environment import each_environment
from secretsync.cli.loading import finding_printer, store_access
from secretsync.cli.options import add_access_log, add_format, add_source
from secretsync.core.errors import ExitStatus, Problem, ResolutionError, combined_status, worst_status
from secretsync.core.records import Record
from secretsync.core.secret import Environ
from secretsync.core.text import count_of
from secretsync.inspection.check import check
from secretsync.planning.plan import Plan
from secretsync.resolving.pipeline import resolve_plan

USAGE = "[-e NAME... | --all] [--env-file FILE...] [OPTIONS]"
EXAMPLE = "  secretsync check -e production --strict --format json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `check`."""
    add_source(parser, several=True)
    parser.add_argument("--fetch", action="store_true", help="read every value, and discard it")
    parser.add_argument("--strict", action="store_true", help="end with 1 if something could not be checked")
    add_format(parser)
    add_access_log(parser)


class _Report(Record, kw_only=True):
    """The result for one environment. `secrets`: how many were found; None: every value was read."""

    project: str
    environment: str
    problems: tuple[Problem, ...] = ()
    not_checked: tuple[str, ...] = ()
    secrets: int | None = None

    def exit_status(self, *, is_strict: bool) -> ExitStatus:
        """Return the exit status of the command. `is_strict`: what was not checked counts as a finding."""
        if self.problems:
            return worst_status(problem.kind for problem in self.problems)
        return ExitStatus.FINDINGS if is_strict and self.not_checked else ExitStatus.OK


def execute(options: argparse.Namespace) -> int:
    """Return 0, the status of the problems, or 1 if --strict finds something that was not checked."""
    reports, is_several = each_environment(
        options,
        Environ(os.environ),
        lambda plan, visible: _report(plan, visible, options),
        lambda project, label, problems: _Report(project=project, environment=label, problems=problems),
        keeps_failures=options.format == "json",
        prints_failures=options.format == "json",
    )
    if options.format == "json":
        documents = [_document(report) for report in reports]
        print(console.format_json(console.documents_of(reports[0].project, documents, is_several=is_several)))
    else:
        for report in reports:
            _print_text(report, options)
    return int(combined_status(report.exit_status(is_strict=options.strict) for report in reports))


def _report(plan: Plan, environ: Environ, options: argparse.Namespace) -> _Report:
    label, access = plan.project.label, store_access(options, environ, is_logged=options.fetch)
    if not options.fetch:
        infos, outlines = access.inspect(plan)
        checked = check(plan, infos, datetime.now(UTC), outlines)
        return _Report(
            project=plan.project_name,
            environment=label,
            problems=checked.problems,
            not_checked=checked.not_checked,
            secrets=checked.secrets,
        )
    try:
        resolve_plan(plan, access, check_values=True, warn=finding_printer(options)).resolved()
    except ResolutionError as error:
        return _Report(project=plan.project_name, environment=label, problems=error.problems)
    return _Report(project=plan.project_name, environment=label)


def _print_text(report: _Report, options: argparse.Namespace) -> None:
    label = report.environment
    for problem in report.problems:
        print(problem, file=sys.stderr)
    if report.problems:
        console.info(f"{label}: {count_of(len(report.problems), 'problem')}")
    elif not options.quiet:
        found = "every value was read" if report.secrets is None else f"{count_of(report.secrets, 'secret')} found"
        print(f"{label}: {found}, nothing is missing")
    if not options.quiet:
        for line in report.not_checked:
            print(f"not checked: {line}")
    if options.strict and report.not_checked:
        console.info(f"{label}: not everything was checked (--strict); --fetch reads every value, and discards it")


def _document(report: _Report) -> dict[str, object]:
    return {
        "project": report.project,
        "environment": report.environment,
        "problems": [console.problem_as_json(problem) for problem in report.problems],
        "not_checked": list(report.not_checked),
    }
