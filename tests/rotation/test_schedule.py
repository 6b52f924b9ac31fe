"""Secrets that their stores rotate: a kept schedule is assumed to be kept, and a missed one is a finding."""

from datetime import UTC, datetime, timedelta

import pytest

from secretsync.core.model import Clock, Found, SecretInfo, SecretRef
from secretsync.project.bindings import Limit
from secretsync.rotation.age_rules import AgeResult, Case, State, assess_age
from secretsync.rotation.max_age import AppliedLimit

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
DAY = timedelta(days=1)
NINETY = Limit(seconds=90 * 86400.0, written="90d")
NEVER = Limit(seconds=None, reason="rotated by its store", written="never")


def info(age: timedelta, **more: object) -> SecretInfo:
    """Return the metadata of a version of that age at NOW."""
    return SecretInfo(version="7", created=NOW - age, clock=Clock.VERSION_CREATED, **more)  # type: ignore[arg-type]


def assess(
    given: SecretInfo, *, after: timedelta = timedelta(0), limit: Limit = NINETY, ref: str | None = None
) -> AgeResult:
    """Return the result of a report on the time `after` NOW, when the store answered. `ref`: a pinned version."""
    return assess_age(
        Case(
            ref=SecretRef("memory", "x", ref),
            outcome=Found(given),
            applied=AppliedLimit(limit, "default"),
            now=NOW + after,
            observed=NOW,
        )
    )


def every(days: float, **more: object) -> SecretInfo:
    """Return a secret that was rotated an hour ago, and is rotated every so many days."""
    return info(timedelta(hours=1), rotation_period=days * 86400, **more)


@pytest.mark.parametrize(
    ("given", "state"),
    [
        (info(DAY, next_rotation=NOW - 3 * DAY, rotation_period=30 * 86400.0), State.OVERDUE),
        (info(DAY, next_rotation=NOW - timedelta(seconds=300)), State.OK),  # two clocks never agree
        (info(DAY, next_rotation=NOW - timedelta(seconds=301)), State.OVERDUE),
        (info(2 * DAY, rotation_period=86400.0), State.OVERDUE),
        (info(31 * DAY, next_rotation=NOW - DAY, pending_since=NOW - timedelta(hours=1)), State.OK),
        (info(31 * DAY, next_rotation=NOW - 2 * DAY, pending_since=NOW - timedelta(hours=25)), State.OVERDUE),
        (info(80 * DAY, rotation_period=90 * 86400.0), State.OK),  # replaced in time, so that it is never due
        (info(80 * DAY, rotation_period=120 * 86400.0), State.DUE),
        (info(100 * DAY, rotation_period=120 * 86400.0), State.OVERDUE),  # its store keeps a schedule that is too slow
    ],
)
def test_judged_by_the_schedule(given: SecretInfo, state: State) -> None:
    """A store that keeps a schedule within the limit has no finding, and every missed rotation is one."""
    assert assess(given).state is state


def test_a_missed_rotation_is_a_finding_of_an_exempt_secret() -> None:
    """An exemption is from the limit, and not from the store's own schedule."""
    result = assess(info(40 * DAY, next_rotation=NOW - 10 * DAY), limit=NEVER)
    assert result.state is State.OVERDUE
    assert "was to rotate it by 2026-11-14T08:00:00Z and has not" in result.issues[0].cause


@pytest.mark.parametrize(
    ("given", "state"),
    [
        (every(1), State.OK),
        (every(30), State.OK),
        (every(89), State.OK),
        (every(120), State.OVERDUE),  # 120 days after NOW its version is older than 90 days
        (info(10 * DAY, next_rotation=NOW + 20 * DAY), State.OK),  # a calendar, of about 30 days
        (every(1, pending_since=NOW - timedelta(hours=1)), State.OK),  # begun now, and long ended by then
        (info(2 * DAY, rotation_period=86400.0), State.OVERDUE),  # missed already
        (info(2 * DAY), State.OVERDUE),  # nothing rotates it
        (every(1, expires=NOW + 30 * DAY), State.EXPIRED),  # the store's own date is not moved by a guess
        (every(float("nan")), State.OVERDUE),
        (every(0), State.OVERDUE),
        (every(1e300), State.OVERDUE),
    ],
)
def test_forecast(given: SecretInfo, state: State) -> None:
    """A report on a time in four months assumes that the store keeps its schedule."""
    assert assess(given, after=119 * DAY + timedelta(hours=22)).state is state


def test_forecast_shows_what_it_assumes() -> None:
    """The date of a forecast is that of the last assumed rotation, without a version, which nobody knows yet."""
    result = assess(every(1), after=120 * DAY)
    assert (result.created, result.clock, result.version) == (
        NOW + 119 * DAY + timedelta(hours=23),
        Clock.LAST_ROTATED,
        None,
    )
    assert result.age == 3600
    assert any("a forecast" in hint and "2027-03-24T07:00:00Z" in hint for hint in result.hints)


def test_a_pinned_version_is_not_rotated() -> None:
    """A forecast of a pinned version takes its age, because a rotation does not change what is pinned."""
    assert assess(every(1), after=120 * DAY, ref="7").state is State.OVERDUE


def test_the_end_of_the_calendar() -> None:
    """The last day of the calendar has a forecast too."""
    assert assess(every(30), after=datetime.max.replace(tzinfo=UTC) - NOW).state is State.OK
