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
from secretsync.cli.options import add_access_log, add_format, add_source
from secretsync.core.errors import Problem, SecretSyncError, worst_status
from secretsync.core.text import count_of
from secretsync.inspection.check import check
from secretsync.resolving.pipeline import resolve_plan

USAGE = "[-e NAME] [--env-file FILE...] [OPTIONS]"
EXAMPLE = "  secretsync check -e production --format json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `check`."""
    add_source(parser)
    parser.add_argument("--fetch", action="store_true", help="read every value, and discard it")
    add_format(parser)
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
        if options.format != "json":
            raise
        problems, count = error.problems, 0
    if options.format == "json":
        rows = [_as_json(problem) for problem in problems]
        print(console.format_json({"environment": label, "problems": rows, "not_checked": list(not_checked)}))
    else:
        _print_text(label, problems, not_checked, count, options)
    return int(worst_status(problem.kind for problem in problems))


def _print_text(
    label: str,
    problems: tuple[Problem, ...],
    not_checked: tuple[str, ...],
    count: int | None,
    options: argparse.Namespace,
) -> None:
    console.print_causes(problems, is_verbose=options.verbose)
    if not options.quiet:
        console.print_notes("not checked", not_checked, options)
    if problems:
        console.info(f"{label}: {count_of(len(problems), 'problem')}")
    elif not options.quiet:
        found = "every value was read" if count is None else f"{count_of(count, 'secret')} found"
        print(f"{label}: {found}, nothing is missing")


def _as_json(problem: Problem) -> dict[str, object]:
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
