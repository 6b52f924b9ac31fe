"""Read env/<environment>/policy.toml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from secretsync.core.errors import ConfigurationError, Problem
from secretsync.core.files import Input
from secretsync.core.names import is_environment_name, is_key
from secretsync.core.text import suggestion, unknown
from secretsync.policy.policy import Check, Ignore, Policy, Requirement
from secretsync.policy.policy_names import unknown_names
from secretsync.policy.rules import CHECK_RULES, RULES, Severity
from secretsync.project.layout import Project, policy_file
from secretsync.project.sensitive_names import POLICY_KEYS, names_in
from secretsync.project.toml_reader import Reader, parse_document, read_document

if TYPE_CHECKING:
    from datetime import date

    from secretsync.planning.plan import Plan

_CHECK_KEYS = (*CHECK_RULES, "severity", "message", "service")


def read_policy(project: Project) -> Policy:
    """Return the policy of a project's environment, which is empty if there is no file. This raises nothing."""
    source = policy_file(project)
    if source is None:
        return Policy()
    data = read_document(source.path, source.shown, Input.POLICY)
    return (
        Policy(file=source.shown, problems=(data,)) if isinstance(data, Problem) else parse_policy(data, source.shown)
    )


def open_policy(plan: Plan) -> Policy:
    """Return the policy of a plan's environment.

    Raises ConfigurationError if the file has problems, or names a key or a service that the environment does not have.
    """
    policy = read_policy(plan.project)
    if problems := policy.problems or unknown_names(policy, plan):
        raise ConfigurationError(problems)
    return policy


def parse_policy(data: bytes, file: str) -> Policy:
    """Return the policy in the bytes of a TOML file."""
    parsed = parse_document(data, file)
    if isinstance(parsed, Problem):
        return Policy(file=file, problems=(parsed,))
    document, lines = parsed
    return _Reader(file, lines).read(document)


class _Reader(Reader):
    """Reads one policy file."""

    def read(self, document: Mapping[str, Any]) -> Policy:
        self.refuse_unknown((), document, POLICY_KEYS)
        checks = self.tables(document, "checks", self.checks)
        return Policy(
            file=self.file,
            required=tuple(self.tables(document, "required", self.requirement).values()),
            checks=tuple(check for found in checks.values() for check in found),
            ignores=self.ignores(document),
            names=names_in(document, self),
            problems=tuple(self.problems),
        )

    def words(self, path: tuple[str, ...], table: Mapping[str, Any], key: str) -> str | None:
        """Return a string that is not empty."""
        value: str | None = self.value(path, table, key, str, "a string")
        if value is None or value.strip():
            return value
        self.note((*path, key), "it is empty")
        return None

    def service(self, path: tuple[str, ...], table: Mapping[str, Any]) -> str | None:
        value: str | None = self.value(path, table, "service", str, "a service's name")
        if value is not None and not is_environment_name(value):
            self.note((*path, "service"), "this is no service's name", "the name of an env file without .env")
            return None
        return value

    def is_key(self, path: tuple[str, ...], name: str) -> bool:
        if is_key(name):
            return True
        self.note(path, "a name is letters, digits and '_', not beginning with a digit", known=())
        return False

    def requirement(self, name: str, value: Any) -> Requirement | None:
        path = ("required", name)
        if not self.is_key(path, name):
            return None
        line = self.lines.get(path)
        if isinstance(value, str):
            return Requirement(key=name, description=value, line=line)
        if not isinstance(value, dict):
            self.note(path, 'it must be a description or a table { description = "...", service = "..." }')
            return None
        self.refuse_unknown(path, value, ("description", "service", "environment"))
        return Requirement(
            key=name,
            description=self.value(path, value, "description", str, "a string") or "",
            service=self.service(path, value),
            environment=bool(self.value(path, value, "environment", bool, "true or false")),
            line=line,
            service_line=self.lines.get((*path, "service"), line),
        )

    def checks(self, name: str, value: Any) -> tuple[Check, ...] | None:
        path = ("checks", name)
        if not self.is_key(path, name):
            return None
        if isinstance(value, dict):
            return self.checks_of(path, name, value)
        if isinstance(value, list) and all(isinstance(table, dict) for table in value):
            found = [self.checks_of((*path, str(index)), name, table) for index, table in enumerate(value)]
            return tuple(check for checks in found for check in checks)
        self.note(path, "it must be a table [checks.NAME], or several [[checks.NAME]]")
        return None

    def checks_of(self, path: tuple[str, ...], name: str, table: Mapping[str, Any]) -> tuple[Check, ...]:
        self.refuse_unknown(path, table, _CHECK_KEYS)
        service, message = self.service(path, table), self.words(path, table, "message")
        severity = self.value(path, table, "severity", str, '"error" or "warning"')
        if severity not in (None, *Severity):
            self.note((*path, "severity"), 'it must be "error" or "warning"')
            severity = None
        kinds = [kind for kind in CHECK_RULES if kind in table]
        if not kinds and all(key in _CHECK_KEYS for key in table):  # a misspelt key has its problem already
            self.note(path, "it checks nothing", f"add one of {', '.join(CHECK_RULES)}")
        line = self.lines.get(path)
        parameters = {kind: self.parameter(path, table, kind) for kind in kinds}
        return tuple(
            Check(
                key=name,
                kind=kind,
                parameter=parameter,
                rule=CHECK_RULES[kind],
                severity=Severity(severity or Severity.ERROR),
                message=message,
                service=service,
                line=line,
                service_line=self.lines.get((*path, "service"), line),
            )
            for kind, parameter in parameters.items()
            if parameter is not None
        )

    def parameter(self, path: tuple[str, ...], table: Mapping[str, Any], kind: str) -> Any:
        """Return what a check compares with, or None after a problem was noted."""
        at = (*path, kind)
        if kind in ("is_true", "is_false"):
            if table[kind] is not True:
                other = "is_false" if kind == "is_true" else "is_true"
                self.note(at, "it must be true", f"the opposite is {other} = true")
                return None
            return True
        if kind in ("one_of", "url_scheme"):
            return self.strings(path, table, kind)
        if kind in ("min", "max"):
            if isinstance(table[kind], int | float) and not isinstance(table[kind], bool):
                return table[kind]
            self.note(at, "it must be a number")
            return None
        if kind in ("min_length", "max_length"):
            length = self.value(path, table, kind, int, "a whole number")
            if length is not None and length < 0:
                self.note(at, "it must not be negative")
                return None
            return length
        text = self.value(path, table, kind, str, "a string")
        return self.pattern(at, text) if kind == "matches" and text is not None else text

    def pattern(self, at: tuple[str, ...], text: str) -> re.Pattern[str] | None:
        try:
            return re.compile(text)
        except (re.error, RecursionError, OverflowError):
            self.note(at, "this is no regular expression of Python", "literal strings, '...', keep backslashes")
            return None

    def ignores(self, document: Mapping[str, Any]) -> tuple[Ignore, ...]:
        tables = document.get("ignore", [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            self.note(("ignore",), "it must be tables [[ignore]]")
            return ()
        found = [self.ignore(("ignore", str(index)), table) for index, table in enumerate(tables)]
        return tuple(ignore for ignore in found if ignore is not None)

    def ignore(self, path: tuple[str, ...], table: Mapping[str, Any]) -> Ignore | None:
        self.refuse_unknown(path, table, ("rule", "reason", "key", "file", "until"))
        rule, reason = self.words(path, table, "rule"), self.words(path, table, "reason")
        if "rule" not in table:
            self.note(path, "it names no rule", 'add rule = "..."')
        elif rule is not None and rule not in RULES:
            hint = suggestion(rule, RULES, "`secretsync audit --rules` lists them")
            self.note((*path, "rule"), unknown("rule", rule, RULES), hint)
            rule = None
        if "reason" not in table:
            self.note(path, "it has no reason", 'add reason = "..."')
        key, file = self.words(path, table, "key"), self.words(path, table, "file")
        until = self.until(path, table)
        if rule is None or reason is None:
            return None
        return Ignore(rule=rule, reason=reason, key=key, file=file, until=until, line=self.lines.get(path))

    def until(self, path: tuple[str, ...], table: Mapping[str, Any]) -> date | None:
        if "until" not in table:
            return None
        from datetime import date, datetime

        value = self.value(path, table, "until", date, "a date such as 2027-03-01, without quotes")
        return value.date() if isinstance(value, datetime) else value
