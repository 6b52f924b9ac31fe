"""The optional capability of a provider to store a new version of a secret."""

from __future__ import annotations

from secretsync.core.errors import ProblemKind
from secretsync.core.light import Protocol
from secretsync.core.model import Failed, Found, Missing, SecretRef
from secretsync.core.records import Record
from secretsync.core.secret import Payload
from secretsync.providers.interface import Deadline, Provider


class Change(Protocol):
    """The new value of one secret, which is made of its present value."""

    @property
    def needs_present(self) -> bool:
        """True if the new value depends on the present one. Otherwise the provider need not read the value."""
        ...

    def apply(self, present: Payload | None, *, from_file: bool = False) -> Payload | Failed | None:
        """Return the new value, or why it does not exist; None if the secret has the wanted value already.

        `present`: the present value; None if the secret does not exist, has no usable version, or is not needed.
        `from_file`: the secret is a file, of which a read drops one line end.
        """
        ...


class Written(Record, kw_only=True):
    """The result of a write, without a value.

    `before`: the version that was current before; None if there was no version, or if the store has no versions.
    `after`: the version that was written; equal to `before` if nothing had to be written.
    `is_new`: the secret did not exist. `is_changed`: something was written.
    `race`: how another process changed the secret at the same time; None if no other change was seen.
    """

    before: str | None = None
    after: str | None = None
    is_new: bool = False
    is_changed: bool = True
    race: str | None = None


class WritableProvider(Provider, Protocol):
    """A store that can be written. The `spec` of such a provider says `is_writable=True`."""

    def write(self, ref: SecretRef, change: Change, deadline: Deadline) -> Found[Written] | Failed:
        """Store a new version of the secret, or create it. Only `secretsync set` and `import --write` call it.

        The rest of the secret, such as its other fields, is kept: that is the job of `change`. A request that stores
        something must not be sent a second time, unless the store recognizes the repetition. If another process writes
        at the same time, either nothing is written and the result is a failure, or the result has `race`. The method
        must not raise an exception, and its texts must not hold a part of a value.
        """
        ...


def unchanged(version: str | None) -> Found[Written]:
    """Return the result if the secret has the wanted value already."""
    return Found(Written(before=version, after=version, is_changed=False))


def as_written(outcome: Found[Written] | Missing | Failed) -> Found[Written] | Failed:
    """Return the outcome of a write. A write cannot be missing."""
    return Failed(ProblemKind.UNUSABLE, outcome.cause, outcome.hint) if isinstance(outcome, Missing) else outcome
