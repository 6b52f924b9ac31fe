"""The rules for names: of environments, services, entries and stores, and which names are sensitive."""

from __future__ import annotations

import re

__all__ = ["LENIENT_ENVIRONMENTS", "SENSITIVE_WORDS", "is_entry_name", "is_environment_name", "is_lenient"]
__all__ += ["is_sensitive", "is_store_name", "nearest"]

_ENTRY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ENVIRONMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_STORE = re.compile(r"[a-z][a-z0-9-]*")

# Every other environment is strict, so that `prod` and `production-eu` keep all safeguards.
LENIENT_ENVIRONMENTS = ("development", "dev", "test", "testing", "ci", "local")

# A name is sensitive when one of these stands in it between underscores or at its ends: DB_PASSWORD, but not
# TOKENIZER. They are compared in capitals.
SENSITIVE_WORDS = (
    "ACCESS_KEY",
    "API_KEY",
    "APIKEY",
    "AUTH_KEY",
    "CONNECTION_STRING",
    "CREDENTIAL",
    "CREDENTIALS",
    "ENCRYPTION_KEY",
    "PASSPHRASE",
    "PASSWD",
    "PASSWORD",
    "PASSWORDS",
    "PRIVATE_KEY",
    "SECRET",
    "SECRETS",
    "SIGNING_KEY",
    "TOKEN",
    "TOKENS",
)
_SENSITIVE = re.compile(r"(?:\A|_)(?:" + "|".join(SENSITIVE_WORDS) + r")(?:_|\d*\Z)")


def is_entry_name(name: str) -> bool:
    """Whether `name` may name an entry, a binding or a variable."""
    return _ENTRY.fullmatch(name) is not None


def is_environment_name(name: str) -> bool:
    """Whether `name` may name an environment or a service: no path can be built from anything else."""
    return _ENVIRONMENT.fullmatch(name) is not None


def is_store_name(name: str) -> bool:
    """Whether `name` may name a store or a provider."""
    return _STORE.fullmatch(name) is not None


def is_lenient(environment: str) -> bool:
    """Whether an environment of this name is lenient where its bindings do not say."""
    return environment.lower() in LENIENT_ENVIRONMENTS


def is_sensitive(name: str) -> bool:
    """Whether what goes by this name is to be masked, whatever store it came from."""
    return _SENSITIVE.search(name.upper()) is not None


def nearest(name: str, known: list[str] | tuple[str, ...]) -> str | None:
    """The one of `known` that was probably meant by `name`, or None."""
    import difflib

    lowered = {candidate.lower(): candidate for candidate in known}
    matches = difflib.get_close_matches(name.lower(), list(lowered), n=1, cutoff=0.6)
    return lowered[matches[0]] if matches else None
