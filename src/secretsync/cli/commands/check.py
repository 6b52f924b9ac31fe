"""Check that every secret of the configuration exists.

The stores are asked for metadata only, so no permission to read values is needed. The report lists what could not be
checked, and with --strict the exit status is then 1. With --fetch the values are read too, and discarded.
"""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime

from secretsync.cli import console
from secretsync.cli.each_environment import each_environment
from secretsync.cli.loading import finding_printer, store_access
from secretsync.cli.options import add_access_log, add_format, add_option, add_source
from secretsync.core.errors import ExitStatus, ResolutionError, combined_status, worst_status
from secretsync.core.secret import Environ
from secretsync.inspection.check import check
from secretsync.inspection.check_formats import FORMATS, CheckReport, result_of
from secretsync.planning.plan import Plan
from secretsync.resolving.pipeline import resolve_plan

USAGE = "[-e NAME... | --all] [--env-file FILE...] [OPTIONS]"
EXAMPLE = "  secretsync check -e production --strict --format json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `check`."""
    add_source(parser, several=True)
    parser.add_argument("--fetch", action="store_true", help="read every value, and discard it")
    parser.add_argument("--strict", action="store_true", help="end with 1 if something could not be checked")
    add_format(parser, ("text", "json", *FORMATS))
    add_option(parser, "--output")
    add_access_log(parser)


def execute(options: argparse.Namespace) -> int:
    """Return 0, the status of the problems, or 1 if --strict finds something that was not checked."""
    reports, is_several = each_environment(
        options,
        Environ(os.environ),
        lambda plan, visible: _report(plan, visible, options),
        lambda project, label, problems: CheckReport(
            project=project, environment=label, at=datetime.now(UTC), problems=problems, secrets=0
        ),
        keeps_failures=options.format != "text",
        prints_failures=options.format != "text",
    )
    if options.format == "text":
        text = "".join(f"{line}\n" for report in reports for line in _lines(report, options))
        if text or options.output is not None:
            console.write_report(text, options.output)
    elif options.format == "json":
        documents = [_document(report) for report in reports]
        document = console.documents_of(reports[0].project, documents, is_several=is_several)
        console.write_report(console.format_json(document) + "\n", options.output)
    else:
        console.write_report(FORMATS[options.format](reports), options.output)
    return int(combined_status(_exit_status(report, options) for report in reports))


def _report(plan: Plan, environ: Environ, options: argparse.Namespace) -> CheckReport:
    label, access = plan.project.label, store_access(options, environ, is_logged=options.fetch)
    now = datetime.now(UTC)
    if not options.fetch:
        infos, outlines = access.inspect(plan)
        checked = check(plan, infos, now, outlines)
        return CheckReport(
            project=plan.project_name,
            environment=label,
            at=now,
            problems=checked.problems,
            not_checked=checked.not_checked,
            secrets=checked.secrets,
        )
    try:
        resolve_plan(plan, access, check_values=True, warn=finding_printer(options)).resolved()
    except ResolutionError as error:
        return CheckReport(project=plan.project_name, environment=label, at=now, problems=error.problems)
    return CheckReport(project=plan.project_name, environment=label, at=now)


def _exit_status(report: CheckReport, options: argparse.Namespace) -> ExitStatus:
    if report.problems:
        return worst_status(problem.kind for problem in report.problems)
    return ExitStatus.FINDINGS if options.strict and report.not_checked else ExitStatus.OK


def _lines(report: CheckReport, options: argparse.Namespace) -> list[str]:
    """Print the problems of an environment to stderr. Return the lines of its report."""
    lines = [] if options.quiet else console.labelled_notes("not checked: ", report.not_checked, options)
    if report.problems:
        console.print_causes(report.environment, report.problems, is_verbose=options.verbose)
    elif not options.quiet:
        lines.append(f"{report.environment}: {result_of(report)}")
    if options.strict and report.not_checked:
        console.info(
            f"{report.environment}: not everything was checked (--strict); --fetch reads every value, and discards it"
        )
    return lines


def _document(report: CheckReport) -> dict[str, object]:
    return {
        "project": report.project,
        "environment": report.environment,
        "problems": [console.problem_as_json(problem) for problem in report.problems],
        "not_checked": list(report.not_checked),
    }
