"""Format the help of a command in the width of the terminal."""

from __future__ import annotations

import argparse
import os
import re
import sys
import textwrap
from collections.abc import Iterable, Mapping

from secretsync.core.reporting.terminal import WITHOUT_TERMINAL, width_of

_WIDEST = 110  # columns; longer lines are hard to read
_COLUMNED = 70  # columns; a narrower help has the text of an option below its name


def help_width() -> int:
    """Return the columns of help on stdout."""
    return min(_WIDEST, width_of(sys.stdout, os.environ) or WITHOUT_TERMINAL)


def format_help(parser: argparse.ArgumentParser) -> str:
    """Return the help of a command."""
    parser.formatter_class = _Formatter
    return argparse.ArgumentParser.format_help(parser)


def format_usage(parser: argparse.ArgumentParser) -> str:
    """Return the line of the usage, in the width of stderr, where errors are printed."""
    text = f"usage: {parser.usage}"
    return "\n".join(_filled(text, width_of(sys.stderr, os.environ) or WITHOUT_TERMINAL, "    ")) + "\n"


def overview(commands: Mapping[str, str]) -> str:
    """Return the help of `secretsync` itself. `commands`: each command with its line."""
    width = help_width()
    column = max(len(name) for name in commands) + 4
    lines = [
        *_filled("usage: secretsync COMMAND [OPTIONS]", width, "    "),
        "",
        *_filled("Configuration that is safe to commit: its secrets are read from their stores.", width),
        "",
        "commands:",
    ]
    for name, summary in commands.items():
        lines += _filled(f"  {name:{column - 4}}  {summary}", width, " " * column)
    notes = (
        "`secretsync COMMAND --help` shows the options of a command and an example. `secretsync --version` shows the "
        "version."
    )
    lines += ["", *_filled(notes, width), "", "example:"]
    return "\n".join([*lines, *_command_lines("  secretsync run -e production -- gunicorn app:app", width)])


class _Formatter(argparse.HelpFormatter):
    """Format help equally in every Python."""

    def __init__(self, prog: str) -> None:
        width = help_width()
        super().__init__(prog, max_help_position=28 if width >= _COLUMNED else 6, width=width)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        # `-e, --environment NAME`, as in Python 3.13. Older versions repeat the metavar.
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        return f"{', '.join(action.option_strings)} {self._format_args(action, str(action.dest).upper())}"

    def _format_usage(self, usage: str | None, *_: object) -> str:
        return "\n".join(_filled(f"usage: {usage}", self._width, "    ")) + "\n\n"

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """Return paragraphs. An indented line is a command."""
        lines: list[str] = []
        for paragraph in text.strip().split("\n\n"):
            written = paragraph.split("\n")
            words = " ".join(line for line in written if not line.startswith("  "))
            lines += ["", *_filled(words, width)]
            for line in written:
                if line.startswith("  "):
                    lines += _command_lines(line, width)
        return "\n".join(f"{indent}{line}" if line else "" for line in lines[1:])

    def _split_lines(self, text: str, width: int) -> list[str]:
        return _filled(" ".join(text.split()), width)


def _filled(text: str, width: int, indent: str = "") -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent=indent, break_on_hyphens=False)


def _command_lines(command: str, width: int) -> Iterable[str]:
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
