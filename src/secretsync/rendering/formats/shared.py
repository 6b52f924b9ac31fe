"""The rules for names and text that several formats share."""

from __future__ import annotations

__all__ = ["ENVIRONMENT_LIMIT", "SAFE", "env_refusal", "environment_size_refusal", "is_safe", "text_refusal"]

ENVIRONMENT_LIMIT = 131_071  # Linux: MAX_ARG_STRLEN is 32 pages of 4 KiB, with the NUL at the end
NAME_LIMIT = 255

# What python-dotenv, docker, compose, sh and systemd read the same way without quotes; not "~", which sh expands.
SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:@%+,=-")


def text_refusal(text: str) -> str | None:
    """Why `text` cannot be written as UTF-8 text, or None."""
    if "\0" in text:
        return "it holds a NUL character"
    if text.isascii():
        return None
    try:
        text.encode()
    except UnicodeEncodeError:  # it holds the text: nothing is raised or chained from here
        return "it holds half of a surrogate pair, which is not text"
    return None


def env_refusal(name: str, value: str) -> str | None:
    """Why `name` and `value` cannot stand in an environment, or None: `[A-Za-z_][A-Za-z0-9_]*`, at most 255 long."""
    if not (name.isascii() and name.isidentifier()):
        return "its name is not made of letters, digits and underscores alone, not beginning with a digit"
    if len(name) > NAME_LIMIT:
        return f"its name is longer than {NAME_LIMIT} characters"
    return text_refusal(value)


def environment_size_refusal(name: str, value: str) -> str | None:
    """Why no process could be started with this variable, or None."""
    if len(name) + 1 + len(value.encode()) > ENVIRONMENT_LIMIT:
        return f"NAME=VALUE is over {ENVIRONMENT_LIMIT:,} bytes, and Linux starts no process with such a variable"
    return None


def is_safe(value: str) -> bool:
    """Whether every env file reader takes `value` as it is, without quotes. Empty is."""
    return SAFE.issuperset(value)
