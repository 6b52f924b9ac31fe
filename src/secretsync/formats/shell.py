"""Export lines for POSIX shells: `. file`."""

from __future__ import annotations

from secretsync.formats.rules import env_refusal, environment_size_refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["quoted", "refusal", "render"]

# Names that a shell keeps for itself. Read-only ones end `bash --posix` in the middle of the file.
SHELL_NAMES = frozenset(["UID", "EUID", "PPID", "BASHOPTS", "SHELLOPTS", "BASH_VERSINFO"])


def quoted(value: str) -> str:
    """`value` as one word of a shell, in single quotes."""
    return "'" + value.replace("'", r"'\''") + "'"


def refusal(key: str, value: str, /) -> str | None:
    """Why a shell cannot take it, or None."""
    reason = env_refusal(key, value)
    if reason:
        return reason
    if key in SHELL_NAMES:
        return "shells keep this name for themselves"
    return environment_size_refusal(key, value)


def render(items: Mapping[str, str], /) -> str:
    """`items` as lines of `export KEY='value'`."""
    return "".join(f"export {key}={quoted(items[key])}\n" for key in sorted(items))
