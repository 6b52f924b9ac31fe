"""Exceptions with problems and an exit status.

SecretSyncError                 anything below
├── UsageError             2    the call itself: no environment named, a bad name
├── ConfigurationError     2    env files, placeholders, bindings, a missing SDK
│   └── ValidationError    2    values that the policy, or a strict environment, does not allow
├── ResolutionError     3 4 5   a store did not answer with a usable value
├── OutputError            6    a value that a format cannot carry, an unsafe file
├── MissingKeyError             a key that the configuration does not have (a KeyError)
└── ValueTypeError              a value that is not of the type asked for (a ValueError)

No message holds a secret value, a part of one, or its length, and no exception is chained to one that does.
"""

from __future__ import annotations

from secretsync.core.records import Record
from secretsync.core.text import looks_like_value, printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from secretsync.core.problems.kinds import ExitStatus, ProblemKind, combined_status, worst_status

__all__ = [
    "ConfigurationError",
    "ExitStatus",
    "MissingKeyError",
    "OutputError",
    "Problem",
    "ProblemKind",
    "ResolutionError",
    "SecretSyncError",
    "UsageError",
    "ValidationError",
    "ValueTypeError",
    "combined_status",
    "worst_status",
]


def __getattr__(name: str) -> Any:
    """Import the kinds of problems only if they are used, because `enum` slows each start."""
    if name not in ("ExitStatus", "ProblemKind", "combined_status", "worst_status"):
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    from secretsync.core.problems import kinds

    return getattr(kinds, name)


class Problem(Record, kw_only=True):
    """One thing that is wrong, where, why, and what to do next. It has no room for a value."""

    kind: ProblemKind
    cause: str
    hint: str | None = None
    key: str | None = None
    file: str | None = None
    line: int | None = None
    column: int | None = None
    reference: str | None = None
    store: str | None = None

    def __str__(self) -> str:
        """`FILE:LINE:COLUMN: KEY: REFERENCE: CAUSE; HINT`, without the parts that are not known (None or 0)."""
        where = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        reference = None if self.reference == self.key else self.reference
        parts = [part for part in (where, self.shown_key, reference) if part]
        text = ": ".join([*parts, self.cause])
        return printable(f"{text}; {self.hint}" if self.hint else text)

    @property
    def shown_key(self) -> str | None:
        """The key, but not if it may be a value: the last line of a pasted base64 text ends in `=`."""
        return None if self.key is None or looks_like_value(self.key) else self.key


def _text_of(problems: Sequence[Problem]) -> str:
    """Return a line for each cause."""
    if len(problems) == 1:
        return str(problems[0])
    from secretsync.core.problems.grouping import problem_lines  # Imported only if there are several problems.

    return "\n".join(problem_lines(problems))


class SecretSyncError(Exception):
    """Any failure of SecretSync.

    `problems` holds everything that is wrong, in the order of the files; `exit_status` is what a command ends with.
    """

    _kind = "configuration"  # of a problem that is given as a text

    def __init__(self, problems: Sequence[Problem] | str, *, kind: ProblemKind | None = None) -> None:
        if isinstance(problems, str):
            from secretsync.core.problems.kinds import ProblemKind

            problems = (Problem(kind=kind or ProblemKind(self._kind), cause=problems),)
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__(_text_of(self.problems))

    def __reduce__(self) -> tuple[type[SecretSyncError], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)

    @property
    def exit_status(self) -> ExitStatus:
        """Return the exit status of a command."""
        from secretsync.core.problems.kinds import worst_status

        return worst_status(problem.kind for problem in self.problems)


class UsageError(SecretSyncError):
    """The call itself is wrong: no environment named, a bad name, options that exclude each other."""


class ConfigurationError(SecretSyncError):
    """The env files, their placeholders or the bindings are wrong, or a store's SDK is not installed."""


class ValidationError(ConfigurationError):
    """Every value was resolved, and the policy or a strict environment refuses some."""


class ResolutionError(SecretSyncError):
    """At least one secret could not be read. Nothing was rendered or started."""


class OutputError(SecretSyncError):
    """The result cannot be written: a value that the format cannot carry, an unsafe file."""

    _kind = "output"


class MissingKeyError(SecretSyncError, KeyError):
    """The configuration does not have a key."""

    _kind = "missing"

    def __str__(self) -> str:
        """Return the message without the quotes of KeyError."""
        return _text_of(self.problems)


class ValueTypeError(SecretSyncError, ValueError):
    """A value is not of the type asked for. The message names the key and the type, never the text."""
