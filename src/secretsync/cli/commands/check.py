"""Say whether every secret that the configuration refers to exists.

Asks the stores for metadata only, so no right to read values is needed, and says what it could not check. With
--fetch it reads the values too, and throws them away.
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime

from secretsync.cli.console import print_json, say
from secretsync.cli.loading import access_log, activity_printer, open_plan
from secretsync.cli.options import add_access_log, add_format, add_source
from secretsync.core.errors import Problem, SecretSyncError, worst_status
from secretsync.inspection.check import check
from secretsync.project.layout import named_environment
from secretsync.resolving.pipeline import inspect_plan, resolve_plan

USAGE = "[-e NAME] [--env-file FILE...] [OPTIONS]"
EXAMPLE = "  secretsync check -e production --format json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `check`."""
    add_source(parser)
    parser.add_argument("--fetch", action="store_true", help="read every value, and throw it away")
    add_format(parser)
    add_access_log(parser)


def execute(options: argparse.Namespace) -> int:
    """0, or the status of what is wrong."""
    files = ", ".join(options.env_file or ())
    label = options.environment or named_environment(os.environ) or files or "development"
    not_checked: tuple[str, ...] = ()
    count: int | None
    try:
        plan, environ = open_plan(options, is_judged=True)
        label, on_activity = plan.project.label, activity_printer(options)
        if options.fetch:
            log = access_log(options, environ)
            config = resolve_plan(
                plan,
                environ,
                timeout=options.timeout,
                check_values=True,
                warn=lambda finding: say(f"warning: {finding.problem}"),
                log=log,
                on_activity=on_activity,
            )
            config.resolved()
            problems: tuple[Problem, ...] = ()
            count = None
        else:
            infos = inspect_plan(plan, environ, timeout=options.timeout, on_activity=on_activity)
            checked = check(plan, infos, datetime.now(UTC))
            problems, not_checked, count = checked.problems, checked.not_checked, checked.secrets
    except SecretSyncError as error:
        if options.format != "json":
            raise
        problems, count = error.problems, 0
    if options.format == "json":
        print_json(
            {
                "environment": label,
                "problems": [_as_json(problem) for problem in problems],
                "not_checked": list(not_checked),
            }
        )
    else:
        _print_text(label, problems, not_checked, count, is_quiet=options.quiet)
    return int(worst_status(problem.kind for problem in problems))


def _print_text(
    label: str, problems: tuple[Problem, ...], not_checked: tuple[str, ...], count: int | None, *, is_quiet: bool
) -> None:
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        say(f"{label}: {len(problems)} problem{'s' if len(problems) > 1 else ''}")
    elif not is_quiet:
        found = "every value was read" if count is None else f"{count} secret{'' if count == 1 else 's'} found"
        print(f"{label}: {found}, nothing is missing")
    if not is_quiet:
        for line in not_checked:
            print(f"not checked: {line}")


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
