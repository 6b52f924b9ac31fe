"""Rules on what stands in the env files: secrets in plain text, and defaults that would stand in for secrets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from secretsync.audit.evidence import Evidence
from secretsync.core.model import Entry
from secretsync.planning.secrecy import is_secret_written
from secretsync.policy.example_values import is_example
from secretsync.policy.policy_file import Policy
from secretsync.policy.rules import Finding, Severity, found
from secretsync.policy.secret_patterns import (
    HOLE,
    has_password,
    has_private_key,
    known_token,
    looks_random,
    may_be_secret,
)
from secretsync.project.env_file import EnvFile
from secretsync.project.placeholders import Placeholder, Text, Variable, parse_value

__all__ = ["default_findings", "plaintext_findings", "plaintext_of", "variable_findings", "written"]


def plaintext_findings(evidence: Evidence) -> Iterator[Finding]:
    """Every secret in plain text in the environment's files."""
    yield from plaintext_of(evidence.files, evidence.policy, is_strict=evidence.plan.is_strict)


def plaintext_of(files: Iterable[EnvFile], policy: Policy, *, is_strict: bool) -> Iterator[Finding]:
    """Every secret in plain text in `files`: of each entry the surest sign alone; keys and tokens in comments too."""
    for file in files:
        for line, comment in file.comments:
            if (sign := _sure_sign(comment)) is not None:
                rule, what = sign
                yield found(rule, f"{what} stands in this comment in plain text", file=file.file, line=line)
        for entry in file.entries:
            if (finding := _plaintext(entry, policy, is_strict=is_strict)) is not None:
                yield finding


def _plaintext(entry: Entry, policy: Policy, *, is_strict: bool) -> Finding | None:
    literal, defaults = written(entry)
    whole = HOLE.join([literal, *defaults])
    weak = Severity.ERROR if is_strict else Severity.WARNING
    # The source has what the value has not: a comment behind it.
    if (sign := _sure_sign(whole) or _sure_sign(entry.source)) is not None:
        rule, what = sign
        return _at(entry, rule, f"{what} stands here in plain text")
    if has_password(literal) or any(map(has_password, defaults)):
        return _at(entry, "plaintext-url", "a password stands in this value in plain text", weak)
    # A value with a placeholder in it has its secret from there: the text around it is no secret.
    if HOLE not in literal and policy.is_sensitive(entry.key) and may_be_secret(literal):
        # In strict environments the rule on stand-ins speaks.
        if is_strict and is_example(literal, is_sensitive=True):
            return None
        return _at(entry, "plaintext-name", "a name of secrets has its value in plain text", weak)
    if any(looks_random(entry.key, part) for part in whole.split(HOLE)):
        return _at(entry, "plaintext-entropy", "a value that looks random, as secrets do, stands here in plain text")
    return None


def _sure_sign(text: str) -> tuple[str, str] | None:
    """The rule that a text breaks wherever it stands, and what it is."""
    if has_private_key(text):
        return "plaintext-key", "a private key"
    if kind := known_token(text):
        return "plaintext-token", f"what looks like {kind}"
    return None


def written(entry: Entry) -> tuple[str, list[str]]:
    """What is written of a value, with a hole for each placeholder and variable; and the defaults in these."""
    if entry.literal or "$" not in entry.text:
        return entry.text, []
    parts = parse_value(entry.text).parts
    literal = "".join(part.text if isinstance(part, Text) else HOLE for part in parts)
    return literal, [part.default for part in parts if isinstance(part, Placeholder | Variable) and part.default]


def _at(entry: Entry, rule: str, message: str, severity: Severity | None = None) -> Finding:
    return found(rule, message, key=entry.key, file=entry.file, line=entry.line, severity=severity)


def variable_findings(evidence: Evidence) -> Iterator[Finding]:
    """Variables that this process does not have: misspelt, or of the process that will run."""
    for file in evidence.files:
        for entry in file.entries:
            if entry.literal or "$" not in entry.text:
                continue
            for part in parse_value(entry.text).parts:
                if isinstance(part, Variable) and part.default is None and part.name in evidence.absent:
                    message = f"the variable {part.name} is neither an entry nor one of this process"
                    yield _at(entry, "unknown-variable", message)


def default_findings(evidence: Evidence) -> Iterator[Finding]:
    """In strict environments, every default that would stand in for a missing secret."""
    if not evidence.plan.is_strict:
        return
    for file in evidence.files:
        for entry in file.entries:
            if entry.literal or "$" not in entry.text:
                continue
            for part in parse_value(entry.text).parts:
                # An empty default says that a secret is optional; whether it may be, [required] says.
                if (
                    isinstance(part, Placeholder | Variable)
                    and part.default
                    and is_secret_written(evidence.plan, entry, part)
                ):
                    yield _at(entry, "default-on-secret", "a default would stand in for this secret")
