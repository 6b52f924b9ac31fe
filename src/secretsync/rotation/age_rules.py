"""What one secret's metadata say about its age at a moment: pure, without a clock of its own."""

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

__all__ = ["Case", "Judgement", "Remark", "State", "judge"]

# How far two clocks may be apart: a secret that was made this little in the future was made now.
_TOLERANCE = timedelta(minutes=5)
# A rotation is a matter of seconds: one that has not ended by then does not end any more.
_STUCK = timedelta(hours=24)


class State(StrEnum):
    """What can be said about a secret's age. The worst comes first."""

    MISSING = "missing"
    DENIED = "denied"
    ERROR = "error"
    EXPIRED = "expired"
    OVERDUE = "overdue"
    UNKNOWN = "unknown"
    DUE = "due"
    OK = "ok"
    DYNAMIC = "dynamic"
    EXEMPT = "exempt"


# Positions in the order of the enumeration.
SEVERITY = {state: position for position, state in enumerate(State)}


class Case(Record, kw_only=True):
    """One secret, as it stands before its judge."""

    ref: SecretRef
    outcome: Found[SecretInfo] | Missing | Failed
    applied: AppliedLimit
    now: datetime  # aware
    warn_before: float | None = None  # seconds; None: 14 days, or half of a limit below 28
    declared: datetime | None = None  # when it was last rotated, as the bindings say


class Remark(Record):
    """One thing that is wrong with a secret, and what to do about it."""

    state: State
    cause: str
    hint: str | None = None
    kind: ProblemKind | None = None  # where the store gave no usable answer

    def __str__(self) -> str:
        return f"{self.cause}; {self.hint}" if self.hint else self.cause


class Judgement(Record, kw_only=True):
    """What was found: the worst state, why, and what else is worth knowing."""

    state: State
    remarks: tuple[Remark, ...] = ()  # the worst first
    hints: tuple[str, ...] = ()
    version: str | None = None
    clock: Clock = Clock.NONE
    created: datetime | None = None
    age: int | None = None  # whole seconds
    expires: datetime | None = None


def judge(case: Case) -> Judgement:
    """The judgement of `case`: each age is compared at the second, and the limit itself is overdue."""
    if isinstance(case.outcome, Missing):
        return _alone(Remark(State.MISSING, case.outcome.cause, case.outcome.hint, ProblemKind.MISSING))
    if isinstance(case.outcome, Failed):
        failed = case.outcome
        return _alone(Remark(_state_of_failure(failed.kind), failed.cause, failed.hint, failed.kind))
    info, dates = case.outcome.value, _dates_of(case.outcome.value)
    if dates is None:
        cause = "its provider gave a date without a time zone, or one out of range: such a date is not taken"
        return _alone(Remark(State.UNKNOWN, cause, "report it to the makers of the provider"))
    created, clock = dates.created, info.clock
    if created is None and case.declared is not None:
        created, clock = case.declared, Clock.DECLARED
    # A lease is made for whoever asks for it: it has neither an age nor an end that could be missed.
    if info.dynamic:
        base, age, remarks = State.DYNAMIC, None, list(_usable(info, dates, case.now))
    else:
        age = None if created is None else _age(created, case.now)
        base = State.OK if case.applied.limit.seconds is not None else State.EXEMPT
        remarks = [*_usable(info, dates, case.now), *_own_dates(dates, case), *_limit(dates, case, created, age)]
    remarks.sort(key=lambda remark: SEVERITY[remark.state])
    return Judgement(
        state=remarks[0].state if remarks else base,
        remarks=tuple(remarks),
        hints=tuple(_hints(info, dates, case)),
        version=case.ref.version if info.version is None else str(info.version),
        clock=clock if created is not None else Clock.NONE,
        created=created,
        age=age,
        expires=dates.expires,
    )


def _alone(remark: Remark) -> Judgement:
    return Judgement(state=remark.state, remarks=(remark,))


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


class _Dates(Record, kw_only=True):
    """The dates of a secret, in UTC."""

    created: datetime | None = None
    expires: datetime | None = None
    not_before: datetime | None = None
    next_rotation: datetime | None = None
    pending_since: datetime | None = None
    deletion: datetime | None = None
    modified: datetime | None = None


_DATES = ("created", "expires", "not_before", "next_rotation", "pending_since", "deletion", "modified")


def _dates_of(info: SecretInfo) -> _Dates | None:
    """The dates in `info`; None where one of them says no moment: a plug-in may answer anything."""
    moments: dict[str, datetime] = {}
    for name in _DATES:
        moment = getattr(info, name)
        if moment is None:
            continue
        if not isinstance(moment, datetime) or moment.utcoffset() is None:
            return None
        try:
            moments[name] = moment.astimezone(UTC)
        except OverflowError:
            return None
    return _Dates(**moments)


def _age(created: datetime, now: datetime) -> int | None:
    """Whole seconds from `created` to `now`, never negative; None where it lies too far in the future to be true."""
    if created - now > _TOLERANCE:
        return None
    return max(0, (now - created) // timedelta(seconds=1))


def _usable(info: SecretInfo, dates: _Dates, now: datetime) -> Iterator[Remark]:
    if not info.enabled:
        yield Remark(State.MISSING, "it is disabled", "enable it, or store a new version", ProblemKind.UNUSABLE)
    if dates.not_before is not None and dates.not_before > now:
        yield Remark(
            State.MISSING, f"it is not valid before {format_timestamp(dates.not_before)}", kind=ProblemKind.UNUSABLE
        )


def _own_dates(dates: _Dates, case: Case) -> Iterator[Remark]:
    """What the store's own dates say, whatever the age."""
    window = DEFAULT_WARNING if case.warn_before is None else case.warn_before
    if dates.expires is not None:
        moment = format_timestamp(dates.expires)
        if dates.expires <= case.now:
            yield Remark(State.EXPIRED, f"it expired at {moment}, its store says", "store a new version")
        elif (dates.expires - case.now).total_seconds() <= window:
            yield Remark(State.DUE, f"it expires at {moment}, its store says", "store a new version before")
    if dates.deletion is not None:
        moment = format_timestamp(dates.deletion)
        if dates.deletion <= case.now:
            yield Remark(State.EXPIRED, f"its store deletes it at {moment}", "store a new version, or keep this one")
        else:
            yield Remark(State.DUE, f"it will be deleted at {moment}", "if that is not meant, cancel the deletion")
    if dates.pending_since is not None and case.now - dates.pending_since > _STUCK:
        begun = format_timestamp(dates.pending_since)
        hint = "look at the log of whatever rotates it; until then the old version is in use"
        yield Remark(State.OVERDUE, f"a rotation was begun at {begun} and has not ended", hint)


def _limit(dates: _Dates, case: Case, created: datetime | None, age: int | None) -> Iterator[Remark]:
    """What the age says, or what is wrong with the exemption from it."""
    limit, source = case.applied.limit, case.applied.source
    if limit.seconds is None:
        if limit.until is not None and _has_ended(limit.until, case.now):
            yield Remark(
                State.EXPIRED,
                f"its exemption ended on {limit.until.isoformat()} ({source}: {limit.reason})",
                "rotate it and give it a limit, or decide about the exemption anew",
            )
        return
    if created is None:
        yield Remark(State.UNKNOWN, "nothing says when it was made", _undated_hint(dates))
    elif age is None:
        ahead = format_duration((created - case.now).total_seconds())
        yield Remark(
            State.UNKNOWN,
            f"its date {format_timestamp(created)} is {ahead} in the future: a clock is wrong, or it did not exist yet",
            "compare the store's clock with this machine's",
        )
    elif age >= limit.seconds:
        over = f"{format_duration(age - limit.seconds)} over its limit" if age > limit.seconds else "at its limit"
        yield Remark(
            State.OVERDUE, f"it is {format_duration(age)} old, {over} ({limit.written}, {source})", "rotate it"
        )
    elif age >= limit.seconds - _window(case.warn_before, limit.seconds):
        left = format_duration(limit.seconds - age)
        yield Remark(State.DUE, f"it is {format_duration(age)} old, with {left} left ({limit.written}, {source})")


def _has_ended(until: date, now: datetime) -> bool:
    """Whether `now` is after the day `until`, in UTC."""
    return now.astimezone(UTC).date() > until


def _window(warn_before: float | None, limit: float) -> float:
    """How long before its limit a secret is due. The default leaves room below a short limit, or all would be due."""
    return min(DEFAULT_WARNING, limit / 2) if warn_before is None else warn_before


def _undated_hint(dates: _Dates) -> str:
    declare = "declare the day in its binding: rotated = 2026-10-01"
    if dates.modified is None:
        return declare
    touched = format_timestamp(dates.modified)
    return f"{declare} (its file was last written to at {touched}: a copy or a restart does that too, so it is no age)"


def _hints(info: SecretInfo, dates: _Dates, case: Case) -> Iterator[str]:
    """What is worth knowing and no finding."""
    ref, now = case.ref, case.now
    if info.newer_version is not None and (ref.version is not None or ref.stage is not None):
        yield f"pinned to {_pin(ref)}, and judged as such; a newer version exists: {info.newer_version}"
    elif info.newer_version is not None:
        yield f"a newer version exists, which is not the one in use: {info.newer_version}"
    elif ref.stage is not None:
        yield f"asked for by {_pin(ref)}, and judged as such"
    if info.rotation_period is not None:
        yield f"its store rotates it every {format_duration(info.rotation_period)}"
    if dates.next_rotation is not None:
        moment = format_timestamp(dates.next_rotation)
        is_late = dates.next_rotation < now
        yield f"its store was to rotate it by {moment} and has not" if is_late else f"next rotation by {moment}"
    if dates.pending_since is not None and now - dates.pending_since <= _STUCK:
        yield f"a rotation is in progress since {format_timestamp(dates.pending_since)}"
    if case.applied.limit.seconds is None and not info.dynamic:
        until = case.applied.limit.until
        if until is None or not _has_ended(until, now):
            yield f"exempt{f' until {until.isoformat()}' if until else ''}: {case.applied.limit.reason}"
    if dates.created is not None and case.declared is not None:
        yield "its store has a clock: the date declared in its binding is not used"
    yield from info.notes


def _pin(ref: SecretRef) -> str:
    return f"version {ref.version}" if ref.version is not None else f"stage {ref.stage}"
