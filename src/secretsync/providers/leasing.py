"""The optional capability of a provider to renew and revoke leases."""

from __future__ import annotations

from secretsync.core.lease import Lease
from secretsync.core.light import Protocol
from secretsync.core.model import Failed, Found
from secretsync.providers.interface import Deadline, Provider

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class LeasingProvider(Provider, Protocol):
    """A store whose logins and secrets end. The `spec` of such a provider says `has_leases=True`.

    The payload of a leased secret has its Lease. `renew`, `look_up` and `revoke` use the login of `take_login` and no
    other, because leases end with the login that made them. They try each request once, do not wait past the deadline,
    and raise nothing.
    """

    def login(self) -> Lease | None:
        """Return the login that this provider used last; None if it has none. Sends no request."""
        ...

    def take_login(self, login: Lease) -> None:
        """Use a login that another process made."""
        ...

    def newer_login(self, login: Lease) -> bool:
        """Return True if this process can get another login than `login`, which ends. Sends no request."""
        ...

    def look_up(self, login: Lease, deadline: Deadline) -> Found[Lease] | Failed:
        """Return `login` with its lifetime, as the store knows it."""
        ...

    def renew(self, lease: Lease, deadline: Deadline) -> Found[float] | Failed:
        """Renew a lease or the login. Return the seconds until it ends now.

        Failed with the kind UNAVAILABLE means that the same request may succeed later. Every other kind means that the
        store does not renew it any more.
        """
        ...

    def revoke(self, leases: Sequence[Lease], deadline: Deadline) -> Iterator[tuple[Lease, Failed]]:
        """Revoke the login if it is its own, and with it `leases`, or else each of `leases`. Yield each failure."""
        ...
