"""Show the changes: added, removed, changed, re-pointed (another reference), rotated (another version of a secret).

Without names, the last record of `track` is compared with the present state. A name is HEAD (the last record), HEAD~1
(the record before) or a time. Two names may also be environments. No value of a secret is read or shown.
"""

from __future__ import annotations

import argparse
import os
import sys

from secretsync.cli import console
from secretsync.cli.history import add_history
from secretsync.cli.loading import environment_of, store_access
from secretsync.cli.options import add_format, add_source
from secretsync.cli.output.diff_report import Side, diff_as_json, format_diff
from secretsync.core.errors import ResolutionError, UsageError
from secretsync.core.secret import AnyEnviron, Environ
from secretsync.planning.request import ConfigRequest, load_plan, open_request, requested_project_name
from secretsync.tracking.compare import compare
from secretsync.tracking.history import EnvironmentState
from secretsync.tracking.track import find_record, history_file, is_record_name, present_state, records_of

USAGE = "[RECORD [RECORD] | ENVIRONMENT ENVIRONMENT] [-e NAME] [--env-file FILE...] [OPTIONS]"
EXAMPLE = """  secretsync diff -e production
  secretsync diff -e production HEAD~2 HEAD
  secretsync diff staging production --exit-code"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `diff`."""
    parser.add_argument(
        "names",
        metavar="NAME",
        nargs="*",
        help="HEAD, HEAD~N, or a time such as 2026-11-24T08:00:00Z; or two environments",
    )
    add_source(parser, services=False)
    add_history(parser)
    parser.add_argument("--exit-code", action="store_true", help="end with 1 if there is a difference")
    add_format(parser)


def execute(options: argparse.Namespace) -> int:
    """Return 0; or 1 if --exit-code is given and there is a difference."""
    if len(options.names) > 2:
        raise UsageError("diff takes two names at most")
    environ = Environ(os.environ)
    before, after = _sides(options, environ)
    comparison = compare(before.state, after.state)
    if options.format == "json":
        print(console.format_json({"project": _project(options, environ), **diff_as_json(before, after, comparison)}))
    else:
        sys.stdout.write(format_diff(before, after, comparison, console.look(options), is_quiet=options.quiet))
    return 1 if comparison and options.exit_code else 0


def _project(options: argparse.Namespace, environ: Environ) -> str:
    """Return the name of the project. Of two environments, the first one decides."""
    name = options.names[0] if options.names and not is_record_name(options.names[0]) else options.environment
    source = environment_of(argparse.Namespace(**{**vars(options), "environment": name}), environ)
    return requested_project_name(source, environ)


def _sides(options: argparse.Namespace, environ: Environ) -> tuple[Side, Side]:
    names = options.names or ["HEAD"]
    are_records = [is_record_name(name) for name in names]
    if not any(are_records):
        return _environments(options, names, environ)
    if not all(are_records):
        raise UsageError("name two records of one environment, or two environments, but not one of each")
    source = environment_of(options, environ)
    project = open_request(source, environ)
    records = records_of(project, history_file(project, options.history))
    sides = [
        Side(state=record.state, name=name, record=record)
        for name in names
        for record in [find_record(records, name, project.label)]
    ]
    if len(sides) == 1:
        state = _present(source, environ, options, is_offline=options.offline)
        sides.append(Side(state=state, name=None))
    return sides[0], sides[1]


def _environments(options: argparse.Namespace, names: list[str], environ: Environ) -> tuple[Side, Side]:
    if len(names) == 1:
        raise UsageError(
            "one name must be a record (HEAD, HEAD~1, a time); to compare an environment with its "
            "record, give -e; to compare two environments, name both"
        )
    if options.environment is not None or options.env_file is not None or options.history is not None:
        raise UsageError("two environments are compared in their present state; remove -e, --env-file and --history")
    # The stores are not asked, because the secrets of two environments always differ.
    states = [
        _present(ConfigRequest(environment=name, root=options.root), environ, options, is_offline=True)
        for name in names
    ]
    return Side(state=states[0], name=None), Side(state=states[1], name=None)


def _present(
    source: ConfigRequest, environ: Environ, options: argparse.Namespace, *, is_offline: bool
) -> EnvironmentState:
    plan = load_plan(source, AnyEnviron(environ))
    try:
        return present_state(plan, None if is_offline else store_access(options, environ))
    except ResolutionError:
        console.info("--offline compares the files without versions")
        raise
