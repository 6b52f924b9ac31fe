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

from collections.abc import Iterable, Sequence
from enum import IntEnum, StrEnum

from secretsync.core.records import Record


class ExitStatus(IntEnum):
    """The exit statuses of the command line."""

    OK = 0
    FINDINGS = 1
    CONFIGURATION = 2
    MISSING = 3
    DENIED = 4
    UNAVAILABLE = 5
    OUTPUT = 6
    CANNOT_EXECUTE = 126
    COMMAND_NOT_FOUND = 127
    INTERRUPTED = 130
    TERMINATED = 143


class ProblemKind(StrEnum):
    """The kind of a problem. It decides the exit status."""

    CONFIGURATION = "configuration"  # env files, placeholders, bindings, a missing SDK
    MISSING = "missing"  # the store answered that no such secret is there
    UNUSABLE = "unusable"  # there, but deleted, disabled, expired or without the field asked for
    DENIED = "denied"  # authentication or permission
    UNAVAILABLE = "unavailable"  # connection, throttling past the deadline, sealed, a garbled answer
    OUTPUT = "output"  # a value that a format cannot carry, an unsafe file

    @property
    def status(self) -> ExitStatus:
        """Return the exit status of this kind."""
        return _STATUS[self]


_STATUS = {
    ProblemKind.CONFIGURATION: ExitStatus.CONFIGURATION,
    ProblemKind.MISSING: ExitStatus.MISSING,
    ProblemKind.UNUSABLE: ExitStatus.MISSING,
    ProblemKind.DENIED: ExitStatus.DENIED,
    ProblemKind.UNAVAILABLE: ExitStatus.UNAVAILABLE,
    ProblemKind.OUTPUT: ExitStatus.OUTPUT,
}


def printable(text: str) -> str:
    """Return `text` on one line. Control and direction characters are escaped, so that no name forges a log line."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


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
        from secretsync.core.text import looks_like_value  # Imported only if there is a problem.

        return None if self.key is None or looks_like_value(self.key) else self.key


def worst_status(kinds: Iterable[ProblemKind]) -> ExitStatus:
    """Return the lowest exit status: 2 comes before 3, 4 and 5, because a retry does not help."""
    return min((kind.status for kind in kinds), default=ExitStatus.OK)


def combined_status(statuses: Iterable[ExitStatus]) -> ExitStatus:
    """Return the exit status of several reports: the lowest failure first, else findings, else 0."""
    order = {ExitStatus.FINDINGS: 1, ExitStatus.OK: 2}  # after every failure
    return min(statuses, key=lambda status: (order.get(status, 0), status), default=ExitStatus.OK)


def _text_of(problems: Sequence[Problem]) -> str:
    """Return a line for each cause."""
    if len(problems) == 1:
        return str(problems[0])
    from secretsync.core.problem_lines import problem_lines  # Imported only if there are several problems.

    return "\n".join(problem_lines(problems))


class SecretSyncError(Exception):
    """Any failure of SecretSync.

    `problems` holds everything that is wrong, in the order of the files; `exit_status` is what a command ends with.
    """

    def __init__(self, problems: Sequence[Problem] | str, *, kind: ProblemKind = ProblemKind.CONFIGURATION) -> None:
        if isinstance(problems, str):
            problems = (Problem(kind=kind, cause=problems),)
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__(_text_of(self.problems))

    def __reduce__(self) -> tuple[type[SecretSyncError], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)

    @property
    def exit_status(self) -> ExitStatus:
        """Return the exit status of a command."""
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

    def __init__(self, problems: Sequence[Problem] | str, *, kind: ProblemKind = ProblemKind.OUTPUT) -> None:
        super().__init__(problems, kind=kind)


class MissingKeyError(SecretSyncError, KeyError):
    """The configuration does not have a key."""

    def __init__(self, problems: Sequence[Problem] | str, *, kind: ProblemKind = ProblemKind.MISSING) -> None:
        super().__init__(problems, kind=kind)

    def __str__(self) -> str:
        """Return the message without the quotes of KeyError."""
        return _text_of(self.problems)


class ValueTypeError(SecretSyncError, ValueError):
    """A value is not of the type asked for. The message names the key and the type, never the text."""
