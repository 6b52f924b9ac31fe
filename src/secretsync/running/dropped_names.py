"""Find out whether the program that is started drops variables whose names have dots or hyphens."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from secretsync.core.errors import SecretSyncError
from secretsync.running.exec_command import find_program

# Shells that do not pass on a variable that they cannot name. bash, ksh93 and zsh pass it on.
_SHELLS = ("dash", "ash", "mksh", "lksh", "posh", "yash")
_FIRST_LINE = 256  # bytes; the kernel does not read more of a script's first line


def dropping_shell(path: str, command: Sequence[str], environ: Mapping[str, str]) -> str | None:
    """Return the shell that starts for `command` and drops such variables; None for other programs.

    `path`: the program, which may be a script with `#!` in its first line. Programs that it starts are not known.
    """
    words = _interpreter(path)
    if words and os.path.basename(words[0]) == "env":
        # #!/usr/bin/env -S NAME=value sh -e
        name = next((word for word in words[1:] if not word.startswith("-") and "=" not in word), "")
        try:
            words = [find_program(name, environ)]
        except SecretSyncError:
            return None
    shell = words[0] if words else path
    name = os.path.basename(os.path.realpath(shell))
    if name == "busybox":
        name = os.path.basename(shell if words or os.path.basename(shell) != name else "".join(command[1:2]))
        return shell if name in ("sh", "ash") else None
    return shell if name in _SHELLS else None


def _interpreter(path: str) -> list[str]:
    """Return the words behind `#!` in the first line of the file at `path`; an empty list if it is not a script."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return []
    try:
        line = os.read(descriptor, _FIRST_LINE).partition(b"\n")[0]
    except OSError:
        return []
    finally:
        os.close(descriptor)
    return os.fsdecode(line[2:]).split() if line.startswith(b"#!") else []
