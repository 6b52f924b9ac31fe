"""The dates in the metadata of a secret, and the age that they give."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from secretsync.core.model import SecretInfo
from secretsync.core.records import Record

# The clocks of two machines may differ, so a secret with a date this little in the future counts as made now.
TOLERANCE = timedelta(minutes=5)


class SecretDates(Record, kw_only=True):
    """The dates of a secret, in UTC."""

    created: datetime | None = None
    expires: datetime | None = None
    not_before: datetime | None = None
    next_rotation: datetime | None = None
    pending_since: datetime | None = None
    deletion: datetime | None = None
    modified: datetime | None = None


_NAMES = ("created", "expires", "not_before", "next_rotation", "pending_since", "deletion", "modified")


def dates_of(info: SecretInfo) -> SecretDates | None:
    """Return the dates of `info` in UTC, or None if one of them is not a timestamp with a time zone.

    The dates are checked because a plug-in's provider may return anything.
    """
    moments: dict[str, datetime] = {}
    for name in _NAMES:
        moment = getattr(info, name)
        if moment is None:
            continue
        if not isinstance(moment, datetime) or moment.utcoffset() is None:
            return None
        try:
            moments[name] = moment.astimezone(UTC)
        except OverflowError:
            return None
    return SecretDates(**moments)


def age_at(created: datetime, now: datetime) -> int | None:
    """Return the whole seconds from `created` to `now`, or None if `created` is too far in the future to be true."""
    if created - now > TOLERANCE:
        return None
    return max(0, (now - created) // timedelta(seconds=1))
