"""The content of every format of `check-rotation`: the ages of the secrets of one environment or of several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from secretsync.core.errors import ExitStatus
from secretsync.core.records import Record
from secretsync.core.reporting.rows import Place, ReportRow
from secretsync.core.reporting.terminal import PLAIN, Look
from secretsync.core.text import count_of
from secretsync.rotation.age_rules import State
from secretsync.rotation.report import AgeFinding, Key, RotationReport, exit_status


class Document(Record, kw_only=True):
    """The reports of one call.

    `is_several`: the call asked for several environments, even if it found only one. `is_merged`: the reports are of
    several projects, so that files are shown with the name of their project.
    """

    at: datetime
    reports: tuple[RotationReport, ...]
    is_several: bool = False
    is_merged: bool = False
    look: Look = PLAIN  # of the table

    @property
    def project(self) -> str | None:
        """The name of the project; None if the reports are of several."""
        names = {report.project for report in self.reports}
        return names.pop() if len(names) == 1 else None

    @property
    def names(self) -> str:
        """The project with its environments: `shop, production, staging`; of several projects their number."""
        if self.project is None:
            return count_of(len({report.project for report in self.reports}), "project")
        return ", ".join([self.project, *(report.environment for report in self.reports)])

    @property
    def worst_first(self) -> tuple[RotationReport, ...]:
        """The reports for people: those of a merge with the worst first, others in their order."""
        if not self.is_merged:
            return self.reports
        return tuple(sorted(self.reports, key=lambda report: (report.severity, report.project, report.environment)))

    @property
    def totals(self) -> str:
        """A line about all reports of a merge."""
        outdated = sum(report.outdated is not None for report in self.reports)
        parts = [
            count_of(len({report.project for report in self.reports}), "project"),
            count_of(len(self.reports), "environment"),
            count_of(sum(len(report.secrets) for report in self.reports), "secret"),
            *([f"{count_of(outdated, 'report')} out of date"] if outdated else []),
        ]
        return ", ".join(parts)

    @property
    def summary(self) -> dict[State, int]:
        """The number of secrets in each state, over all environments."""
        summaries = [report.summary for report in self.reports]
        shown = [state for state in State if state is not State.STALE or any(state in one for one in summaries)]
        return {state: sum(one.get(state, 0) for one in summaries) for state in shown}

    @property
    def rows(self) -> Iterator[ReportRow]:
        """The findings by environment, the worst first."""
        return (self._row(report, finding) for report in self.reports for finding in report.findings)

    @property
    def exit_status(self) -> ExitStatus:
        """The exit status of the command."""
        return exit_status(tuple(finding for report in self.reports for finding in report.findings))

    def place(self, report: RotationReport, key: Key) -> Place:
        """Return the place of an entry. The files of a merge are in other repositories."""
        return Place(key.name, f"{report.project}/{key.file}" if self.is_merged else key.file, key.line)

    def _row(self, report: RotationReport, finding: AgeFinding) -> ReportRow:
        subject = finding.keys[0].name if finding.keys else finding.reference
        return ReportRow(
            rule=rule_id(finding.state),
            is_error=finding.counts,
            message=f"{finding.reference}: {finding.cause}",
            hint=finding.hint,
            title=f"{subject} is {finding.state.value} ({report.project}, {report.environment})",
            places=tuple(self.place(report, key) for key in finding.keys),
            # Without the cause, which has the age in days.
            identity=(report.project, report.environment, finding.reference, finding.state.value),
            properties=(
                ("project", report.project),
                ("environment", report.environment),
                ("reference", finding.reference),
            ),
        )


def rule_id(state: State) -> str:
    """Return the id under which SARIF knows a state."""
    return f"rotation/{state.value}"


def count_states(summary: Mapping[State, int]) -> str:
    """Return `3 overdue, 1 ok`; empty if there is no secret."""
    return ", ".join(f"{count} {state.value}" for state, count in summary.items() if count)
