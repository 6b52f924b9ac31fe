"""Check a configuration before it is deployed: values against the policy, plain text secrets, files, git, bindings.

Without --online no store is asked and no secret is read. The report lists the rules that were not checked for that
reason. The exit status is 1 if there is an error.
"""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime

from secretsync.audit.collect import audit_plan
from secretsync.audit.formats import FORMATS
from secretsync.audit.formats.json_ import as_json
from secretsync.audit.formats.text import as_text
from secretsync.audit.report import AuditReport
from secretsync.cli import console
from secretsync.cli.each_environment import each_environment
from secretsync.cli.loading import store_access
from secretsync.cli.options import add_access_log, add_format, add_option, add_source
from secretsync.core.errors import OutputError, Problem, combined_status
from secretsync.core.secret import AnyEnviron, Environ
from secretsync.core.system.atomic_write import write_file
from secretsync.planning.plan import Plan
from secretsync.policy.rules import RULES

USAGE = "[-e NAME... | --all] [--env-file FILE...] [OPTIONS]"
EXAMPLE = "  secretsync audit -e production --strict --save audits"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `audit`."""
    add_source(parser, several=True)
    add_access_log(parser)
    parser.add_argument(
        "--online", action="store_true", help="ask the stores: check the values of secrets and their ages too"
    )
    parser.add_argument("--strict", action="store_true", help="warnings count as errors")
    add_format(parser, FORMATS)
    add_option(parser, "--output")
    parser.add_argument(
        "--save", metavar="DIR", nargs="?", const=".", help="also write the report as dated JSON to DIR (default: .)"
    )
    parser.add_argument("--rules", action="store_true", help="list the rules, and do nothing else")


def execute(options: argparse.Namespace) -> int:
    """Return 0, 1 if there is an error, or the status of a failed request."""
    if options.rules:
        rows = [(rule.id, rule.severity.value, rule.title, rule.scope.value) for rule in RULES.values()]
        print(console.format_table(("RULE", "SEVERITY", "ASKS THAT", "WHERE"), rows))
        return 0
    environ = Environ(os.environ)
    at = datetime.now(UTC)
    reports = _reports(options, environ, at)
    text = as_text(reports, console.look(options)) if options.format == "text" else FORMATS[options.format](reports)
    console.write_report(text, options.output)
    if options.save is not None:
        _save(options, reports, at)
    return int(combined_status(report.exit_status(is_strict=options.strict) for report in reports))


def _reports(options: argparse.Namespace, environ: Environ, at: datetime) -> list[AuditReport]:
    def judge(plan: Plan, visible: Environ) -> AuditReport:
        access = store_access(options, visible, is_logged=True) if options.online else None
        return audit_plan(plan, visible, at=at, access=access)

    def failed(project: str, label: str, problems: tuple[Problem, ...]) -> AuditReport:
        return AuditReport.of_failure(project, label, problems, at=at)

    # Offline, the variables of the later process are unknown, so an undefined variable is a warning and not an error.
    known = Environ if options.online else AnyEnviron
    reports, _ = each_environment(options, environ, judge, failed, known=known)
    return reports


def _save(options: argparse.Namespace, reports: list[AuditReport], at: datetime) -> None:
    """Write the reports as JSON to a new file. An existing file is never overwritten."""
    name = reports[0].environment if len(reports) == 1 else "all" if options.all else "several"
    if options.env_file is not None:
        name = "files"
    path = _create_file(options.save, f"audit-{name}-{at:%Y%m%dT%H%M%SZ}")
    try:
        write_file(path, as_json(reports).encode("utf-8"))
    except OutputError:
        os.unlink(path)
        raise
    if not options.quiet:
        console.info(f"saved {path}")


def _create_file(folder: str, stem: str) -> str:
    """Create an empty file in `folder`, and return its path."""
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
    raise OutputError(f"{folder}: the report cannot be saved there: {failure or 'too many reports in this second'}")
