"""Parts of the schemas: strings of a form, lengths of time, dates and limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Schema = dict[str, Any]

# Draft 7, because the editors' extensions for TOML implement this draft completely.
DRAFT = "http://json-schema.org/draft-07/schema#"

ENTRY_NAME = "^[A-Za-z_][A-Za-z0-9_]*$"
KEY = "^[A-Za-z_][A-Za-z0-9_.-]*$"
SERVICE = "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
STORE = "^[a-z][a-z0-9-]*$"

# The forms of `core.durations`, without look-ahead, because the engines of some editors do not have it.
_TIME = "([0-9]{1,6}H([0-9]{1,6}M)?([0-9]{1,6}S)?|[0-9]{1,6}M([0-9]{1,6}S)?|[0-9]{1,6}S)"
_LENGTH = f"([0-9]{{1,9}}(ms|s|m|h|d|w)|P([0-9]{{1,6}}W|[0-9]{{1,6}}D(T{_TIME})?|T{_TIME}))"

TEXT: Schema = {"type": "string"}
WORDS: Schema = {"type": "string", "pattern": r"\S"}
FLAG: Schema = {"type": "boolean"}
# Validators read a date of TOML as a string. A time without a date is refused.
DATE: Schema = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ].*)?$"}
# The digit that is not 0 makes the length longer than 0.
DURATION: Schema = {"type": "string", "allOf": [{"pattern": f"^{_LENGTH}$"}, {"pattern": "[1-9]"}]}
MAX_AGE: Schema = {"type": "string", "allOf": [{"pattern": f"^(never|{_LENGTH})$"}, {"pattern": "[1-9]|never"}]}


def about(schema: Schema, description: str) -> Schema:
    """Return `schema` with the text that an editor shows."""
    return {**schema, "description": description}


def table(properties: Mapping[str, Any], *, required: Iterable[str] = (), **more: Any) -> Schema:
    """Return the schema of a table that has no other keys than `properties`."""
    schema: Schema = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    if names := list(required):
        schema["required"] = names
    return {**schema, **more}


LIMIT_KEYS: Schema = {
    "max_age": about(MAX_AGE, 'The age from which a secret is overdue: "90d", "12h", "26w", "P90D" or "never".'),
    "reason": about(TEXT, "Why this limit applies. An exemption needs a reason."),
    "until": about(DATE, "The end of an exemption, as a date without quotes."),
}
# An exemption has a reason, and may have an end. Other limits do not have an end.
LIMIT_RULES: Schema = {
    "dependencies": {"reason": ["max_age"], "until": ["max_age"]},
    "if": {"properties": {"max_age": {"const": "never"}}, "required": ["max_age"]},
    "then": {"properties": {"reason": WORDS}, "required": ["reason"]},
    "else": {"properties": {"until": False}},
}
