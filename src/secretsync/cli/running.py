"""Find the processes that `run` started, by their ids, by their records or all of this host."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from secretsync.cli.each_environment import each_environment, each_source
from secretsync.core.errors import Problem, ProblemKind, ResolutionError, UsageError
from secretsync.core.files import STANDARD_INPUT, FileRefusal, Input, read_file
from secretsync.core.records import Record, replace
from secretsync.core.secret import Environ
from secretsync.core.system.pipes import read_named_file
from secretsync.core.text import path_or
from secretsync.planning.plan import Plan
from secretsync.project.bindings import DEFAULT_TIMEOUT
from secretsync.resolving.handover import Handover, HandoverError
from secretsync.resolving.handover_codec import KEY_VARIABLE, has_no_value
from secretsync.resolving.started import Started, parse_record
from secretsync.rotation.report import RotationReport
from secretsync.running.processes import Process, Unreadable, read_process, read_processes

_PER_RECORD = "name the file of `run --record` in place of the process"
_OTHERS_CAN_WRITE = 0o022


class Application(Record, kw_only=True):
    """A process that `run` started, and the number of its descendants."""

    started: Started
    descendants: int


def started_of(text: str) -> Started:
    """Return what an application was started with. `text`: the id of its process, or the file of --record.

    Raises UsageError, and ResolutionError for a process of another user.
    """
    return _started_process(int(text)) if text.isascii() and text.isdigit() else _started_record(text)


def _started_process(pid: int) -> Started:
    process = read_process(pid, has_no_value)
    if isinstance(process, Unreadable):
        if process.is_denied:
            hint = f"run this as that user or as root, or {_PER_RECORD}"
            raise ResolutionError([_problem(ProblemKind.DENIED, f"process {pid}: {process.cause}", hint)])
        hint = "`secretsync ps` lists the processes" if process.has_ended else _PER_RECORD
        raise UsageError(f"--running {pid}: {process.cause}; {hint}")
    started = _started(process)
    if started is None:
        raise UsageError(
            f"--running {pid}: the process does not have the variables of `secretsync run`: another program started "
            f"it, its title replaced them, or another version of SecretSync wrote them; {_PER_RECORD}"
        )
    return _followed(started)


def _problem(kind: ProblemKind, cause: str, hint: str) -> Problem:
    return Problem(kind=kind, cause=cause, hint=hint)


def _started(process: Process) -> Started | None:
    """Return what a process was started with; None if its variables are not those of this version of `run`."""
    try:
        handover = Handover.from_environ(process.variables)
    except HandoverError:
        return None
    if handover is None:
        return None
    started = Started.of_handover(handover, process.pid)
    return replace(started, name=f"process {process.pid}", program=process.program, is_trusted=process.is_own)


def _followed(started: Started) -> Started:
    """Return the secrets of the record of a process, because --watch informs an application without a restart."""
    data = None if started.record is None else read_file(started.record, Input.REPORT)
    newest = parse_record(data) if isinstance(data, bytes) else None
    if newest is None or newest.key_id != started.key_id or newest.pid != started.pid:
        return started
    return replace(started, secrets=newest.secrets, started=newest.started)


def _started_record(path: str) -> Started:
    path = STANDARD_INPUT if path == "-" else path
    owner = _owner(path)
    started = parse_record(_read(path))
    shown = path_or(path, "a file")
    if started is None:
        raise UsageError(
            f"--running {shown}: it is not a record of this version of SecretSync; write one: "
            "secretsync run --record FILE"
        )
    is_trusted = owner is not None and owner == _owner(path)
    name = "standard input" if path == STANDARD_INPUT else shown
    return replace(started, name=name, is_trusted=is_trusted, key=_key_of(started))


def _read(path: str) -> bytes:
    data = read_named_file(path, Input.REPORT, DEFAULT_TIMEOUT)
    if isinstance(data, FileRefusal):
        raise UsageError(f"--running {path_or(path, 'a file')}: {data.cause}; name a file of --record, or a process id")
    return data


def _owner(path: str) -> tuple[int, int] | None:
    """Return the identity of a regular file that only this user or root can write; None for every other one."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    is_own = status.st_uid in (0, os.geteuid()) and not status.st_mode & _OTHERS_CAN_WRITE
    return (status.st_dev, status.st_ino) if is_own and os.path.isfile(path) else None


def _key_of(started: Started) -> bytes | None:
    """Return the key of the digests, which only the process has; None if the process cannot be read here."""
    if started.pid is None:
        return None
    try:
        process = read_process(started.pid, has_no_value)
    except UsageError:
        return None
    found = None if isinstance(process, Unreadable) else _started(process)
    return found.key if found is not None and found.key_id == started.key_id else None


def applications() -> tuple[list[Application], int]:
    """Return the processes of this host that `run` started, and the number of processes that cannot be read.

    A process whose parent has the same hand-over is a descendant. Raises UsageError if this system has no /proc.
    """
    processes, denied = read_processes(has_no_value)
    keys = {process.pid: process.variables.get(KEY_VARIABLE) for process in processes}
    parents = {process.pid: process.parent for process in processes}

    def first(pid: int) -> int:
        seen = set[int]()  # Parents may change while all of them are read.
        while keys[pid] is not None and keys.get(parents[pid]) == keys[pid] and pid not in seen:
            seen.add(pid)
            pid = parents[pid]
        return pid

    counts: dict[int, int] = {}
    for pid in keys:
        counts[first(pid)] = counts.get(first(pid), -1) + 1
    found = [
        Application(started=_followed(started), descendants=counts[process.pid])
        for process in processes
        if process.pid in counts and (started := _started(process)) is not None
    ]
    return found, denied


def reports_of(
    processes: Sequence[Started],
    options: argparse.Namespace,
    environ: Environ,
    report: Callable[[Plan, Environ, Sequence[Started]], RotationReport],
) -> tuple[list[RotationReport], bool]:
    """Return a report for each configuration of the processes, and True if there are several.

    The configuration is that of the options, if they name one; else that of each process. Raises UsageError if a
    process has none of the named configurations, or has one that somebody else may have written.
    """
    if options.environment or options.all or options.env_file is not None:
        return _reports_of_named(processes, options, environ, report)
    for process in processes:
        if (cause := untrusted_cause(process, options.root)) is not None:
            raise UsageError(
                f"{process.name}: {cause}; name the configuration with -e NAME and --root DIR, or with --env-file"
            )
    places: dict[tuple[object, ...], list[Started]] = {}
    for process in processes:
        places.setdefault(process.place, []).append(process)
    is_several = len(places) > 1
    found = []
    for same in places.values():
        request = same[0].request(options.root)
        if options.service is not None and request.files is None:
            request = replace(request, services=tuple(options.service))
        found += each_source(
            [request],
            options,
            environ,
            _judge(report, same),
            _failed,
            keeps_failures=is_several,
            prints_failures=is_several,
        )
    return found, is_several


def _judge(
    report: Callable[[Plan, Environ, Sequence[Started]], RotationReport], processes: Sequence[Started]
) -> Callable[[Plan, Environ], RotationReport]:
    return lambda plan, visible: report(plan, visible, processes)


def _reports_of_named(
    processes: Sequence[Started],
    options: argparse.Namespace,
    environ: Environ,
    report: Callable[[Plan, Environ, Sequence[Started]], RotationReport],
) -> tuple[list[RotationReport], bool]:
    found: set[int] = set()

    def judge(plan: Plan, visible: Environ) -> RotationReport:
        of_plan = [index for index, one in enumerate(processes) if one.environment in (plan.project.environment, None)]
        found.update(of_plan)
        return report(plan, visible, [processes[index] for index in of_plan])

    reports = each_environment(options, environ, judge, _failed)
    for index, process in enumerate(processes):
        if index not in found and all(one.environment != process.environment for one in reports[0]):
            raise UsageError(
                f"{process.name}: it was started for another environment than the named ones; remove -e, or name that "
                "environment"
            )
    return reports


def _failed(project: str, label: str, problems: tuple[Problem, ...]) -> RotationReport:
    return RotationReport.of_failure(project, label, problems, datetime.now(UTC))


def untrusted_cause(process: Started, root: str | None = None) -> str | None:
    """Return why the configuration of a process is not used; None if it is.

    It names the stores that get the credentials of this user, so that another user must not have written it. `root`:
    the project's folder as this user names it, or None.
    """
    if not process.is_reproducible:
        return "it was started with inherited variables or a pipe, which cannot be read again"
    if not process.is_trusted and (root is None or process.files is not None):
        return "another user may have written what it was started with"
    return None
