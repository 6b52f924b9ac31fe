"""The JSON Schema of env/<environment>/policy.toml, from the tables of rules."""

from __future__ import annotations

from secretsync.policy.rules import CHECK_RULES, RULES, Severity
from secretsync.schemas.parts import DATE, DRAFT, FLAG, KEY, SERVICE, TEXT, WORDS, Schema, about, table

_STRINGS: Schema = {
    "if": {"type": "string"},
    "then": {"minLength": 1},
    "else": {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}},
}
_NUMBER: Schema = {"type": "number"}
_LENGTH: Schema = {"type": "integer", "minimum": 0}
_TRUE: Schema = {"const": True}
_PARAMETERS = {
    "is_true": _TRUE,
    "is_false": _TRUE,
    "one_of": _STRINGS,
    "url_scheme": _STRINGS,
    "min": _NUMBER,
    "max": _NUMBER,
    "min_length": _LENGTH,
    "max_length": _LENGTH,
}
_SERVICE: Schema = {"type": "string", "pattern": SERVICE, "description": "Only in this service: an env file's name."}


def policy_schema() -> Schema:
    """Return the schema."""
    return {
        "$schema": DRAFT,
        "title": "Policy of SecretSync",
        "description": "env/<environment>/policy.toml: rules for the values of an environment.",
        **table(
            {
                "required": _by_key(_requirement(), "Keys that must have a value."),
                "checks": _by_key(
                    {"if": {"type": "array"}, "then": {"items": _check()}, "else": _check()},
                    "Rules for values, by key.",
                ),
                "ignore": {
                    "type": "array",
                    "items": _ignore(),
                    "description": "Findings that are accepted, with a reason.",
                },
                "sensitive": about(_STRINGS, "Globs for names of secrets in addition to the built-in rule."),
                "not_sensitive": about(_STRINGS, "Globs for names that are settings. They win over every other rule."),
            }
        ),
    }


def _by_key(schema: Schema, description: str) -> Schema:
    return {
        "type": "object",
        "description": description,
        "propertyNames": {"pattern": KEY},
        "additionalProperties": schema,
    }


def _requirement() -> Schema:
    described = table(
        {
            "description": about(TEXT, "For messages about the missing key."),
            "service": _SERVICE,
            "environment": about(FLAG, "True if the environment of the process may define the key."),
        }
    )
    return {"if": {"type": "string"}, "then": True, "else": described}


def _check() -> Schema:
    kinds = {kind: about(_PARAMETERS.get(kind, TEXT), f"{RULES[rule].title}.") for kind, rule in CHECK_RULES.items()}
    own = {
        "severity": {"enum": [severity.value for severity in Severity], "description": "Default: error."},
        "message": about(WORDS, "What a finding says."),
        "service": _SERVICE,
    }
    return table({**kinds, **own}, anyOf=[{"required": [kind]} for kind in kinds])


def _ignore() -> Schema:
    return table(
        {
            "rule": {"enum": list(RULES), "description": "The id of the rule; `secretsync audit --rules` lists them."},
            "reason": about(WORDS, "Why the finding is accepted."),
            "key": about(WORDS, "Only for this key: a glob."),
            "file": about(WORDS, "Only for this file: a glob."),
            "until": about(DATE, "The end, as a date without quotes."),
        },
        required=["rule", "reason"],
    )
