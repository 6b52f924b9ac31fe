"""A store that answers every request with the same failure, in place of a store that cannot or must not be asked."""

from __future__ import annotations

from secretsync.core.errors import ConfigurationError, Problem
from secretsync.core.model import Failed, SecretRef
from secretsync.providers.interface import Deadline, Identity, ProviderSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SPEC = ProviderSpec(name="unusable", title="a store that is not asked", path_help="any path")


class NotAsked(Failed):
    """The outcome of a request to a store that cannot or must not be asked."""


class UnusableStore:
    """A provider without a store."""

    spec = _SPEC

    def __init__(self, problem: Problem) -> None:
        """`problem`: the reason why the store is not asked."""
        self._problem = problem
        cause = problem.cause.removeprefix(f"{problem.store}: ")
        self._failure = NotAsked(problem.kind, cause, problem.hint)

    def fetch(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[tuple[SecretRef, NotAsked]]:  # noqa: ARG002
        """See Provider."""
        return ((ref, self._failure) for ref in refs)

    describe = fetch

    def identity(self) -> Identity:
        """See Provider."""
        raise ConfigurationError([self._problem])

    def close(self) -> None:
        """See Provider."""
