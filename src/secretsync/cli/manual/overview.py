"""The help of `secretsync` itself, and the parts that the help of every command shares."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping

from secretsync.core.reporting.layout import wrap
from secretsync.core.reporting.terminal import WITHOUT_TERMINAL, width_of

_WIDEST = 110  # columns; longer lines are hard to read


def help_width() -> int:
    """Return the columns of help on stdout."""
    return min(_WIDEST, width_of(sys.stdout, os.environ) or WITHOUT_TERMINAL)


def overview(commands: Mapping[str, str]) -> str:
    """Return the help of `secretsync` itself. `commands`: each command with its line."""
    width = help_width()
    column = max(len(name) for name in commands) + 4
    lines = [
        *wrap("usage: secretsync COMMAND [OPTIONS]", width, indent="    "),
        "",
        *wrap("Configuration that is safe to commit: its secrets are read from their stores.", width),
        "",
        "commands:",
    ]
    for name, summary in commands.items():
        lines += wrap(f"  {name:{column - 4}}  {summary}", width, indent=" " * column)
    notes = (
        "`secretsync COMMAND --help` shows the options of a command and an example. `secretsync --version` shows the "
        "version."
    )
    lines += ["", *wrap(notes, width), "", "example:"]
    return "\n".join([*lines, *command_lines("  secretsync run -e production -- gunicorn app:app", width)])


def command_lines(command: str, width: int) -> Iterator[str]:
    """Yield a command that a shell can read: a line that continues ends with a backslash."""
    indent = command[: len(command) - len(command.lstrip())]
    line = indent
    # A quoted text is one word, and so is an option with its value. A command in $(...) has words of its own.
    for word in re.findall(r"(?:--?[a-z][a-z-]* (?=[^- ]))?(?:\"[^\"$]*\"|'[^']*'|\S)+", command):
        if line.strip() and len(f"{line} {word} \\") > width:
            yield f"{line} \\"
            line = f"{indent}    {word}"
        else:
            line = f"{line} {word}" if line.strip() else f"{line}{word}"
    yield line
