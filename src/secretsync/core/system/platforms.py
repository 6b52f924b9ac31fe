"""Explain that SecretSync needs a POSIX system."""

from __future__ import annotations

# The modules of the standard library that only POSIX systems have, and that SecretSync imports.
_POSIX_MODULES = frozenset(("fcntl", "grp", "posix", "pwd", "resource", "termios"))


def refusal(module: str | None) -> str | None:
    """Return the message for a platform that does not have `module`, or None if other platforms have it too."""
    if module not in _POSIX_MODULES:
        return None
    return (
        f"this platform is not a POSIX system, because Python does not have the module {module} here; "
        "use Linux or macOS; on Windows, use WSL (Windows Subsystem for Linux)"
    )
