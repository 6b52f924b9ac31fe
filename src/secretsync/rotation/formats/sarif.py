"""SARIF 2.1.0: a result for each finding, at the line of the env file."""

from __future__ import annotations

import hashlib
import json
from urllib.parse import quote

from secretsync.core.errors import printable
from secretsync.core.timestamps import format_timestamp
from secretsync.core.version import __version__
from secretsync.rotation.age_rules import State
from secretsync.rotation.formats.document import Document
from secretsync.rotation.report import Finding, Key, RotationReport

__all__ = ["render"]

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

# The states that are findings, as rules.
_RULES = {
    State.MISSING: ("SecretMissing", "The store has no usable secret there."),
    State.DENIED: ("SecretDenied", "The store does not let us see the secret's metadata."),
    State.ERROR: ("SecretUnavailable", "The store gave no usable answer."),
    State.EXPIRED: ("SecretExpired", "The secret, or its exemption, has expired."),
    State.OVERDUE: ("SecretOverdue", "The secret is older than its limit."),
    State.UNKNOWN: ("SecretAgeUnknown", "Nothing says how old the secret is."),
    State.DUE: ("SecretDue", "The secret is close to its limit."),
}
_ORDER = list(_RULES)


def render(document: Document) -> str:
    """One run; what counts is an error, all else a warning."""
    rules = [
        {
            "id": _rule_id(state),
            "name": name,
            "shortDescription": {"text": text},
            "defaultConfiguration": {"level": "warning" if state is State.DUE else "error"},
        }
        for state, (name, text) in _RULES.items()
    ]
    run = {
        "tool": {"driver": {"name": "secretsync check-rotation", "version": __version__, "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(report, finding) for report, finding in document.findings],
        "properties": {
            "at": format_timestamp(document.at),
            "environments": [printable(report.environment) for report in document.reports],
        },
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule_id(state: State) -> str:
    return f"rotation/{state.value}"


def _result(report: RotationReport, finding: Finding) -> dict[str, object]:
    names = ", ".join(dict.fromkeys(key.name for key in finding.keys))
    text = f"{names}: {finding.reference}: {finding.cause}" + (f"; {finding.hint}" if finding.hint else "")
    # What stays the same from day to day: the same finding is no new alert tomorrow.
    identity = f"{report.environment}\0{finding.reference}\0{finding.state.value}"
    result: dict[str, object] = {
        "ruleId": _rule_id(finding.state),
        "ruleIndex": _ORDER.index(finding.state),
        "level": "error" if finding.counts else "warning",
        "message": {"text": printable(text)},
        "partialFingerprints": {
            "secretsyncRotation/v1": hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()
        },
        "properties": {"environment": printable(report.environment), "reference": printable(finding.reference)},
    }
    if finding.keys:
        result["locations"] = [_location(finding.keys[0])]
    if len(finding.keys) > 1:
        result["relatedLocations"] = [
            {"id": number, **_location(key), "message": {"text": printable(key.name)}}
            for number, key in enumerate(finding.keys[1:], 1)
        ]
    return result


def _location(key: Key) -> dict[str, object]:
    path = quote(key.file.encode("utf-8", "surrogateescape"))
    artifact = {"uri": f"file://{path}"} if path.startswith("/") else {"uri": path, "uriBaseId": "%SRCROOT%"}
    return {"physicalLocation": {"artifactLocation": artifact, "region": {"startLine": key.line}}}
