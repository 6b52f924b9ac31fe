"""Assess the age of one secret from its metadata."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import assert_never

from secretsync.core.durations import format_duration
from secretsync.core.errors import ProblemKind
from secretsync.core.model import Clock, Failed, Found, Missing, SecretInfo, SecretRef
from secretsync.core.records import Record
from secretsync.core.timestamps import format_timestamp
from secretsync.rotation.max_age import DEFAULT_WARNING, AppliedLimit
from secretsync.rotation.schedule import Schedule, period_of, schedule_of
from secretsync.rotation.secret_dates import SecretDates, age_at, dates_of

# A rotation takes seconds, so a rotation that has not ended after this time will not end.
_STUCK = timedelta(hours=24)


class State(StrEnum):
    """The state of a secret's age. The worst comes first."""

    MISSING = "missing"
    DENIED = "denied"
    ERROR = "error"
    STALE = "stale"  # only with --running: a process has another version
    EXPIRED = "expired"
    OVERDUE = "overdue"
    UNKNOWN = "unknown"
    DUE = "due"
    OK = "ok"
    DYNAMIC = "dynamic"
    EXEMPT = "exempt"


SEVERITY = {state: position for position, state in enumerate(State)}


class Case(Record, kw_only=True):
    """One secret, with everything that decides about its age."""

    ref: SecretRef
    outcome: Found[SecretInfo] | Missing | Failed
    applied: AppliedLimit
    now: datetime  # aware; the time that the report is for
    observed: datetime | None = None  # when the store answered; None: at `now`
    warn_before: float | None = None  # seconds; None: 14 days, or half of a limit below 28
    declared: datetime | None = None  # when it was last rotated, as the bindings say
    command: str | None = None  # the command that stores a new version, or None

    @property
    def known_until(self) -> datetime:
        """The latest time about which the store's answer is a fact: a report on a later time is a forecast."""
        return self.now if self.observed is None else min(self.now, self.observed)


class Issue(Record):
    """One thing that is wrong with a secret, and what to do about it."""

    state: State
    cause: str
    hint: str | None = None
    kind: ProblemKind | None = None  # if the store gave no usable answer


class AgeResult(Record, kw_only=True):
    """The state of a secret, the reasons, and hints that are not findings."""

    state: State
    issues: tuple[Issue, ...] = ()  # the worst first
    hints: tuple[str, ...] = ()
    version: str | None = None
    clock: Clock = Clock.NONE
    created: datetime | None = None
    age: int | None = None  # whole seconds
    expires: datetime | None = None


def assess_age(case: Case) -> AgeResult:
    """Assess the age of a secret. Ages are compared in seconds, and a secret at its limit is overdue."""
    if isinstance(case.outcome, Missing):
        return _alone(Issue(State.MISSING, case.outcome.cause, case.outcome.hint, ProblemKind.MISSING))
    if isinstance(case.outcome, Failed):
        failed = case.outcome
        return _alone(Issue(_state_of_failure(failed.kind), failed.cause, failed.hint, failed.kind))
    info, dates = case.outcome.value, dates_of(case.outcome.value)
    if dates is None:
        cause = "its provider gave a date without a time zone, or one out of range: such a date is not taken"
        return _alone(Issue(State.UNKNOWN, cause, "report it to the makers of the provider"))
    created, clock = dates.created, info.clock
    if created is None and case.declared is not None:
        created, clock = case.declared, Clock.DECLARED
    version = case.ref.version if info.version is None else str(info.version)
    schedule = None if info.dynamic else schedule_of(info, dates, case.ref)
    forecast = None if schedule is None else schedule.forecast(case.known_until, case.now)
    if schedule is not None and forecast is not None:
        created, clock, version, schedule = forecast, Clock.LAST_ROTATED, None, schedule.after(forecast)
    # A store makes a lease for each request, so a lease has neither an age nor a limit.
    if info.dynamic:
        base, age, issues = State.DYNAMIC, None, list(_usable(info, dates, case.now))
    else:
        age = None if created is None else age_at(created, case.now)
        base = State.OK if case.applied.limit.seconds is not None else State.EXEMPT
        issues = [*_usable(info, dates, case.now), *_own_dates(dates, case), *_rotation(dates, case, schedule)]
        issues += _limit(dates, case, created, age, schedule)
    issues.sort(key=lambda issue: SEVERITY[issue.state])
    return AgeResult(
        state=issues[0].state if issues else base,
        issues=tuple(issues),
        hints=tuple(_hints(info, dates, case, forecast)),
        version=version,
        clock=clock if created is not None else Clock.NONE,
        created=created,
        age=age,
        expires=dates.expires,
    )


def _alone(issue: Issue) -> AgeResult:
    return AgeResult(state=issue.state, issues=(issue,))


def _state_of_failure(kind: ProblemKind) -> State:
    match kind:
        case ProblemKind.MISSING | ProblemKind.UNUSABLE:
            return State.MISSING
        case ProblemKind.DENIED:
            return State.DENIED
        case ProblemKind.UNAVAILABLE | ProblemKind.CONFIGURATION | ProblemKind.OUTPUT:
            return State.ERROR
        case _:
            assert_never(kind)


def _usable(info: SecretInfo, dates: SecretDates, now: datetime) -> Iterator[Issue]:
    if not info.enabled:
        yield Issue(State.MISSING, "it is disabled", "enable it, or store a new version", ProblemKind.UNUSABLE)
    if dates.not_before is not None and dates.not_before > now:
        yield Issue(
            State.MISSING, f"it is not valid before {format_timestamp(dates.not_before)}", kind=ProblemKind.UNUSABLE
        )


def _own_dates(dates: SecretDates, case: Case) -> Iterator[Issue]:
    """Yield the issues with the dates that the store itself sets, which do not depend on the age."""
    window = DEFAULT_WARNING if case.warn_before is None else case.warn_before
    if dates.expires is not None:
        moment = format_timestamp(dates.expires)
        if dates.expires <= case.now:
            yield Issue(State.EXPIRED, f"it expired at {moment}, its store says", "store a new version")
        elif (dates.expires - case.now).total_seconds() <= window:
            yield Issue(State.DUE, f"it expires at {moment}, its store says", "store a new version before")
    if dates.deletion is not None:
        moment = format_timestamp(dates.deletion)
        if dates.deletion <= case.now:
            yield Issue(State.EXPIRED, f"its store deletes it at {moment}", "store a new version, or keep this one")
        else:
            yield Issue(State.DUE, f"it will be deleted at {moment}", "if that is not meant, cancel the deletion")


def _rotation(dates: SecretDates, case: Case, schedule: Schedule | None) -> Iterator[Issue]:
    """Yield the issues with the rotation by the store itself, as far as the store's answer is a fact."""
    hint = "look at the log of whatever rotates it; until then the old version is in use"
    if dates.pending_since is not None and case.known_until - dates.pending_since > _STUCK:
        begun = format_timestamp(dates.pending_since)
        yield Issue(State.OVERDUE, f"a rotation was begun at {begun} and has not ended", hint)
    elif dates.pending_since is None and schedule is not None and schedule.is_missed(case.known_until):
        cause = f"its store was to rotate it by {format_timestamp(schedule.next)} and has not"
        yield Issue(State.OVERDUE, cause, hint)


def _future_date(case: Case, created: datetime, *, is_declared: bool) -> Issue:
    """Return the issue with a date that is later than the time of the report."""
    ahead = format_duration((created - case.now).total_seconds())
    cause = f"its date {format_timestamp(created)} is {ahead} in the future"
    if is_declared:
        return Issue(State.UNKNOWN, f"{cause}, as its binding declares it", "correct the date in the binding")
    cause += ": a clock is wrong, or it did not exist yet"
    return Issue(State.UNKNOWN, cause, "compare the store's clock with this machine's")


def _limit(
    dates: SecretDates, case: Case, created: datetime | None, age: int | None, schedule: Schedule | None
) -> Iterator[Issue]:
    """Yield the issues with the age, or with the exemption from a limit."""
    limit, source = case.applied.limit, case.applied.source
    if limit.seconds is None:
        if limit.until is not None and _has_ended(limit.until, case.now):
            yield Issue(
                State.EXPIRED,
                f"its exemption ended on {limit.until.isoformat()} ({source}: {limit.reason})",
                "rotate it and give it a limit, or extend the exemption",
            )
        return
    if created is None:
        yield Issue(State.UNKNOWN, "its creation date is unknown", _undated_hint(dates))
    elif age is None:
        yield _future_date(case, created, is_declared=dates.created is None)
    elif schedule is not None and schedule.covers(created, limit.seconds, case.known_until):
        return  # Its store replaces it in time, so that it is never due in between.
    elif age >= limit.seconds:
        over = f"{format_duration(age - limit.seconds)} over its limit" if age > limit.seconds else "at its limit"
        cause = f"it is {format_duration(age)} old, {over} ({limit.written}, {source})"
        yield Issue(State.OVERDUE, cause, _rotate_hint(case, is_declared=dates.created is None))
    elif age >= limit.seconds - _window(case.warn_before, limit.seconds):
        remaining = format_duration(limit.seconds - age)
        yield Issue(State.DUE, f"it is {format_duration(age)} old, with {remaining} left ({limit.written}, {source})")


def _rotate_hint(case: Case, *, is_declared: bool) -> str:
    if case.command is None:
        return "rotate it"
    then = ", then change the date in its binding" if is_declared else ""
    return f"rotate it: {case.command}{then}"


def _has_ended(until: date, now: datetime) -> bool:
    """Return True if `now` is after the day `until`, in UTC."""
    return now.astimezone(UTC).date() > until


def _window(warn_before: float | None, limit: float) -> float:
    """Return how many seconds before its limit a secret is due.

    The default is at most half of the limit. Otherwise every secret with a short limit would be due at once.
    """
    return min(DEFAULT_WARNING, limit / 2) if warn_before is None else warn_before


def _undated_hint(dates: SecretDates) -> str:
    declare = "declare the day in its binding: rotated = 2026-10-01"
    if dates.modified is None:
        return declare
    touched = format_timestamp(dates.modified)
    return f"{declare} (its file was changed at {touched}, but a copy or a restart changes it too: its age is unknown)"


def _hints(info: SecretInfo, dates: SecretDates, case: Case, forecast: datetime | None) -> Iterator[str]:
    """Yield facts about the secret that are not findings."""
    now = case.now
    yield from _pin_hints(info, case.ref)
    if (period := period_of(info.rotation_period)) is not None:
        yield f"its store rotates it every {format_duration(period.total_seconds())}"
    if forecast is not None:
        yield f"a forecast: its store keeps that schedule, and rotates it at {format_timestamp(forecast)}"
    elif dates.next_rotation is not None and dates.next_rotation >= case.known_until:
        yield f"next rotation by {format_timestamp(dates.next_rotation)}"
    if dates.pending_since is not None and case.known_until - dates.pending_since <= _STUCK:
        yield f"a rotation is in progress since {format_timestamp(dates.pending_since)}"
    if case.applied.limit.seconds is None and not info.dynamic:
        until = case.applied.limit.until
        if until is None or not _has_ended(until, now):
            yield f"exempt{f' until {until.isoformat()}' if until else ''}: {case.applied.limit.reason}"
    if dates.created is not None and case.declared is not None:
        yield "its store has a clock: the date declared in its binding is not used"
    yield from info.notes


def _pin_hints(info: SecretInfo, ref: SecretRef) -> Iterator[str]:
    if info.newer_version is not None and (ref.version is not None or ref.stage is not None):
        yield f"pinned to {_pin(ref)}, and judged as such; a newer version exists: {info.newer_version}"
    elif info.newer_version is not None:
        yield f"a newer version exists, which is not the one in use: {info.newer_version}"
    elif ref.stage is not None:
        yield f"asked for by {_pin(ref)}, and judged as such"


def _pin(ref: SecretRef) -> str:
    return f"version {ref.version}" if ref.version is not None else f"stage {ref.stage}"
