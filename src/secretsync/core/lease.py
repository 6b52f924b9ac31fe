"""A login or a lease of a store: it ends by itself unless it is renewed."""

from __future__ import annotations

from secretsync.core.secret import HiddenValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Lease(HiddenValue):
    """The id of a lease, or the token of a login. Only `reveal` returns it, because it gives rights at the store."""

    __slots__ = ("__reveal", "began", "is_login", "is_own", "is_renewable", "lifetime", "name")

    def __init__(
        self,
        text: str,
        *,
        name: str,
        began: float,
        lifetime: float | None,
        is_renewable: bool,
        is_login: bool = False,
        is_own: bool = True,
    ) -> None:
        """`name`: of the secret or the login, for messages. `began`: on the monotonic clock.

        `lifetime`: seconds; None means that it does not end, or that its end is not known.
        `is_login`: the leases of the same store end with it. `is_own`: SecretSync made it, and may revoke it.
        """
        self.__reveal: Callable[[], str] = lambda: text
        self.name = name
        self.began = began
        self.lifetime = lifetime
        self.is_renewable = is_renewable
        self.is_login = is_login
        self.is_own = is_own

    def reveal(self) -> str:
        """Return the id or the token."""
        return self.__reveal()
