"""Decide when logins and leases are renewed, which of them end, and which are revoked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from secretsync.core.durations import format_duration
from secretsync.core.errors import SecretSyncError
from secretsync.core.lease import Lease
from secretsync.core.model import Failed, Found
from secretsync.core.problems.kinds import ProblemKind
from secretsync.providers.interface import Deadline
from secretsync.providers.leasing import LeasingProvider
from secretsync.resolving.leases import StoreLeases

_SHARE = 2 / 3  # of the time of a lease, after which it is renewed
JITTER = 0.1  # of that, so that the processes of a fleet do not ask at the same time
_FULL = 0.9  # A lease whose renewal gives less than this share of its first time is near its maximum.
_ATTEMPT = 10.0  # seconds for one renewal
_PAUSES = (0.1, 30.0)  # the shortest and the longest pause after a failure, in seconds
_PAUSE = 1 / 8  # of the time that is left, which is the pause between the two


class HeldLease:
    """A login or a lease, and when something is done about it. Times are seconds of the clock of the keeper."""

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.full = lease.lifetime  # the seconds that a renewal is expected to give; None: not known, or no end
        self.ends = None if lease.lifetime is None else lease.began + lease.lifetime
        self.due: float | None = None  # None: nothing is done, or a request is on its way
        self.loss: str | None = None  # why the application needs another one
        self.is_warned = False  # that it ends, and that there is no other one


class Group:
    """The login and the leases of one store that one resolution made."""

    def __init__(self, held: StoreLeases, environ: Mapping[str, str]) -> None:
        self.store = held.store
        self.login = None if held.login is None else HeldLease(held.login)
        self.leases = tuple(HeldLease(lease) for lease in held.leases)
        self.is_failing = False
        self.is_busy = False  # a thread uses the provider
        self._held, self._environ = held, environ
        self._provider: LeasingProvider | None = None

    @property
    def provider(self) -> LeasingProvider:
        """The provider, made at the first use. Raises SecretSyncError."""
        if self._provider is None:
            self._provider = self._held.open(self._environ)
        return self._provider

    @property
    def members(self) -> tuple[HeldLease, ...]:
        """The login first, because the leases end with it."""
        return self.leases if self.login is None else (self.login, *self.leases)

    @property
    def is_needed(self) -> bool:
        """False if it is only a login that does not end."""
        return self.is_busy or bool(self.leases) or any(held.due is not None for held in self.members)

    def name(self, held: HeldLease) -> str:
        """Return the name of a lease for messages."""
        return f"{self.store}:{held.lease.name}"

    def renew(self, held: HeldLease, now: float) -> Found[float] | Found[Lease] | Failed:
        """Send the request that is due for a member. For a thread."""
        left = _ATTEMPT if held.ends is None else max(0.1, min(_ATTEMPT, held.ends - now))
        try:
            if held is self.login and held.full is None:
                return self.provider.look_up(held.lease, Deadline(left))
            return self.provider.renew(held.lease, Deadline(left))
        except SecretSyncError as error:
            return Failed(ProblemKind.UNAVAILABLE, error.problems[0].cause)

    def revoke(self, seconds: float) -> list[tuple[str, str]]:
        """Revoke everything; return the name of each lease that could not be revoked, and why. For a thread."""
        try:
            failures = self.provider.revoke([held.lease for held in self.leases], Deadline(seconds))
            return [(f"{self.store}:{lease.name}", _reason(failed)) for lease, failed in failures]
        except SecretSyncError as error:
            return [(self.name(held), error.problems[0].cause) for held in self.leases]

    def close(self) -> None:
        """Close the connections."""
        if self._provider is not None:
            self._provider.close()


class Keeper:
    """The logins and the leases of this run. It sends no request: its caller does that, and hands over the results."""

    def __init__(
        self,
        *,
        environ: Mapping[str, str],
        now: Callable[[], float],
        draw: Callable[[], float],
        warn: Callable[[str], None],
    ) -> None:
        """`draw`: returns a number from 0 to 1. `warn`: prints a warning."""
        self._environ, self._now, self._draw, self._warn = environ, now, draw, warn
        self._groups: dict[int, tuple[Group, ...]] = {}  # by the number of the resolution
        self._retired: list[Group] = []  # not renewed, and revoked at the end
        self.current: int | None = None  # the resolution whose values the application has

    @property
    def is_empty(self) -> bool:
        """True if there is nothing to renew, now and later, and nothing to revoke."""
        return not self._retired and not any(group.is_needed for groups in self._groups.values() for group in groups)

    @property
    def due(self) -> float | None:
        """Return the time of the next renewal, or None."""
        return min((at for _, held in self._members() if (at := held.due) is not None), default=None)

    @property
    def changes(self) -> dict[str, str]:
        """What the application loses, by name: the text of each loss."""
        lost = [(group, held) for group, held in self._of_application() if held.loss is not None]
        return {group.name(held): f"{group.name(held)}: {held.loss}" for group, held in lost}

    @property
    def ends_in(self) -> float:
        """The seconds until the first of the losses takes effect."""
        ends = [held.ends for _, held in self._of_application() if held.loss is not None and held.ends is not None]
        return max(0.0, min(ends, default=0.0) - self._now())

    def add(self, number: int, sets: Iterable[StoreLeases]) -> None:
        """Renew the leases of another resolution from now on."""
        groups = tuple(Group(held, self._environ) for held in sets)
        for group in groups:
            for held in group.members:
                is_unknown = held is group.login and held.full is None and not held.lease.is_own
                held.due = self._now() if is_unknown else self._next(held)
        self._groups[number] = groups

    def accept(self, number: int, *, revokes: bool) -> list[Group]:
        """Note that the application has the values of a resolution. Return the older groups, which are revoked.

        `revokes`: False means that the application may still use the older leases. They end by themselves.
        """
        self.current = number
        older = [group for one in sorted(self._groups) if one < number for group in self._groups.pop(one)]
        if revokes:
            return older
        self._retired += older
        return []

    def drop(self, number: int) -> list[Group]:
        """Forget a resolution whose values no application has. Return its groups, which are revoked."""
        return list(self._groups.pop(number, ()))

    def drop_all(self) -> list[Group]:
        """Forget everything. Return all groups, which are revoked."""
        found = [*self._retired, *(group for groups in self._groups.values() for group in groups)]
        self._groups, self._retired = {}, []
        return found

    def take_due(self) -> list[tuple[Group, list[HeldLease]]]:
        """Return what has to be renewed now, by group. Until its result is taken, it is not returned again."""
        now, found = self._now(), []
        self._retired = [group for group in self._retired if _is_alive(group, now)]
        for groups in self._groups.values():
            for group in groups:
                due = [] if group.is_busy else self._due_of(group, now)
                if due:
                    group.is_busy = True
                    found.append((group, due))
        return found

    def _due_of(self, group: Group, now: float) -> list[HeldLease]:
        due = []
        for held in group.members:
            if held.due is None or held.due > now:
                continue
            held.due = None
            if held.full is not None and not held.lease.is_renewable:
                self._end(group, held, "it cannot be renewed")
            elif held.ends is not None and now >= held.ends:
                self._lose(group, held, "it has ended, because the store did not renew it in time")
            else:
                due.append(held)
        return due

    def take(self, group: Group, held: HeldLease, began: float, outcome: Found[float] | Found[Lease] | Failed) -> None:
        """Take the result of a renewal. `began`: when it was sent."""
        if isinstance(outcome, Failed):
            self._fail(group, held, outcome)
            return
        if group.is_failing:
            self._warn(f"{group.name(held)}: it is renewed again")
            group.is_failing = False
        if isinstance(outcome.value, Lease):
            held.lease, held.full = outcome.value, outcome.value.lifetime
            held.ends = None if held.full is None else began + held.full
            held.due = self._next(held)
            return
        held.ends = began + outcome.value
        if held.full is not None and outcome.value < _FULL * held.full:
            self._end(group, held, "its time cannot be extended any more")
            return
        held.due = self._after(began, outcome.value)

    def _fail(self, group: Group, held: HeldLease, failed: Failed) -> None:
        if held.full is None:  # The end of a configured token is not known, so that nothing can be done about it.
            held.due = self._now() + _PAUSES[1] if failed.kind is ProblemKind.UNAVAILABLE else None
            return
        if failed.kind is not ProblemKind.UNAVAILABLE:
            self._lose(group, held, _reason(failed))
            return
        assert held.ends is not None  # noqa: S101 - for the type checker
        left = held.ends - self._now()
        held.due = min(held.ends, self._now() + self._pause(left))
        if not group.is_failing:
            group.is_failing = True
            self._warn(
                f"{group.name(held)}: it cannot be renewed: {_reason(failed)}; it ends in {_time(left)}, and the "
                "renewal is tried again until then; the command goes on"
            )

    def _end(self, group: Group, held: HeldLease, reason: str) -> None:
        """Take that a lease is not renewed any more, although it still lives."""
        if held is not group.login or held.lease.is_own or group.provider.newer_login(held.lease):
            self._lose(group, held, reason)
            return
        # Another resolution would use the same token, so that its leases would end with it too.
        left = 0.0 if held.ends is None else held.ends - self._now()
        if left <= 0.0:
            self._lose(group, held, "it has ended")
            return
        held.due = self._now() + self._pause(left)
        if not held.is_warned:
            held.is_warned = True
            self._warn(
                f"{group.name(held)}: {reason}, and it ends in {_time(left)}; put another token in its place, or let "
                "SecretSync log in by another method"
            )

    def _lose(self, group: Group, held: HeldLease, reason: str) -> None:
        held.loss, held.due = reason, None
        if held is group.login:
            for lease in group.leases:  # They end with the login.
                lease.due = None

    def _next(self, held: HeldLease) -> float | None:
        return None if held.full is None else self._after(held.lease.began, held.full)

    def _after(self, began: float, seconds: float) -> float:
        return began + seconds * _SHARE * (1 + JITTER * (2 * self._draw() - 1))

    def _pause(self, left: float) -> float:
        return min(_PAUSES[1], max(_PAUSES[0], left * _PAUSE)) * (1 + JITTER * (2 * self._draw() - 1))

    def _members(self) -> list[tuple[Group, HeldLease]]:
        groups = [group for groups in self._groups.values() for group in groups if not group.is_busy]
        return [(group, held) for group in groups for held in group.members]

    def _of_application(self) -> list[tuple[Group, HeldLease]]:
        groups: Sequence[Group] = () if self.current is None else self._groups.get(self.current, ())
        return [(group, held) for group in groups for held in group.members]


def _is_alive(group: Group, now: float) -> bool:
    return any(held.ends is None or held.ends > now for held in group.leases)


def _reason(failed: Failed) -> str:
    return f"{failed.cause}; {failed.hint}" if failed.hint else failed.cause


def _time(seconds: float) -> str:
    return format_duration(seconds) if seconds >= 1 else f"{max(0.0, seconds):.1f} seconds"
