"""Judging the values of a configuration by its policy, and by what every strict environment must keep."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from secretsync.config.config import Config
from secretsync.config.convert import UNFIT, attempt, to_bool, to_float
from secretsync.core.model import Secret
from secretsync.core.records import Record
from secretsync.planning.plan import ChoicePart, EntryId, EntryPart, EnvironPart, Plan, PlannedPart
from secretsync.planning.secrecy import secret_entries
from secretsync.policy.example_values import is_example
from secretsync.policy.policy_file import Check, Policy, Requirement
from secretsync.policy.rules import Finding, Severity, found
from secretsync.project.placeholders import Text

if TYPE_CHECKING:
    from datetime import date

__all__ = ["BUILT_IN", "Subject", "Unjudged", "Verdict", "judge", "subjects_of"]
__all__ += ["planned_subjects", "today", "unjudged_lines", "without_ignored", "written_values"]

# What every strict environment must keep, where it has these keys at all: what is required, only a policy says.
BUILT_IN = (
    Check(key="DEBUG", kind="is_false", parameter=True, rule="debug-off"),
    Check(key="SECRET_KEY", kind="min_length", parameter=32, rule="secret-key-length"),
    Check(key="FORCE_HTTPS", kind="is_true", parameter=True, rule="force-https"),
    Check(key="SESSION_TIMEOUT", kind="max", parameter=3600, rule="session-timeout", severity=Severity.WARNING),
)

_ELSEWHERE = "the value is in a store or in the process environment"


class Subject(Record, kw_only=True):
    """One entry that has to be judged. `value` is None where only a store could say."""

    key: str
    service: str | None
    file: str
    line: int
    value: Secret | None
    is_secret: bool = False


class Unjudged(Record, kw_only=True):
    """What a rule could not look at, and why."""

    rule: str
    key: str
    why: str


class Verdict(Record, kw_only=True):
    """What was found, what could not be looked at, and which rules were asked."""

    findings: tuple[Finding, ...]
    unjudged: tuple[Unjudged, ...]
    asked: frozenset[str]  # rules that looked at something


def subjects_of(config: Config) -> tuple[Subject, ...]:
    """Every entry of a configuration: the whole, and what each selected service's own file defines."""
    scopes = [(None, config), *((name, config.service(name)) for name in config.services)]
    return tuple(
        Subject(
            key=key,
            service=service,
            file=origin.file,
            line=origin.line,
            value=scope.secret(key),
            is_secret=origin.is_secret,
        )
        for service, scope in scopes
        for key in scope
        if (origin := scope.origin(key)).service == service
    )


def planned_subjects(plan: Plan, values: Mapping[EntryId, Secret]) -> tuple[Subject, ...]:
    """The same of a plan, with those of its values that are known."""
    own = [*plan.shared.values()]
    own += [scope[key] for name, scope in plan.services.items() for key in scope if key in plan.service_keys[name]]
    entries = [plan.entries[entry_id].entry for entry_id in dict.fromkeys(own)]
    secret = secret_entries(plan)
    return tuple(
        Subject(
            key=entry.key,
            service=entry.service,
            file=entry.file,
            line=entry.line,
            value=values.get((entry.file, entry.key)),
            is_secret=(entry.file, entry.key) in secret,
        )
        for entry in entries
    )


def written_values(plan: Plan) -> dict[EntryId, Secret]:
    """Return the values of a plan that the files alone define."""
    values: dict[EntryId, Secret] = {}
    for entry_id, planned in plan.entries.items():
        if (value := _written_value(planned.parts, values)) is not None:
            values[entry_id] = value
    return values


def _written_value(parts: Sequence[PlannedPart], values: Mapping[EntryId, Secret]) -> Secret | None:
    pieces: list[Secret] = []
    for part in parts:
        piece: Secret | None = None
        if isinstance(part, Text):
            piece = Secret(part.text)
        elif isinstance(part, EntryPart):
            piece = values.get(part.entry)
        elif isinstance(part, ChoicePart) and not isinstance(part.value, EnvironPart):
            value = values.get(part.value.entry)
            if value is not None:
                piece = _written_value(part.used(is_empty=not value), values)
        if piece is None:
            return None
        pieces.append(piece)
    return Secret("".join(piece.reveal() for piece in pieces))


def judge(
    policy: Policy,
    subjects: Iterable[Subject],
    *,
    is_strict: bool,
    environ: Mapping[str, str] | None,
    services: Sequence[str],
    known_services: Sequence[str],
) -> Verdict:
    """What the policy, and in strict environments the built-in rules, say of `subjects`.

    `environ`: the process environment; None where the one that counts is not known. `services`: those selected.
    Ignored findings are among them, see `without_ignored`.
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
        findings=tuple(sorted(judging.findings, key=lambda one: (one.file or "", one.line or 0, one.rule))),
        unjudged=tuple(dict.fromkeys(judging.unjudged)),
        asked=frozenset(judging.asked),
    )


def today() -> date:
    """The day that ignored findings are counted by, in UTC."""
    from datetime import UTC, datetime

    return datetime.now(UTC).date()


def without_ignored(policy: Policy, findings: Iterable[Finding], today: Callable[[], date]) -> tuple[Finding, ...]:
    """Those of `findings` that the policy does not ignore."""
    if not policy.ignores:
        return tuple(findings)
    day = today()
    return tuple(finding for finding in findings if policy.ignored_by(finding, day) is None)


class _Judging:
    """Collects what is found."""

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
        self.environ = environ
        self.services = services
        self.known_services = known_services
        self.findings: list[Finding] = []
        # By kind and place: where a policy says what a built-in rule says too, only the policy is heard.
        self.failed: set[tuple[str, str, int]] = set()
        self.unjudged: list[Unjudged] = []
        self.asked: set[str] = set()

    def require(self, requirement: Requirement) -> None:
        rule, key, service = "policy-required", requirement.key, requirement.service
        if service is not None and service in self.known_services and service not in self.services:
            self.unjudged.append(Unjudged(rule=rule, key=key, why=f"the service {service} was not selected"))
            return
        self.asked.add(rule)
        visible = {subject.service: subject for subject in self.subjects if subject.key == key}
        subject = visible.get(service, visible.get(None))
        if subject is not None and subject.value is None:
            self.unjudged.append(Unjudged(rule=rule, key=key, why="only its store knows whether it has a value"))
            return
        if subject is not None and subject.value:
            return
        if requirement.environment and self.environ is None:
            self.unjudged.append(Unjudged(rule=rule, key=key, why="the process environment may bring it"))
            return
        if requirement.environment and self.environ is not None and self.environ.get(key):
            return
        self.findings.append(self._missing(requirement, subject, list(visible)))

    def _missing(self, requirement: Requirement, subject: Subject | None, elsewhere: list[str | None]) -> Finding:
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
        for subject in self.subjects:
            if subject.key != check.key or (check.service is not None and subject.service != check.service):
                continue
            if subject.value is None:
                self.unjudged.append(Unjudged(rule=check.rule, key=check.key, why=_ELSEWHERE))
                continue
            self.asked.add(check.rule)
            place = (check.kind, subject.file, subject.line)
            if _TESTS[check.kind](subject.value.reveal(), check.parameter) or (is_built_in and place in self.failed):
                continue
            self.failed.add(place)
            message = check.message or self._message(check, subject)
            self._note(check.rule, message, subject, severity=check.severity)

    def _note(self, rule: str, message: str, subject: Subject, *, severity: Severity | None = None) -> None:
        at = subject.file, subject.line
        self.findings.append(found(rule, message, key=subject.key, file=at[0], line=at[1], severity=severity))

    def _message(self, check: Check, subject: Subject) -> str:
        """Return what the value must be. The parameter of a secret's check is not repeated: it might be the secret."""
        shown = check.parameter
        if isinstance(shown, tuple):
            shown = " or ".join(shown)
        if (subject.is_secret or self.policy.is_sensitive(check.key)) and check.kind in ("equals", "one_of"):
            shown = "what the policy says"
        return _WORDS[check.kind].format(shown)

    def refuse_examples(self) -> None:
        rule = "example-value"
        for subject in self.subjects:
            if subject.value is None:
                self.unjudged.append(Unjudged(rule=rule, key=subject.key, why=_ELSEWHERE))
                continue
            self.asked.add(rule)
            if is_example(subject.value.reveal(), is_sensitive=self.policy.is_sensitive(subject.key)):
                self._note(rule, "its value is a stand-in that nobody replaced", subject)


def _in_bounds(text: str, is_in: Callable[[float], bool]) -> bool:
    number = attempt(to_float, text)
    return number is not UNFIT and is_in(number)


def _scheme(text: str) -> str:
    """The scheme of a URL, in small letters; empty where it is none."""
    scheme, separator, _ = text.partition("://")
    return scheme.lower() if separator else ""


_TESTS: dict[str, Callable[[str, Any], bool]] = {
    "is_true": lambda text, _: attempt(to_bool, text) is True,
    "is_false": lambda text, _: attempt(to_bool, text) is False,
    "equals": lambda text, wanted: text == wanted,
    "not_equals": lambda text, unwanted: text != unwanted,
    "one_of": lambda text, wanted: text in wanted,
    "matches": lambda text, pattern: pattern.fullmatch(text) is not None,
    "min_length": lambda text, least: len(text) >= least,
    "max_length": lambda text, most: len(text) <= most,
    "min": lambda text, least: _in_bounds(text, lambda number: number >= least),
    "max": lambda text, most: _in_bounds(text, lambda number: number <= most),
    "url_scheme": lambda text, schemes: _scheme(text) in [scheme.lower() for scheme in schemes],
}
_WORDS = {
    "is_true": "it must be on: true, yes, on or 1",
    "is_false": "it must be off: false, no, off or 0",
    "equals": "it must be {}",
    "not_equals": "it is what the policy excludes",
    "one_of": "it must be one of: {}",
    "matches": "it does not have the form that the policy asks for",
    "min_length": "it must have at least {} characters",
    "max_length": "it must have at most {} characters",
    "min": "it must be a number, at least {}",
    "max": "it must be a number, at most {}",
    "url_scheme": "it must be a URL that begins with {}://",
}


def unjudged_lines(unjudged: Iterable[Unjudged]) -> Iterator[str]:
    """What could not be looked at, a line for each rule and reason."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for one in unjudged:
        grouped.setdefault((one.rule, one.why), []).append(one.key)
    for (rule, why), keys in sorted(grouped.items()):
        yield f"{rule}: {', '.join(sorted(set(keys)))}: {why}"
