"""Rules on env files: secrets in plain text, defaults that would replace secrets, variables that do not exist."""

from __future__ import annotations

from collections.abc import Iterator

from secretsync.audit.evidence import Evidence
from secretsync.core.model import Entry
from secretsync.core.recognition.secret_patterns import HOLE
from secretsync.planning.secrecy import is_secret_written
from secretsync.policy.findings import RuleFinding
from secretsync.policy.plaintext import finding_at, written
from secretsync.project.placeholders import Placeholder, Variable, parse_value, references

_WITHOUT_WORD = ("", "?", ":?")  # the operators of variables that must have a value


def written_references(evidence: Evidence) -> Iterator[tuple[Entry, Placeholder | Variable]]:
    """Yield every placeholder and variable in the values of the env files, also inside words, with its entry."""
    for file in evidence.files:
        for entry in file.entries:
            if not entry.literal and "$" in entry.text:
                yield from ((entry, part) for part in references(parse_value(entry.text).parts))


def _plaintext(evidence: Evidence) -> Iterator[RuleFinding]:
    yield from evidence.plaintext


def _default_on_secret(evidence: Evidence) -> Iterator[RuleFinding]:
    for entry, part in written_references(evidence):
        # An empty default marks a secret as optional, and [required] of the policy decides about optional secrets.
        if part.default and is_secret_written(evidence.plan, entry, part):
            yield finding_at(entry, "default-on-secret", "a default would replace this secret")


def _unknown_variable(evidence: Evidence) -> Iterator[RuleFinding]:
    for entry, part in written_references(evidence):
        if isinstance(part, Variable) and part.operator in _WITHOUT_WORD and part.name in evidence.absent:
            message = f"the variable {part.name} is neither an entry nor one of this process"
            yield finding_at(entry, "unknown-variable", message)


def _inline_comment(evidence: Evidence) -> Iterator[RuleFinding]:
    for file in evidence.files:
        for entry in file.entries:
            literal, _ = written(entry)
            # A placeholder at the end is whole, so that nothing of it can be behind the `#`.
            if evidence.policy.is_sensitive(entry.key) and literal.rstrip(HOLE) == literal != "" and _is_cut(entry):
                yield finding_at(entry, "inline-comment", "the value ends before ' #', and the rest is a comment")


def _is_cut(entry: Entry) -> bool:
    """Return True if the value does not have quotes, and a comment is behind it in its line."""
    value = entry.source.partition("=")[2].strip()
    return value[:1] not in ("'", '"') and value != entry.text and value[len(entry.text) :].lstrip().startswith("#")


# One pass finds the surest sign in each value, so five rules share it.
CHECKS = {
    "plaintext-name": _plaintext,
    "plaintext-key": _plaintext,
    "plaintext-token": _plaintext,
    "plaintext-url": _plaintext,
    "plaintext-entropy": _plaintext,
    "inline-comment": _inline_comment,
    "default-on-secret": _default_on_secret,
    "unknown-variable": _unknown_variable,
}
