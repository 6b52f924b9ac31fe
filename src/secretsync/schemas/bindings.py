"""The JSON Schema of providers/<environment>.toml, from the data of the installed providers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secretsync.core.errors import ConfigurationError
from secretsync.project.bindings_file import LONGEST_PROJECT
from secretsync.providers.interface import ProviderSpec, Setting, SettingType
from secretsync.providers.registry import load_provider, provider_names
from secretsync.schemas.parts import (
    DATE,
    DRAFT,
    DURATION,
    ENTRY_NAME,
    FLAG,
    LIMIT_KEYS,
    LIMIT_RULES,
    STORE,
    Schema,
    about,
    table,
)

_TYPES = {
    SettingType.STRING: "string",
    SettingType.PATH: "string",
    SettingType.BOOLEAN: "boolean",
    SettingType.INTEGER: "integer",
}
_REFERENCE: Schema = {
    "type": "string",
    "pattern": "^[a-z][a-z0-9-]*:.",
    "description": 'The place of the secret, such as "vault:secret/app#password": store:path?options#field.',
}
# Braces only around the words that SecretSync fills in, and one of those that name the secret.
_STORE_KEY: Schema = {
    "type": "string",
    "allOf": [
        {"pattern": r"^([^{}]|\{(name|lower|kebab|environment)\})*$"},
        {"pattern": r"\{(name|lower|kebab)\}"},
    ],
    "description": "How a bare name becomes a path here: {name} {lower} {kebab} {environment}.",
}


def bindings_schema() -> Schema:
    """Return the schema. Plug-ins that cannot be imported are left out, because their settings are unknown."""
    specs = {name: spec for name in provider_names() if (spec := _spec(name)) is not None}
    return {
        "$schema": DRAFT,
        "title": "Bindings of SecretSync",
        "description": "providers/<environment>.toml: the stores, the place of each secret, and rotation.",
        **table(
            {
                "project": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": LONGEST_PROJECT,
                    "pattern": r"^\S(.*\S)?$",
                    "description": "The name of the project in reports and metrics. Default: the root folder's name.",
                },
                "strict": about(FLAG, "Whether the environment is strict. Default: decided by its name."),
                "lookup": {
                    "type": "array",
                    "minItems": 1,
                    "items": {"type": "string", "pattern": STORE},
                    "description": "The stores that are asked in order for a bare name without a binding.",
                },
                "timeout": about(DURATION, 'The time for one whole resolution, such as "30s".'),
                "stores": _stores(specs),
                "secrets": _secrets(),
                "rotation": _rotation(),
            }
        ),
        "definitions": {f"provider-{name}": _store(name, spec) for name, spec in specs.items()},
    }


def _spec(name: str) -> ProviderSpec | None:
    try:
        return load_provider(name).spec
    except ConfigurationError:
        return None


def _stores(specs: Mapping[str, ProviderSpec]) -> Schema:
    """Return the schema of [stores]: a store without `provider` has the name of its provider."""
    named = {"if": {"required": ["provider"]}, "then": {"$ref": "#/properties/stores/additionalProperties"}}
    return {
        "type": "object",
        "description": "The configured stores, by name.",
        "propertyNames": {"pattern": STORE},
        "properties": {
            name: {"description": spec.title, **named, "else": {"$ref": f"#/definitions/provider-{name}"}}
            for name, spec in specs.items()
        },
        "additionalProperties": {
            "type": "object",
            "properties": {"provider": {"enum": list(specs), "description": "The provider of this store."}},
            "required": ["provider"],
            "allOf": [
                {
                    "if": {"properties": {"provider": {"const": name}}, "required": ["provider"]},
                    "then": {"$ref": f"#/definitions/provider-{name}"},
                }
                for name in specs
            ],
        },
    }


def _store(name: str, spec: ProviderSpec) -> Schema:
    own = {
        "provider": {
            "type": "string",
            "pattern": STORE,
            "description": f"The provider of this store; default: {name}.",
        },
        "key": {**_STORE_KEY, "default": spec.key},
        **LIMIT_KEYS,
    }
    settings = {key: _setting(setting) for key, setting in spec.settings.items() if key not in own}
    return table({**settings, **own}, title=spec.title, **LIMIT_RULES)


def _setting(setting: Setting) -> Schema:
    schema = table({key: _setting(inner) for key, inner in setting.keys.items()})
    if setting.type is not SettingType.TABLE:
        schema = {"type": _TYPES[setting.type]}
    if setting.choices:
        schema["enum"] = list(setting.choices)
    notes = [setting.help]
    if setting.environment:
        notes.append(f"Else ${setting.environment}.")
    if setting.default:
        notes.append(f"Default: {setting.default}.")
    return about(schema, " ".join(note if note.endswith(".") else f"{note}." for note in notes))


def _secrets() -> Schema:
    keys: dict[str, Any] = {
        "ref": _REFERENCE,
        **LIMIT_KEYS,
        "rotated": about(DATE, "The date of the last rotation, for a store that does not know it. Without quotes."),
    }
    binding = {"if": {"type": "string"}, "then": _REFERENCE, "else": table(keys, required=["ref"], **LIMIT_RULES)}
    return {
        "type": "object",
        "description": "The place of each secret, by name.",
        "propertyNames": {"pattern": ENTRY_NAME},
        "additionalProperties": binding,
    }


def _rotation() -> Schema:
    pattern = {"if": {"type": "string"}, "then": DURATION, "else": table(LIMIT_KEYS, **LIMIT_RULES)}
    return table(
        {
            **LIMIT_KEYS,
            "warn_before": about(DURATION, "How long before its limit a secret is due."),
            "on_unknown": {"enum": ["fail", "warn"], "description": "What a secret of unknown age is."},
            "patterns": {
                "type": "object",
                "description": "Limits by globs over the names of entries and bindings.",
                "additionalProperties": pattern,
            },
        },
        description="Limits for the ages of secrets.",
        **LIMIT_RULES,
    )
