"""Decide whether a store keeps the schedule by which it rotates a secret, and forecast its next rotations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from secretsync.core.model import SecretInfo, SecretRef
from secretsync.core.records import Record
from secretsync.rotation.secret_dates import TOLERANCE, SecretDates

_LONGEST = 100 * 366 * 86400.0  # seconds; a longer period is an error of a plug-in


class Schedule(Record):
    """The times at which a store rotates a secret: `next`, and then after each `period`."""

    next: datetime
    period: timedelta

    def is_missed(self, observed: datetime) -> bool:
        """Return True if the store was to rotate the secret before `observed`, when it returned these dates."""
        return observed - self.next > TOLERANCE

    def forecast(self, observed: datetime, now: datetime) -> datetime | None:
        """Return the last rotation up to `now`, if it is after `observed` and the store keeps the schedule."""
        if now <= observed or now < self.next or self.is_missed(observed):
            return None
        return self.next + (now - self.next) // self.period * self.period

    def after(self, last: datetime) -> Schedule:
        """Return the schedule from the rotation at `last` on."""
        try:
            return Schedule(last + self.period, self.period)
        except OverflowError:
            return Schedule(datetime.max.replace(tzinfo=UTC), self.period)

    def covers(self, created: datetime, limit: float, observed: datetime) -> bool:
        """Return True if the store keeps the schedule, and replaces each version before it is `limit` seconds old.

        `created`: the date of the version in use.
        """
        if self.is_missed(observed) or self.period.total_seconds() > limit:
            return False
        return (self.next - created).total_seconds() <= limit


def schedule_of(info: SecretInfo, dates: SecretDates, ref: SecretRef) -> Schedule | None:
    """Return the schedule of a secret; None if its store does not rotate it, or if `ref` pins a version.

    A pinned version stays the same when its store rotates the secret.
    """
    if ref.version is not None or (ref.stage is not None and info.newer_version is not None):
        return None
    period = period_of(info.rotation_period)
    upcoming = dates.next_rotation
    try:
        if upcoming is None and dates.created is not None and period is not None:
            upcoming = dates.created + period
    except OverflowError:
        return None
    if period is None and upcoming is not None and dates.created is not None:
        # A calendar decides. Its next period is about as long as the present one.
        period = max(upcoming - dates.created, timedelta(hours=1))
    return None if upcoming is None or period is None else Schedule(upcoming, period)


def period_of(seconds: float | None) -> timedelta | None:
    """Return the period that a store gave. A plug-in may return any number."""
    if not isinstance(seconds, int | float) or not 1 <= seconds <= _LONGEST:
        return None
    return timedelta(seconds=seconds)
