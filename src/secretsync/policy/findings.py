"""Findings: the places that break a rule of validation or audit."""

from __future__ import annotations

from secretsync.core.errors import Problem, ProblemKind
from secretsync.core.records import Record
from secretsync.policy.rules import RULES, Severity


class RuleFinding(Record, kw_only=True):
    """One place that breaks a rule. It does not have room for a value."""

    rule: str
    severity: Severity
    message: str
    hint: str
    key: str | None = None
    file: str | None = None
    line: int | None = None

    @property
    def problem(self) -> Problem:
        """The finding as a problem of an error."""
        return Problem(
            kind=ProblemKind.CONFIGURATION,
            key=self.key,
            file=self.file,
            line=self.line,
            cause=f"{self.message} ({self.rule})",
            hint=self.hint,
        )


def found(
    rule: str,
    message: str,
    *,
    key: str | None = None,
    file: str | None = None,
    line: int | None = None,
    hint: str | None = None,
    severity: Severity | None = None,
) -> RuleFinding:
    """Return a finding. The rule gives the hint and the severity that the caller does not."""
    return RuleFinding(
        rule=rule,
        severity=severity or RULES[rule].severity,
        message=message,
        hint=hint or RULES[rule].hint,
        key=key,
        file=file,
        line=line,
    )
