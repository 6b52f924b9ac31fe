"""Ask each store of an environment for the identity of this process there: names and ids only, and the response time.

No secret is read. The first line names the installed distribution and its version.
"""

from __future__ import annotations

import argparse
import os

from secretsync.cli import console
from secretsync.cli.each_environment import each_environment
from secretsync.cli.installation import find_installation
from secretsync.cli.loading import handed_over, hide_memory
from secretsync.cli.options import add_format, add_source
from secretsync.core.errors import ExitStatus, Problem, combined_status, worst_status
from secretsync.core.model import Failed
from secretsync.core.records import Record
from secretsync.core.reporting.terminal import Colour
from secretsync.core.secret import Environ
from secretsync.core.text import count_of
from secretsync.resolving.requests.identify import StoreState
from secretsync.resolving.stores import StoreAccess

USAGE = "[-e NAME... | --all] [--env-file FILE...] [OPTIONS]"
EXAMPLE = "  secretsync doctor -e production"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `doctor`."""
    add_source(parser, several=True)
    add_format(parser)


def execute(options: argparse.Namespace) -> int:
    """Return 0, or the status of the worst failure."""
    environ = Environ(os.environ)
    reports, is_several = each_environment(
        options,
        environ,
        lambda plan, visible: _Report(
            plan.project_name, plan.project.label, _access(options, visible).identities(plan)
        ),
        lambda project, label, problems: _Report(project, label, (), problems),
    )
    installation = find_installation()
    if installation.warning is not None:
        console.warn(installation.warning)
    if options.format == "json":
        documents = [_document(report) for report in reports]
        document = console.documents_of(reports[0].project, documents, is_several=is_several)
        print(console.format_json({**document, "installation": installation.document()}))
    else:
        console.print_lines(installation.line)
        for report in reports:
            print()
            _print_text(report)
    return int(combined_status(report.exit_status for report in reports))


def _access(options: argparse.Namespace, environ: Environ) -> StoreAccess:
    hide_memory(options)
    handover = handed_over(os.environ)
    return StoreAccess(environ, options.timeout, withheld=() if handover is None else handover.withheld)


class _Report(Record):
    """The states of the stores of one environment, or the problems that prevent requests to them."""

    project: str
    environment: str
    states: tuple[StoreState, ...]
    problems: tuple[Problem, ...] = ()

    @property
    def failed(self) -> int:
        """The number of stores that failed."""
        return sum(isinstance(state.identity, Failed) for state in self.states)

    @property
    def exit_status(self) -> ExitStatus:
        """The status of the worst failure."""
        failed = [state.identity.kind for state in self.states if isinstance(state.identity, Failed)]
        return worst_status([*failed, *(problem.kind for problem in self.problems)])


def _print_text(report: _Report) -> None:
    rows = [_cells(state) for state in report.states]
    rows += [("-", "ERROR", "-", "", str(problem)) for problem in report.problems]
    colours = [{1: _colour(state)} for state in report.states] + [{1: Colour.RED} for _ in report.problems]
    print(f"{report.environment}\n")
    print(console.format_table(("STORE", "STATE", "TIME", "WHERE", "WHO"), rows, colours))
    good = len(report.states) - report.failed
    console.print_summary(f"{count_of(len(report.states), 'store')}: {good} ok, {report.failed} failed")


def _document(report: _Report) -> dict[str, object]:
    return {
        "project": report.project,
        "environment": report.environment,
        "stores": [_as_json(state) for state in report.states],
        "problems": [console.problem_as_json(problem) for problem in report.problems],
    }


def _colour(state: StoreState) -> Colour:
    return Colour.MAGENTA if isinstance(state.identity, Failed) else Colour.GREEN


def _cells(state: StoreState) -> tuple[str, ...]:
    identity = state.identity
    time = f"{state.seconds * 1000:.0f} ms"
    if isinstance(identity, Failed):
        hint = f"; {identity.hint}" if identity.hint else ""
        return (state.store, identity.kind.value.upper(), time, "", f"{identity.cause}{hint}")
    names = [identity.principal or "", *(f"{name} {value}" for name, value in identity.details)]
    return (state.store, "ok", time, identity.endpoint or "", ", ".join(name for name in names if name))


def _as_json(state: StoreState) -> dict[str, object]:
    identity = state.identity
    row: dict[str, object] = {"store": state.store, "milliseconds": round(state.seconds * 1000)}
    if isinstance(identity, Failed):
        return {**row, "status": identity.kind.value, "cause": identity.cause, "hint": identity.hint}
    return {
        **row,
        "status": "ok",
        "provider": identity.provider,
        "endpoint": identity.endpoint,
        "principal": identity.principal,
        "details": dict(identity.details),
    }
