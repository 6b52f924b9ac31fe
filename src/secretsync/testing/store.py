"""The interface of a real store in the tests of the contract."""

from __future__ import annotations

from typing import Protocol

from secretsync.core.model import SecretRef
from secretsync.providers.interface import Provider


class StoreUnderTest(Protocol):
    """A real store that the tests of the contract fill and break.

    A `name` is a simple word, from which the store makes a path.
    """

    def provider(self) -> Provider:
        """Return a new provider of the store."""
        ...

    def ref(self, name: str, *, version: str | None = None) -> SecretRef:
        """Return the reference to the secret called `name`."""
        ...

    def put(self, name: str, value: str | bytes) -> str | None:
        """Store a secret, or a new version of it. Return the version's id; None if the store has no versions."""
        ...

    def values_read(self) -> int:
        """Return the number of requests for a value until now, failed requests included."""
        ...

    def deny(self, name: str) -> None:
        """Take away the right to read the secret."""
        ...

    def disable(self, name: str) -> None:
        """Disable or delete the secret, so that it exists and cannot be used."""
        ...

    def edit_metadata(self, name: str) -> None:
        """Change tags, description or custom metadata, and no value."""
        ...

    def go_down(self) -> None:
        """Refuse connections from now on."""
        ...

    def hang(self) -> None:
        """Accept requests and answer nothing from now on."""
        ...

    def throttle(self) -> None:
        """Answer every request with "too many requests" from now on."""
        ...

    def garble(self) -> None:
        """Answer every request with success and a body that is not an answer from now on."""
        ...
