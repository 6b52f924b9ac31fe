"""Validate the entries of a configuration: by its policy, and in strict environments by the built-in checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from secretsync.core.records import Record
from secretsync.core.text import by_place
from secretsync.policy.checks import BUILT_IN, passes, requirement_of
from secretsync.policy.example_values import is_example
from secretsync.policy.policy import Check, Policy, Requirement
from secretsync.policy.rules import Severity
from secretsync.policy.subjects import Subject

if TYPE_CHECKING:
    from datetime import date

    from secretsync.policy.findings import RuleFinding

_ELSEWHERE = "the value is in a store or in the process environment"


class Unjudged(Record, kw_only=True):
    """An entry that a rule could not validate, and the reason."""

    rule: str
    key: str
    why: str


class Verdict(Record, kw_only=True):
    """The findings, the entries that could not be validated, and the rules that were applied."""

    findings: tuple[RuleFinding, ...]
    unjudged: tuple[Unjudged, ...]
    asked: frozenset[str]  # rules that validated at least one entry


def judge(
    policy: Policy,
    subjects: Iterable[Subject],
    *,
    is_strict: bool,
    environ: Mapping[str, str] | None,
    services: Sequence[str],
    known_services: Sequence[str],
) -> Verdict:
    """Validate `subjects` by the policy, and in strict environments by the built-in checks too.

    `environ`: the process environment; None means that the environment of the later process is not known.
    `services`: those selected. The result has the ignored findings too; see `without_ignored`.
    """
    judging = _Judging(policy, tuple(subjects), environ, services, known_services)
    for requirement in policy.required:
        judging.require(requirement)
    for check in policy.checks:
        judging.check(check)
    if is_strict:
        for check in BUILT_IN:
            judging.check(check, is_built_in=True)
        judging.refuse_examples()
    return Verdict(
        findings=tuple(sorted(judging.findings, key=lambda one: (*by_place(one), one.rule))),
        unjudged=tuple(dict.fromkeys(judging.unjudged)),
        asked=frozenset(judging.asked),
    )


def today() -> date:
    """Return the current day in UTC, for `until` of ignored findings."""
    from datetime import UTC, datetime

    return datetime.now(UTC).date()


def without_ignored(
    policy: Policy, findings: Iterable[RuleFinding], today: Callable[[], date]
) -> tuple[RuleFinding, ...]:
    """Return those of `findings` that the policy does not ignore."""
    if not policy.ignores:
        return tuple(findings)
    day = today()
    return tuple(finding for finding in findings if policy.ignored_by(finding, day) is None)


class _Judging:
    """Collect the findings."""

    def __init__(
        self,
        policy: Policy,
        subjects: tuple[Subject, ...],
        environ: Mapping[str, str] | None,
        services: Sequence[str],
        known_services: Sequence[str],
    ) -> None:
        self.policy = policy
        self.subjects = subjects
        self.by_key: dict[str, list[Subject]] = {}
        for subject in subjects:
            self.by_key.setdefault(subject.key, []).append(subject)
        self.environ = environ
        self.services = services
        self.known_services = known_services
        self.findings: list[RuleFinding] = []
        # By kind and place, so that a built-in check does not repeat a finding of the policy.
        self.failed: set[tuple[str, str, int]] = set()
        self.unjudged: list[Unjudged] = []
        self.asked: set[str] = set()

    def require(self, requirement: Requirement) -> None:
        rule, key, service = "policy-required", requirement.key, requirement.service
        if service is not None and service in self.known_services and service not in self.services:
            self.unjudged.append(Unjudged(rule=rule, key=key, why=f"the service {service} was not selected"))
            return
        self.asked.add(rule)
        visible = {subject.service: subject for subject in self.by_key.get(key, ())}
        subject = visible.get(service, visible.get(None))
        if subject is not None and subject.value is None:
            self.unjudged.append(Unjudged(rule=rule, key=key, why="only the store knows whether there is a value"))
            return
        if subject is not None and subject.value:
            return
        if requirement.environment and self.environ is None:
            self.unjudged.append(Unjudged(rule=rule, key=key, why="the process environment may bring it"))
            return
        if requirement.environment and self.environ is not None and self.environ.get(key):
            return
        self.findings.append(self._missing(requirement, subject, list(visible)))

    def _missing(self, requirement: Requirement, subject: Subject | None, elsewhere: list[str | None]) -> RuleFinding:
        from secretsync.policy.findings import found

        wanted = f" in the service {requirement.service}" if requirement.service is not None else ""
        state = "it is empty" if subject is not None else "it is not defined"
        message = f"it is required{wanted}, and {state}"
        if requirement.description:
            message = f"{message}: {requirement.description}"
        folder = (self.policy.file or "").removesuffix("policy.toml")
        stems = (requirement.service,) if requirement.service is not None else ("common", "security")
        hint = f"define it in {' or '.join(f'{folder}{stem}.env' for stem in stems)}"
        if services := [name for name in elsewhere if name is not None and name != requirement.service]:
            hint = f'the service {services[0]} has it: say service = "{services[0]}" in the policy'
        elif requirement.environment:
            hint += ", or export it"
        at = (subject.file, subject.line) if subject is not None else (self.policy.file, requirement.line)
        return found("policy-required", message, key=requirement.key, file=at[0], line=at[1], hint=hint)

    def check(self, check: Check, *, is_built_in: bool = False) -> None:
        for subject in self.by_key.get(check.key, ()):
            if check.service is not None and subject.service != check.service:
                continue
            if subject.value is None:
                self.unjudged.append(Unjudged(rule=check.rule, key=check.key, why=_ELSEWHERE))
                continue
            self.asked.add(check.rule)
            place = (check.kind, subject.file, subject.line)
            if passes(check, subject.value.reveal()) or (is_built_in and place in self.failed):
                continue
            self.failed.add(place)
            hides_value = subject.is_secret or self.policy.is_sensitive(check.key)
            message = check.message or requirement_of(check, hides_value=hides_value)
            self._note(check.rule, message, subject, severity=check.severity)

    def _note(self, rule: str, message: str, subject: Subject, *, severity: Severity | None = None) -> None:

        from secretsync.policy.findings import found

        at = subject.file, subject.line
        self.findings.append(found(rule, message, key=subject.key, file=at[0], line=at[1], severity=severity))

    def refuse_examples(self) -> None:
        rule = "example-value"
        for subject in self.subjects:
            if subject.value is None:
                self.unjudged.append(Unjudged(rule=rule, key=subject.key, why=_ELSEWHERE))
                continue
            self.asked.add(rule)
            if is_example(subject.value.reveal(), is_sensitive=self.policy.is_sensitive(subject.key)):
                self._note(rule, "its value is an example that was not replaced", subject)


def unjudged_lines(unjudged: Iterable[Unjudged]) -> Iterator[str]:
    """Return the entries that could not be validated, a line for each rule and reason."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for one in unjudged:
        grouped.setdefault((one.rule, one.why), []).append(one.key)
    for (rule, why), keys in sorted(grouped.items()):
        yield f"{rule}: {', '.join(sorted(set(keys)))}: {why}"
