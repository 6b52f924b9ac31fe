"""Refuse names and values that no format, or no environment, can carry: rules that several formats share."""

from __future__ import annotations

ENVIRONMENT_LIMIT = 131_071  # Linux: MAX_ARG_STRLEN is 32 pages of 4 KiB, with the NUL at the end
NAME_LIMIT = 255

# The characters that python-dotenv, docker, compose, sh and systemd read alike without quotes. Not "~": sh expands it.
SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:@%+,=-")


def text_refusal(text: str) -> str | None:
    """Return why `text` cannot be written as UTF-8 text, or None."""
    if "\0" in text:
        return "it contains a NUL character"
    if text.isascii():
        return None
    try:
        text.encode()
    except UnicodeEncodeError:  # nothing is raised from here, because this exception contains the text
        return "it contains half of a surrogate pair, which is not text"
    return None


def env_refusal(name: str, value: str, *, takes_dots: bool = False) -> str | None:
    """Return why an environment cannot contain the variable, or None. A name is `[A-Za-z_][A-Za-z0-9_]{0,254}`.

    `takes_dots`: the reader of the format takes `.` and `-` in a name too. Shells do not.
    """
    plain = name.replace(".", "_").replace("-", "_") if takes_dots and name[:1] not in (".", "-") else name
    if not (plain.isascii() and plain.isidentifier()):
        return "its name must contain only letters, digits and underscores, and not begin with a digit"
    if len(name) > NAME_LIMIT:
        return f"its name is longer than {NAME_LIMIT} characters"
    return text_refusal(value)


def environment_size_refusal(name: str, value: str) -> str | None:
    """Return why Linux could not start a process with this variable, or None."""
    if len(name) + 1 + len(value.encode()) > ENVIRONMENT_LIMIT:
        return f"NAME=VALUE is over {ENVIRONMENT_LIMIT:,} bytes, and Linux starts no process with such a variable"
    return None


def is_safe(value: str) -> bool:
    """Return True if every env file reader reads `value` unchanged without quotes. The empty value is safe."""
    return SAFE.issuperset(value)
