"""Parse the options --mode and --owner of a written file."""

from __future__ import annotations

from secretsync.core.errors import UsageError


def parse_mode(text: str) -> int:
    """Return the permission bits of an octal text: "640" or "0640". Raises UsageError."""
    digits = text.removeprefix("0o")
    if 3 <= len(digits) <= 4 and all(digit in "01234567" for digit in digits) and int(digits, 8) <= 0o777:
        return int(digits, 8)
    raise UsageError("a mode is three octal digits, 0640 for instance")


def parse_owner(text: str) -> tuple[int, int]:
    """Return the ids of "USER", "USER:GROUP" or ":GROUP", by name or number; -1 for a missing part.

    Raises UsageError if this machine does not have such a user or group.
    """
    user, _, group = text.partition(":")
    return _id_of(user, "user"), _id_of(group, "group")


def _id_of(name: str, kind: str) -> int:
    if not name:
        return -1
    if name.isascii() and name.isdigit():
        return int(name)
    try:
        if kind == "user":
            import pwd

            return pwd.getpwnam(name).pw_uid
        import grp

        return grp.getgrnam(name).gr_gid
    except KeyError:
        message = f"--owner: there is no {kind} of this name"
    raise UsageError(message)
