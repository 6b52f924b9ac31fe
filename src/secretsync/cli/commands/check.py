"""Check that every secret of the configuration exists.

The stores are asked for metadata only, so no permission to read values is needed. The report lists what could not be
checked. With --fetch the values are read too, and discarded.
"""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime

from secretsync.cli import console
from secretsync.cli.loading import finding_printer, label_of, open_plan, store_access
from secretsync.cli.options import add_access_log, add_format, add_option, add_source
from secretsync.core.errors import Problem, SecretSyncError, worst_status
from secretsync.inspection.check import check
from secretsync.inspection.check_formats import FORMATS, CheckReport, result_of
from secretsync.resolving.pipeline import resolve_plan

USAGE = "[-e NAME] [--env-file FILE...] [OPTIONS]"
EXAMPLE = "  secretsync check -e production --format json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `check`."""
    add_source(parser)
    parser.add_argument("--fetch", action="store_true", help="read every value, and discard it")
    add_format(parser, ("text", "json", *FORMATS))
    add_option(parser, "--output")
    add_access_log(parser)


def execute(options: argparse.Namespace) -> int:
    """Return 0, or the status of the problems."""
    label = label_of(options, os.environ)
    not_checked: tuple[str, ...] = ()
    count: int | None
    try:
        plan, environ = open_plan(options, is_judged=True)
        label, access = plan.project.label, store_access(options, environ, is_logged=options.fetch)
        if options.fetch:
            resolve_plan(plan, access, check_values=True, warn=finding_printer(options)).resolved()
            problems: tuple[Problem, ...] = ()
            count = None
        else:
            checked = check(plan, access.metadata(plan), datetime.now(UTC))
            problems, not_checked, count = checked.problems, checked.not_checked, checked.secrets
    except SecretSyncError as error:
        if options.format == "text":
            raise
        problems, count = error.problems, 0
    report = CheckReport(
        environment=label, at=datetime.now(UTC), problems=problems, not_checked=not_checked, secrets=count
    )
    if options.format == "text":
        _print_text(report, options)
    else:
        text = FORMATS[options.format]([report]) if options.format in FORMATS else _as_json(report)
        console.write_report(text, options.output)
    return int(worst_status(problem.kind for problem in problems))


def _print_text(report: CheckReport, options: argparse.Namespace) -> None:
    """Print the problems to stderr, and the result as the report."""
    lines = [] if options.quiet else console.labelled_notes("not checked: ", report.not_checked, options)
    if report.problems:
        console.print_causes(report.environment, report.problems, is_verbose=options.verbose)
    elif not options.quiet:
        lines.append(f"{report.environment}: {result_of(report)}")
    if lines or options.output is not None:
        console.write_report("".join(f"{line}\n" for line in lines), options.output)


def _as_json(report: CheckReport) -> str:
    problems = [_problem_as_json(problem) for problem in report.problems]
    document: dict[str, object] = {
        "environment": report.environment,
        "problems": problems,
        "not_checked": list(report.not_checked),
    }
    return console.format_json(document) + "\n"


def _problem_as_json(problem: Problem) -> dict[str, object]:
    return {
        "kind": problem.kind.value,
        "key": problem.key,
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "reference": problem.reference,
        "store": problem.store,
        "cause": problem.cause,
        "hint": problem.hint,
    }
