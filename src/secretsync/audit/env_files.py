"""The audit's own rules on env files: secrets in plain text, and defaults that take the place of secrets."""

from __future__ import annotations

from collections.abc import Iterator

from secretsync.audit.evidence import Evidence
from secretsync.planning.plan import SecretPart
from secretsync.planning.secrecy import is_secret_written
from secretsync.planning.urls import encoded_reference, is_for_url, url_secrets
from secretsync.policy.plaintext import finding_at, plaintext_of
from secretsync.policy.rules import Finding, found
from secretsync.project.placeholders import Variable, parse_value, references

__all__ = ["default_findings", "plaintext_findings", "url_findings", "variable_findings"]

_WITHOUT_WORD = ("", "?", ":?")  # operators of variables that must have a value


def plaintext_findings(evidence: Evidence) -> Iterator[Finding]:
    """Every secret in plain text in the environment's files."""
    yield from plaintext_of(evidence.files, evidence.policy, is_strict=evidence.plan.is_strict)


def variable_findings(evidence: Evidence) -> Iterator[Finding]:
    """Variables that this process does not have: misspelt, or of the process that will run."""
    for file in evidence.files:
        for entry in file.entries:
            if entry.literal or "$" not in entry.text:
                continue
            for part in references(parse_value(entry.text).parts):
                if isinstance(part, Variable) and part.operator in _WITHOUT_WORD and part.name in evidence.absent:
                    message = f"the variable {part.name} is neither an entry nor one of this process"
                    yield finding_at(entry, "unknown-variable", message)


def url_findings(evidence: Evidence) -> Iterator[Finding]:
    """Secrets inside URLs whose placeholders do not say how they are put there."""
    known = {(one.rule, one.key, one.file) for one in (evidence.online.findings if evidence.online else ())}
    for secret in url_secrets(evidence.plan):
        part, entry = secret.part, secret.planned.entry
        is_clear = isinstance(part, SecretPart) and is_for_url([target.selector for target in part.targets])
        # The finding about the value itself says more.
        if not is_clear and ("url-encoding", entry.key, entry.file) not in known:
            message = f"a secret in the {secret.place} of this URL is not percent-encoded"
            hint = f"write {encoded_reference(part)}; or as=text, if the value is encoded already"
            yield found("url-encoding", message, key=entry.key, file=entry.file, line=entry.line, hint=hint)


def default_findings(evidence: Evidence) -> Iterator[Finding]:
    """In strict environments, every default that would stand in for a missing secret."""
    if not evidence.plan.is_strict:
        return
    for file in evidence.files:
        for entry in file.entries:
            if entry.literal or "$" not in entry.text:
                continue
            for part in references(parse_value(entry.text).parts):
                # An empty default says that a secret is optional; whether it may be, [required] says.
                if part.default and is_secret_written(evidence.plan, entry, part):
                    yield finding_at(entry, "default-on-secret", "a default would stand in for this secret")
