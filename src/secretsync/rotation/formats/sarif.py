"""Ages of secrets as SARIF: a result for each finding, at the line of the env file."""

from __future__ import annotations

from secretsync.core.reporting.rows import ReportRule
from secretsync.core.reporting.sarif import write_sarif
from secretsync.core.text import printable
from secretsync.core.timestamps import format_timestamp
from secretsync.rotation.age_rules import State
from secretsync.rotation.formats.document import Document, rule_id

# The states that are findings, as rules.
_RULES = {
    State.MISSING: ("SecretMissing", "The store has no usable secret there."),
    State.DENIED: ("SecretDenied", "The store does not let SecretSync see the secret's metadata."),
    State.ERROR: ("SecretUnavailable", "The store gave no usable answer."),
    State.STALE: ("SecretStale", "A process was started with another version of the secret."),
    State.EXPIRED: ("SecretExpired", "The secret, or its exemption, has expired."),
    State.OVERDUE: ("SecretOverdue", "The secret is older than its limit."),
    State.UNKNOWN: ("SecretAgeUnknown", "The age of the secret is unknown."),
    State.DUE: ("SecretDue", "The secret is close to its limit."),
}


def render(document: Document) -> str:
    """Return one run. A finding that counts is an error, and every other finding is a warning."""
    rules = [
        ReportRule(id=rule_id(state), name=name, text=text, is_error=state is not State.DUE)
        for state, (name, text) in _RULES.items()
    ]
    properties: dict[str, object] = {
        "project": None if document.project is None else printable(document.project),
        "at": format_timestamp(document.at),
        "environments": [printable(report.environment) for report in document.reports],
    }
    return write_sarif(
        "check-rotation",
        rules,
        document.rows,
        fingerprint="secretsyncRotation/v2",
        properties=properties,
        category=(document.project, *((document.reports[0].environment,) if not document.is_several else ())),
    )
