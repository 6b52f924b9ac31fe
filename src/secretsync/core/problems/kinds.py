"""The kinds of problems, and the exit statuses that follow from them. Imported only if there is a problem."""

from __future__ import annotations

from enum import IntEnum, StrEnum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


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


def worst_status(kinds: Iterable[ProblemKind]) -> ExitStatus:
    """Return the lowest exit status: 2 comes before 3, 4 and 5, because a retry does not help."""
    return min((kind.status for kind in kinds), default=ExitStatus.OK)


def combined_status(statuses: Iterable[ExitStatus]) -> ExitStatus:
    """Return the exit status of several reports: the lowest failure first, else findings, else 0."""
    order = {ExitStatus.FINDINGS: 1, ExitStatus.OK: 2}  # after every failure
    return min(statuses, key=lambda status: (order.get(status, 0), status), default=ExitStatus.OK)
