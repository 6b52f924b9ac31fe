"""What is reported: the ages of one environment's secrets, or of several environments'."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from secretsync.core.errors import ExitStatus
from secretsync.core.records import Record
from secretsync.rotation.age_rules import State
from secretsync.rotation.report import Finding, RotationReport, exit_status

__all__ = ["Document"]


class Document(Record, kw_only=True):
    """The reports of one call. `is_several`: it asked for several environments, however many there were."""

    at: datetime
    reports: tuple[RotationReport, ...]
    is_several: bool = False
    is_colourful: bool = False  # a terminal reads it

    @property
    def summary(self) -> dict[State, int]:
        """How many secrets are in each state, all together."""
        return {state: sum(report.summary[state] for report in self.reports) for state in State}

    @property
    def findings(self) -> Iterator[tuple[RotationReport, Finding]]:
        """What is wrong, by environment, the worst first."""
        return ((report, finding) for report in self.reports for finding in report.findings)

    @property
    def exit_status(self) -> ExitStatus:
        """What the command ends with."""
        return exit_status(tuple(finding for _, finding in self.findings))
