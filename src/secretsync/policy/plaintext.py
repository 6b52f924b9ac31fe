"""Find secrets in plain text in env files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from secretsync.core.model import Entry
from secretsync.core.recognition.secret_patterns import (
    HOLE,
    has_password,
    has_private_key,
    known_token,
    looks_random,
    may_be_secret,
)
from secretsync.policy.example_values import is_example
from secretsync.policy.findings import RuleFinding, found
from secretsync.policy.policy import Policy
from secretsync.policy.rules import RULES
from secretsync.project.env_file import EnvFile
from secretsync.project.placeholders import Part, Text, Variable, parse_value, references


def plaintext_of(files: Iterable[EnvFile], policy: Policy, *, is_strict: bool) -> Iterator[RuleFinding]:
    """Return every secret in plain text in `files`, one finding for each entry; keys and tokens in comments too."""
    for file in files:
        for line, comment in file.comments:
            if (sign := _sure_sign(comment)) is not None:
                rule, what = sign
                yield found(rule, f"{what} is in this comment in plain text", file=file.file, line=line)
        for entry in file.entries:
            if (finding := plaintext_finding(entry, policy, is_strict=is_strict)) is not None:
                yield finding


def plaintext_finding(entry: Entry, policy: Policy, *, is_strict: bool = False) -> RuleFinding | None:
    """Return the surest sign of a secret in plain text in an entry, or None."""
    literal, defaults = written(entry)
    whole = HOLE.join([literal, *defaults])
    # The source also has the comment after the value.
    if (sign := _sure_sign(whole) or _sure_sign(entry.source)) is not None:
        rule, what = sign
        return finding_at(entry, rule, f"{what} stands here in plain text")
    if has_password(literal) or any(map(has_password, defaults)):
        return finding_at(entry, "plaintext-url", "a password is in this value in plain text", is_strict=is_strict)
    # A placeholder in a value is its secret, so that the text around it is not a secret.
    if HOLE not in literal and policy.is_sensitive(entry.key) and may_be_secret(literal):
        # In strict environments the rule `example-value` reports it.
        if is_strict and is_example(literal, is_sensitive=True):
            return None
        return finding_at(entry, "plaintext-name", "a name of secrets has its value in plain text", is_strict=is_strict)
    if any(looks_random(entry.key, part) for part in whole.split(HOLE)):
        return finding_at(
            entry, "plaintext-entropy", "a value that looks random, as secrets do, stands here in plain text"
        )
    return None


def _sure_sign(text: str) -> tuple[str, str] | None:
    """Return the rule that a text breaks at any place, with the name of its kind, or None."""
    if has_private_key(text):
        return "plaintext-key", "a private key"
    if kind := known_token(text):
        return "plaintext-token", f"what looks like {kind}"
    return None


def written(entry: Entry) -> tuple[str, list[str]]:
    """Return the literal text of a value, with a hole for each placeholder and variable, and their defaults."""
    if entry.literal or "$" not in entry.text:
        return entry.text, []
    parts = parse_value(entry.text).parts
    texts = [_literal(part.word) if isinstance(part, Variable) else part.default for part in references(parts)]
    return _literal(parts), [text for text in texts if text]


def _literal(parts: Iterable[Part]) -> str:
    return "".join(part.text if isinstance(part, Text) else HOLE for part in parts)


def finding_at(entry: Entry, rule: str, message: str, *, is_strict: bool = True) -> RuleFinding:
    """Return a finding at an entry's line, with the severity of a strict or of a lenient environment."""
    severity = RULES[rule].severity_in(is_strict=is_strict)
    return found(rule, message, key=entry.key, file=entry.file, line=entry.line, severity=severity)
