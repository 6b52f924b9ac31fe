"""List the processes of this host that `secretsync run` started.

Of the variables of a process only those of the hand-over are kept, which contain no value. No store is asked without
--check. With --check the exit status is 1 if a process was started with another version of a secret than its store has,
and 3, 4 or 5 if a store did not answer.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from secretsync.cli import console
from secretsync.cli.each_environment import each_source
from secretsync.cli.loading import hide_memory, store_access
from secretsync.cli.options import add_format, add_option
from secretsync.cli.running import Application, applications, untrusted_cause
from secretsync.core.errors import Problem, UsageError
from secretsync.core.records import Record
from secretsync.core.secret import Environ
from secretsync.core.text import count_of, printable
from secretsync.core.timestamps import format_timestamp
from secretsync.planning.plan import Plan
from secretsync.resolving.started import Started
from secretsync.rotation.age_rules import State
from secretsync.rotation.check import rotation_of_plan
from secretsync.rotation.formats.prometheus import PROCESS_METRICS, process_series, write_metrics
from secretsync.rotation.report import AgeFinding, ProcessState, RotationReport, exit_status

USAGE = "[--check] [OPTIONS]"
EXAMPLE = "  secretsync ps --check"

_FORMATS = ("table", "json", "prometheus")
_HEAD = ("PID", "PROGRAM", "ENVIRONMENT", "SERVICES", "SINCE", "CHILDREN", "STATE", "STALE SINCE")


class _State(Record, kw_only=True):
    """The result of --check for one process. `text`: for people. `stale`: None means that it was not compared."""

    text: str
    stale: int | None = None
    since: datetime | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `ps`."""
    parser.add_argument(
        "--check",
        action="store_true",
        help="ask the stores for the present versions, and compare; needs no right to read a value",
    )
    add_format(parser, _FORMATS, default="table")
    add_option(parser, "--output")
    add_option(parser, "--timeout")
    messages = parser.add_mutually_exclusive_group()
    add_option(messages, "--verbose")
    add_option(messages, "--quiet")


def execute(options: argparse.Namespace) -> int:
    """Return 0, or the status of what --check found."""
    if options.format == "prometheus" and not options.check:
        raise UsageError("--format prometheus needs the answers of the stores; add --check")
    hide_memory(options)  # The variables of the processes contain values.
    found, denied = applications()
    checked = [_check(same, options) for same in _by_place(found)] if options.check else []
    states = {pid: state for _, of_place in checked for pid, state in of_place.items()}
    console.write_report(_text(options, found, states, [report for report, _ in checked]), options.output)
    if denied and not options.quiet:
        shown = f"{count_of(denied, 'process', 'processes')} cannot be read"
        console.info(f"{shown}, not even by root" if os.geteuid() == 0 else f"{shown} by this user; run this as root")
    return int(exit_status(tuple(finding for report, _ in checked for finding in report.findings if _counts(finding))))


def _counts(finding: AgeFinding) -> bool:
    """Return True for another version and for a failure of a store. The age of a secret does not count."""
    return finding.state is State.STALE or finding.kind is not None


def _by_place(found: Sequence[Application]) -> list[list[Started]]:
    """Return the processes that may be compared. Those with one configuration are compared with the same requests."""
    places: dict[tuple[object, ...], list[Started]] = {}
    for one in found:
        if untrusted_cause(one.started) is None:
            places.setdefault(one.started.place, []).append(one.started)
    return list(places.values())


def _check(
    processes: Sequence[Started], options: argparse.Namespace
) -> tuple[RotationReport, dict[int | None, _State]]:
    """Return the report on processes with one configuration, and the state of each."""

    def judge(plan: Plan, visible: Environ) -> RotationReport:
        return rotation_of_plan(plan, store_access(options, visible), processes=processes)

    def failed(project: str, label: str, problems: tuple[Problem, ...]) -> RotationReport:
        return RotationReport.of_failure(project, label, problems, datetime.now(UTC))

    (report,) = each_source(
        [processes[0].request()],
        options,
        Environ(os.environ),
        judge,
        failed,
        keeps_failures=True,
        prints_failures=False,
    )
    failures = [finding for finding in report.findings if finding.kind is not None]
    if not report.processes:
        return report, {one.pid: _State(text=f"not checked: {failures[0].advice}") for one in processes}
    return report, {one.pid: _state(one, failures) for one in report.processes}


def _state(one: ProcessState, failures: Sequence[AgeFinding]) -> _State:
    rest = f"; {failures[0].reference}: {failures[0].advice}" if failures else ""
    if one.stale:
        text = f"stale: {one.stale} of {count_of(one.compared, 'secret')}"
    else:
        text = "current" if one.compared else "no secret can be compared"
    return _State(text=text + rest, stale=one.stale if one.compared else None, since=one.since)


def _text(
    options: argparse.Namespace,
    found: Sequence[Application],
    states: Mapping[int | None, _State],
    reports: Sequence[RotationReport],
) -> str:
    if options.format == "prometheus":
        return write_metrics(PROCESS_METRICS, [series for report in reports for series in process_series(report)])
    if options.format == "json":
        return console.format_json({"project": None, "processes": [_as_json(one, states) for one in found]}) + "\n"
    if not found:
        return "no process that secretsync run started\n"
    head = _HEAD if options.check else _HEAD[:-2]
    return console.format_table(head, [_cells(one, states)[: len(head)] for one in found]) + "\n"


def _cells(one: Application, states: Mapping[int | None, _State]) -> tuple[str, ...]:
    started = one.started
    state = states.get(started.pid) or _State(text=f"not checked: {untrusted_cause(started)}")
    return (
        str(started.pid),
        printable(started.program or "-"),
        printable(started.label),
        printable(", ".join(started.services)) or "-",
        "-" if started.started is None else format_timestamp(started.started),
        str(one.descendants),
        printable(state.text),
        "-" if state.since is None else format_timestamp(state.since),
    )


def _as_json(one: Application, states: Mapping[int | None, _State]) -> dict[str, object]:
    started = one.started
    state = states.get(started.pid)
    return {
        "pid": started.pid,
        "program": started.program,
        "environment": started.environment,
        "files": started.files,
        "root": started.root,
        "services": started.services,
        "since": None if started.started is None else format_timestamp(started.started),
        "descendants": one.descendants,
        "checked": state is not None,
        "stale": None if state is None else state.stale,
        "stale_since": None if state is None or state.since is None else format_timestamp(state.since),
        "cause": untrusted_cause(started) if state is None else state.text,
    }
