"""Rules on the values of secrets: empty ones, and ones inside URLs. Offline the plan shows only the URLs."""

from __future__ import annotations

from collections.abc import Iterator

from secretsync.audit.evidence import Evidence
from secretsync.planning.plan import SecretPart
from secretsync.planning.urls import encoded_reference, is_for_url, url_secrets
from secretsync.policy.findings import RuleFinding, found


def _empty_secret(evidence: Evidence) -> Iterator[RuleFinding]:
    yield from _of_stores(evidence, "empty-secret")


def _url_encoding(evidence: Evidence) -> Iterator[RuleFinding]:
    """Yield the secrets inside URLs whose placeholders do not state whether they are percent-encoded."""
    by_value = _of_stores(evidence, "url-encoding")
    yield from by_value
    # A finding about the value itself says more than one about its placeholder.
    known = {(finding.key, finding.file) for finding in by_value}
    for secret in url_secrets(evidence.plan):
        part, entry = secret.part, secret.planned.entry
        is_stated = isinstance(part, SecretPart) and is_for_url([target.selector for target in part.targets])
        if not is_stated and (entry.key, entry.file) not in known:
            message = f"a secret in the {secret.place} of this URL is not percent-encoded"
            hint = f"write {encoded_reference(part)}; or as=text, if the value is encoded already"
            yield found("url-encoding", message, key=entry.key, file=entry.file, line=entry.line, hint=hint)


def _of_stores(evidence: Evidence, rule: str) -> list[RuleFinding]:
    """Return the findings of a rule on the values that the stores returned."""
    findings = evidence.online.values if evidence.online is not None else ()
    return [finding for finding in findings if finding.rule == rule]


CHECKS = {
    "empty-secret": _empty_secret,
    "url-encoding": _url_encoding,
}
