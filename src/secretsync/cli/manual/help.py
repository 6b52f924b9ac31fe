"""Format the help of a command in the width of the terminal."""

from __future__ import annotations

import argparse
import os
import sys
import textwrap

from secretsync.cli.manual.overview import command_lines, help_width
from secretsync.core.reporting.terminal import width_of

_COLUMNED = 70  # columns; a narrower help has the text of an option below its name


def format_help(parser: argparse.ArgumentParser) -> str:
    """Return the help of a command."""
    parser.formatter_class = _Formatter
    return argparse.ArgumentParser.format_help(parser)


def format_usage(parser: argparse.ArgumentParser) -> str:
    """Return the usage for an error: in the width of a terminal, and on one line in a log."""
    text = f"usage: {parser.usage}"
    width = width_of(sys.stderr, os.environ) if sys.stderr.isatty() else None
    return "\n".join([text] if width is None else _filled(text, width, "    ")) + "\n"


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
                    lines += command_lines(line, width)
        return "\n".join(f"{indent}{line}" if line else "" for line in lines[1:])

    def _split_lines(self, text: str, width: int) -> list[str]:
        return _filled(" ".join(text.split()), width)


def _filled(text: str, width: int, indent: str = "") -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent=indent, break_on_hyphens=False)
