"""SARIF 2.1.0, which code scanning reads (https://docs.oasis-open.org/sarif/sarif/v2.1.0/)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from urllib.parse import quote

from secretsync.core import __version__
from secretsync.core.records import Record
from secretsync.core.reporting.rows import Place, ReportRow, ReportRule
from secretsync.core.text import printable
from secretsync.core.timestamps import format_timestamp

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


class Invocation(Record, kw_only=True):
    """One run of a command."""

    is_complete: bool
    at: datetime
    notes: tuple[str, ...] = ()


def write_sarif(
    command: str,
    rules: Sequence[ReportRule],
    rows: Iterable[ReportRow],
    *,
    fingerprint: str,
    category: Iterable[str | None] = (),
    invocation: Invocation | None = None,
    properties: Mapping[str, object] | None = None,
) -> str:
    """Return one SARIF run as text.

    `command`: the name of the command. `rules`: every rule that a row may name. `fingerprint`: the name under which
    the identity of a row is written; it changes if the meaning of the identity does. `category`: the names of the
    project and the environment, so that code scanning does not replace the results of another one; None is left out.
    """
    names = [f"secretsync {command}".replace(" ", "-"), *(printable(name) for name in category if name is not None)]
    positions = {rule.id: position for position, rule in enumerate(rules)}
    run: dict[str, object] = {
        "tool": {
            "driver": {
                "name": f"secretsync {command}",
                "version": __version__,
                "rules": [_rule(rule) for rule in rules],
            }
        },
        # Code scanning takes all until the last slash as the category of the results.
        "automationDetails": {"id": "".join(f"{quote(name, safe='')}/" for name in names)},
        "columnKind": "unicodeCodePoints",
    }
    if invocation is not None:
        run["invocations"] = [_invocation(invocation)]
    run["results"] = [_result(row, positions[row.rule], fingerprint) for row in rows]
    if properties is not None:
        run["properties"] = dict(properties)
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(rule: ReportRule) -> dict[str, object]:
    return {
        "id": rule.id,
        **({} if rule.name is None else {"name": rule.name}),
        "shortDescription": {"text": rule.text},
        **({} if rule.hint is None else {"help": {"text": rule.hint}}),
        "defaultConfiguration": {"level": _level(is_error=rule.is_error)},
    }


def _level(*, is_error: bool) -> str:
    return "error" if is_error else "warning"


def _invocation(invocation: Invocation) -> dict[str, object]:
    return {
        "executionSuccessful": invocation.is_complete,
        "endTimeUtc": format_timestamp(invocation.at),
        "toolExecutionNotifications": [
            {"level": "note", "message": {"text": printable(note)}} for note in invocation.notes
        ],
    }


def _result(row: ReportRow, rule_index: int, fingerprint: str) -> dict[str, object]:
    subject = f"{', '.join(row.keys)}: " if row.keys else ""
    # Lines move and ages grow: the same result must not become a new alert because of that.
    identity = "\0".join(row.identity).encode("utf-8", "backslashreplace")
    result: dict[str, object] = {
        "ruleId": row.rule,
        "ruleIndex": rule_index,
        "level": _level(is_error=row.is_error),
        "message": {"text": printable(f"{subject}{row.advice}")},
        "partialFingerprints": {fingerprint: hashlib.sha256(identity).hexdigest()},
        "properties": {name: printable(text) for name, text in row.properties},
    }
    places = [place for place in row.places if place.file is not None]
    if places:
        result["locations"] = [_location(places[0])]
    if len(places) > 1:
        result["relatedLocations"] = [
            {"id": number, **_location(place), "message": {"text": printable(place.key or "")}}
            for number, place in enumerate(places[1:], 1)
        ]
    if row.ignored_because is not None:
        result["suppressions"] = [{"kind": "external", "justification": printable(row.ignored_because)}]
    return result


def _location(place: Place) -> dict[str, object]:
    path = quote((place.file or "").encode("utf-8", "surrogateescape"))
    artifact = {"uri": f"file://{path}"} if path.startswith("/") else {"uri": path, "uriBaseId": "%SRCROOT%"}
    region = {} if place.line is None else {"region": {"startLine": place.line}}
    return {"physicalLocation": {"artifactLocation": artifact, **region}}
