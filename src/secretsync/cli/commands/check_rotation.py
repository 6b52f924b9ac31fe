"""Compare the ages of the secrets of the configuration with the policy.

The stores are asked for metadata only, so no permission to read values is needed. The exit status is 1 if a secret is
overdue, expired, or of unknown age in a strict environment. It is 3, 4 or 5 if a store did not return a usable secret.
With --running it is also 1 if a process was started with another version of a secret than its store has.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from datetime import UTC, datetime

from secretsync.cli import console
from secretsync.cli.each_environment import each_environment
from secretsync.cli.loading import hide_memory, store_access
from secretsync.cli.options import add_format, add_option, add_source, timestamp
from secretsync.cli.output.progress_bar import ProgressBar
from secretsync.core.errors import UsageError
from secretsync.core.secret import Environ
from secretsync.core.text import printable
from secretsync.planning.plan import Plan
from secretsync.resolving.requests.activity import StoreActivity
from secretsync.resolving.started import Started
from secretsync.rotation import formats
from secretsync.rotation.check import rotation_of_plan
from secretsync.rotation.formats.document import Document
from secretsync.rotation.report import RotationReport

USAGE = "[-e NAME... | --all] [--env-file FILE...] [OPTIONS]"
EXAMPLE = "  secretsync check-rotation -e production --format html --output rotation.html"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `check-rotation`."""
    add_source(parser, several=True)
    parser.add_argument(
        "--from",
        dest="manifests",
        metavar="FILE",
        action="append",
        help="check the secrets in manifests instead: JSON of `kubectl get externalsecrets,secretstores -o json` or of "
        "an ECS task definition; - for standard input; may be repeated; --bindings has the limits",
    )
    parser.add_argument(
        "--running",
        metavar="FILE|PID",
        nargs="+",
        action="extend",
        help="compare the versions that processes were started with: their ids, or files of `run --record`; without -e "
        "the configuration is that of each process; may be repeated",
    )
    parser.add_argument(
        "--at",
        metavar="TIME",
        type=timestamp,
        help="report the ages at another time: 2027-01-01, or a time of RFC 3339",
    )
    parser.add_argument(
        "--strict", action="store_true", help="secrets that are due or of unknown age count as findings"
    )
    add_format(parser, formats.FORMATS, default="table")
    add_option(parser, "--output")


def execute(options: argparse.Namespace) -> int:
    """Return 0, or the status of the findings."""
    environ = Environ(os.environ)
    if options.manifests:
        if options.running:
            raise UsageError("--running compares the secrets of env files; remove --from")
        return _check_manifests(options, environ)
    if options.running:
        reports, is_several = _check_running(options, environ)
    else:
        reports, is_several = each_environment(
            options,
            environ,
            lambda plan, visible: _report(plan, options, visible),
            lambda project, label, problems: RotationReport.of_failure(
                project, label, problems, options.at or datetime.now(UTC)
            ),
        )
    at = options.at or max(report.at for report in reports)
    document = Document(at=at, reports=tuple(reports), is_several=is_several, look=console.look(options))
    console.write_report(formats.render(options.format, document), options.output)
    return int(document.exit_status)


def _check_manifests(options: argparse.Namespace, environ: Environ) -> int:
    """Report on the secrets in manifests. A reference that cannot be checked is a finding."""
    from secretsync.cli.manifest_plan import plan_of_manifests  # Imported only for --from.

    plan, unchecked = plan_of_manifests(options, environ)
    report = _report(plan, options, environ)
    document = Document(at=options.at or report.at, reports=(report,), is_several=False, look=console.look(options))
    console.write_report(formats.render(options.format, document), options.output)
    return int(document.exit_status) or int(unchecked > 0)


def _check_running(options: argparse.Namespace, environ: Environ) -> tuple[list[RotationReport], bool]:
    """Compare processes. All of them are read before a store is asked."""
    from secretsync.cli.running import reports_of, started_of  # Imported only for --running.

    if options.at is not None:
        raise UsageError("--running compares the versions of now; remove --at")
    hide_memory(options)  # The variables of the processes contain values.
    processes = [started_of(text) for text in dict.fromkeys(options.running)]
    return reports_of(
        processes, options, environ, lambda plan, visible, of_plan: _report(plan, options, visible, of_plan)
    )


def _report(
    plan: Plan, options: argparse.Namespace, environ: Environ, processes: Sequence[Started] = ()
) -> RotationReport:
    activities: list[StoreActivity] = []  # printed after the bar is removed
    bar = ProgressBar(f"secretsync: {printable(plan.project.label)}", is_quiet=options.quiet)
    try:
        access = store_access(options, environ, on_activity=activities.append, progress=bar)
        return rotation_of_plan(plan, access, now=options.at, strict=options.strict, processes=processes)
    finally:
        bar.end()
        for activity in activities:
            console.info(str(activity))
