"""Ask each store of an environment for the identity of this process there: names and ids only, and the response time.

No secret is read. The first line names the installed distribution and its version.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping

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
from secretsync.planning.plan import Plan
from secretsync.providers.logins import Login, LoginState
from secretsync.resolving.requests.identify import StoreState
from secretsync.resolving.stores import StoreAccess

USAGE = "[-e NAME... | --all] [--env-file FILE...] [OPTIONS]"
EXAMPLE = "  secretsync doctor -e production --explain"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `doctor`."""
    add_source(parser, several=True)
    add_format(parser)
    help_text = "add a checklist: the ways to log in that are looked for, the one that is used, and what is missing"
    parser.add_argument("--explain", action="store_true", help=help_text)


def execute(options: argparse.Namespace) -> int:
    """Return 0, or the status of the worst failure."""
    environ = Environ(os.environ)
    reports, is_several = each_environment(
        options,
        environ,
        lambda plan, visible: _report(options, plan, _access(options, visible)),
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


def _report(options: argparse.Namespace, plan: Plan, access: StoreAccess) -> _Report:
    logins = access.logins(plan) if options.explain else None
    return _Report(plan.project_name, plan.project.label, access.identities(plan), logins=logins)


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
    logins: Mapping[str, tuple[Login, ...]] | None = None  # by store; None: not asked for

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
    for store, logins in () if report.logins is None else report.logins.items():
        print()
        console.print_lines("\n".join(_checklist(store, logins)))


def _checklist(store: str, logins: tuple[Login, ...]) -> Iterator[str]:
    """Yield the lines of the checklist of a store."""
    if not logins:
        yield f"{store}: its provider does not describe its logins"
        return
    yield f"{store}: ways to log in, in the order in which they are looked for"
    for login in logins:
        mark = "x" if login.state is LoginState.USED else "?" if login.state is LoginState.UNSEEN else " "
        yield f"  [{mark}] {login.name}: {login.state}"
        for word, texts in (("found", login.found), ("missing", login.missing), ("wrong", login.mistakes)):
            if texts:
                yield f"        {word}: {'; '.join(texts)}"
        if login.hint:
            yield f"        next step: {login.hint}"


def _document(report: _Report) -> dict[str, object]:
    return {
        "project": report.project,
        "environment": report.environment,
        "stores": [{**_as_json(state), **_logins_as_json(report, state.store)} for state in report.states],
        "problems": [console.problem_as_json(problem) for problem in report.problems],
    }


def _logins_as_json(report: _Report, store: str) -> dict[str, object]:
    if report.logins is None:
        return {}
    rows = [
        {
            "name": login.name,
            "state": login.state.value,
            "found": list(login.found),
            "missing": list(login.missing),
            "mistakes": list(login.mistakes),
            "next_step": login.hint or None,
        }
        for login in report.logins.get(store, ())
    ]
    return {"logins": rows}


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
