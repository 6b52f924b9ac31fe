"""The report on the ages of the secrets that an environment uses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from secretsync.core.errors import ExitStatus, Problem, ProblemKind, worst_status
from secretsync.core.model import Clock
from secretsync.core.records import Record
from secretsync.core.text import count_of, looks_like_value
from secretsync.core.timestamps import format_timestamp
from secretsync.project.bindings import Limit
from secretsync.rotation.age_rules import SEVERITY, State

_DAY = 86400
_SHOWN = 3  # names in a message


class Key(Record):
    """An entry that uses a secret, and its place."""

    name: str
    file: str
    line: int


class AgeFinding(Record, kw_only=True):
    """One thing that is wrong with one secret."""

    state: State
    reference: str
    keys: tuple[Key, ...]
    cause: str
    hint: str | None = None
    kind: ProblemKind | None = None  # if the store gave no usable answer
    counts: bool = True  # False: a warning, which does not change the exit status

    @property
    def advice(self) -> str:
        """The cause with the hint."""
        return f"{self.cause}; {self.hint}" if self.hint else self.cause


class RunningVersion(Record, kw_only=True):
    """The version of a secret that a process was started with.

    `is_stale`: None means that the versions could not be compared. `since`: the creation of the version that the
    process does not have; None if it is not known.
    """

    process: str
    version: str | None
    is_stale: bool | None
    since: datetime | None = None


class ProcessState(Record, kw_only=True):
    """One process, and how many of its secrets have another version now.

    `since`: the earliest time from which on a secret of it was stale; None without such a time.
    `compared`: the number of its secrets that could be compared. `missing`: references that the env files do not have.
    """

    process: str
    pid: int | None
    program: str | None
    started: datetime | None
    compared: int
    stale: int
    since: datetime | None
    missing: tuple[str, ...] = ()


class SecretAge(Record, kw_only=True):
    """One secret. It does not have room for a value."""

    reference: str
    store: str
    provider: str
    keys: tuple[Key, ...]
    state: State
    limit: Limit
    limit_from: str
    version: str | None = None
    clock: Clock = Clock.NONE
    created: datetime | None = None
    age: int | None = None  # whole seconds
    expires: datetime | None = None
    findings: tuple[AgeFinding, ...] = ()  # the worst first
    hints: tuple[str, ...] = ()
    running: tuple[RunningVersion, ...] = ()  # of each process that was asked about

    @property
    def age_days(self) -> int | None:
        """Whole days."""
        return None if self.age is None else self.age // _DAY

    @property
    def seconds_left(self) -> int | None:
        """Seconds until the limit, negative after it. None if the age is unknown or there is no limit."""
        if self.age is None or self.limit.seconds is None or self.state is State.DYNAMIC:
            return None
        return int(self.limit.seconds) - self.age

    @property
    def days_left(self) -> int | None:
        """Whole days until the limit, negative after it, as the table has them: 0 on the first day on either side."""
        if self.seconds_left is None:
            return None
        days = abs(self.seconds_left) // _DAY
        return days if self.seconds_left > 0 else -days

    @property
    def hint(self) -> str | None:
        """The findings and hints in one line."""
        return "; ".join([*(finding.advice for finding in self.findings), *self.hints]) or None

    @property
    def key_names(self) -> str:
        """The names of the entries that use the secret, each once."""
        return ", ".join(dict.fromkeys(key.name for key in self.keys))


class RotationReport(Record, kw_only=True):
    """The ages of the secrets of one environment, sorted by reference.

    `at`: the time that the ages are for. `is_forecast`: that time was in the future when the stores answered.
    `outdated`: the seconds since `at`, if the report is one of many and too old to be true; else None.
    """

    project: str
    environment: str
    at: datetime
    secrets: tuple[SecretAge, ...]
    is_forecast: bool = False
    outdated: int | None = None
    processes: tuple[ProcessState, ...] = ()  # only with --running

    @classmethod
    def of_failure(cls, project: str, environment: str, problems: tuple[Problem, ...], at: datetime) -> RotationReport:
        """Return the report on an environment that cannot be judged: one row in the state error, without a secret."""
        findings = tuple(
            AgeFinding(
                state=State.ERROR,
                reference=environment,
                keys=(Key(_shown(problem.key), problem.file, problem.line or 0),) if problem.file else (),
                cause=problem.cause,
                hint=problem.hint,
                kind=problem.kind,
            )
            for problem in problems
        )
        row = row_of_environment(environment, State.ERROR, findings)
        return cls(project=project, environment=environment, at=at, secrets=(row,))

    @property
    def label(self) -> str:
        """The names of the project and of the environment."""
        return f"{self.project} {self.environment}"

    @property
    def severity(self) -> int:
        """The position of the worst state; 0 is the worst."""
        return min((SEVERITY[secret.state] for secret in self.secrets), default=len(SEVERITY))

    @property
    def findings(self) -> tuple[AgeFinding, ...]:
        """The findings on all secrets, the worst first."""
        found = (finding for secret in self.secrets for finding in secret.findings)
        return tuple(sorted(found, key=lambda one: (SEVERITY[one.state], one.reference, one.cause)))

    @property
    def summary(self) -> dict[State, int]:
        """The number of secrets in each state."""
        counted = dict.fromkeys(State, 0)
        for secret in self.secrets:
            counted[secret.state] += 1
        if not counted[State.STALE] and not self.processes:
            del counted[State.STALE]  # It was not looked for.
        return counted

    @property
    def exit_status(self) -> ExitStatus:
        """The exit status of a command that found this."""
        return exit_status(self.findings)


def row_of_environment(environment: str, state: State, findings: tuple[AgeFinding, ...]) -> SecretAge:
    """Return the row of an environment whose secrets are not known. It has neither a store nor a limit."""
    return SecretAge(
        reference=environment,
        store="",
        provider="",
        keys=(),
        state=state,
        limit=Limit(seconds=None, written="-"),
        limit_from="",
        findings=findings,
    )


def _shown(key: str | None) -> str:
    return "" if key is None or looks_like_value(key) else key


def exit_status(findings: tuple[AgeFinding, ...]) -> ExitStatus:
    """Return the exit status of findings, of one environment or of several.

    The failure of a store has precedence over a finding. Of several failures, `worst_status` chooses.
    """
    if kinds := [finding.kind for finding in findings if finding.kind is not None]:
        return worst_status(kinds)
    return ExitStatus.FINDINGS if any(finding.counts for finding in findings) else ExitStatus.OK


def worst_first(secrets: tuple[SecretAge, ...]) -> Iterator[SecretAge]:
    """Yield the secrets with the worst state first, and in one state those with the least time left first."""
    far = 10**12
    yield from sorted(
        secrets,
        key=lambda one: (SEVERITY[one.state], far if one.seconds_left is None else one.seconds_left, one.reference),
    )


def describe(state: ProcessState) -> str:
    """Return one line about a process."""
    since = f", since {format_timestamp(state.since)}" if state.since is not None else ""
    compared = count_of(state.compared, "compared secret")
    text = f"{state.stale} of {compared} stale{since}" if state.stale else f"{compared}, none stale"
    started = "" if state.started is None else f", started {format_timestamp(state.started)}"
    program = "" if state.program is None else f" ({state.program})"
    missing = f"; the env files do not have {shown_names(state.missing)} any more" if state.missing else ""
    return f"{state.process}{program}{started}: {text}{missing}"


def shown_names(names: tuple[str, ...]) -> str:
    """Return the first names, and the number of the others."""
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + rest
