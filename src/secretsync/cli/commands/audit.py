"""Judge a configuration before it is deployed: values against the policy, plain secrets, files, git, bindings.

Without --online no store is asked and no secret is read: what only a store could say is listed as not checked. Ends
with 1 where there is an error.
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime

from secretsync.audit.collect import audit_plan
from secretsync.audit.formats import FORMATS
from secretsync.audit.formats.json_ import as_json
from secretsync.audit.report import AuditReport
from secretsync.cli.console import say, table
from secretsync.cli.loading import open_plans, store_access
from secretsync.cli.options import add_access_log, add_source
from secretsync.core.atomic_write import write_file
from secretsync.core.environ import AnyEnviron, Environ
from secretsync.core.errors import ExitStatus, OutputError
from secretsync.policy.rules import RULES

USAGE = "[-e NAME... | --all] [--env-file FILE...] [OPTIONS]"
EXAMPLE = "  secretsync audit -e production --strict --save audits"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `audit`."""
    add_source(parser, several=True)
    add_access_log(parser)
    parser.add_argument(
        "--online", action="store_true", help="ask the stores: judge the values of secrets and their ages too"
    )
    parser.add_argument("--strict", action="store_true", help="warnings count too")
    parser.add_argument(
        "--format", metavar="FORMAT", choices=list(FORMATS), default="text", help=f"{', '.join(FORMATS)}"
    )
    parser.add_argument(
        "--save", metavar="DIR", nargs="?", const=".", help="write the report as dated JSON into DIR too (default: .)"
    )
    parser.add_argument("--rules", action="store_true", help="list the rules, and do nothing else")


def execute(options: argparse.Namespace) -> int:
    """0, 1 where there is an error, or the status of what stores did not give."""
    if options.rules:
        rows = [(rule.id, rule.severity.value, rule.title, rule.scope.value) for rule in RULES.values()]
        print(table(("RULE", "SEVERITY", "ASKS THAT", "WHERE"), rows))
        return 0
    environ = Environ(os.environ)
    at = datetime.now(UTC)
    reports = _reports(options, environ, at)
    sys.stdout.buffer.write(FORMATS[options.format](reports).encode("utf-8", "backslashreplace"))
    if options.save is not None:
        _save(options, reports, at)
    return max_status([report.exit_status(is_strict=options.strict) for report in reports])


def max_status(statuses: list[ExitStatus]) -> int:
    """The status of several: what stores did not give goes before findings, the lowest first."""
    failures = [status for status in statuses if status > ExitStatus.FINDINGS]
    return int(min(failures) if failures else max(statuses, default=ExitStatus.OK))


def _reports(options: argparse.Namespace, environ: Environ, at: datetime) -> list[AuditReport]:
    # Offline the variables of the process that will run are not known: what names one is a warning, and no error.
    plans, _ = open_plans(options, environ, environ if options.online else AnyEnviron(environ))
    access = store_access(options, environ, is_logged=True)
    return [audit_plan(plan, environ, at=at, access=access if options.online else None) for plan in plans]


def _save(options: argparse.Namespace, reports: list[AuditReport], at: datetime) -> None:
    """Write the reports as JSON under a name of their own; a log that is there is never written over."""
    what = reports[0].environment if len(reports) == 1 else "all" if options.all else "several"
    if options.env_file is not None:
        what = "files"
    path = _reserve(options.save, f"audit-{what}-{at:%Y%m%dT%H%M%SZ}")
    try:
        write_file(path, as_json(reports).encode("utf-8"))
    except OutputError:
        os.unlink(path)
        raise
    if not options.quiet:
        say(f"saved {path}")


def _reserve(folder: str, stem: str) -> str:
    """The path of a new, empty file of ours in `folder`."""
    failure = None
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        for number in range(1, 10_000):
            path = os.path.join(folder, f"{stem}.json" if number == 1 else f"{stem}-{number}.json")
            try:
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
            except FileExistsError:
                continue
            return path
    except OSError as error:
        failure = error.strerror
    raise OutputError(f"{folder}: no audit log can be written there: {failure or 'there are too many of this second'}")
