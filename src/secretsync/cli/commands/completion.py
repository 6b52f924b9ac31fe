"""Print a script with which a shell completes commands, options, and the names that the project has.

The script calls SecretSync for each completion. No store is asked. With --, the candidates for the last WORD are
printed.
"""

from __future__ import annotations

import os

from secretsync.cli import console
from secretsync.cli.shells.completion_scripts import SCRIPTS, format_completion, unquoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

USAGE = "bash|zsh|fish [-- WORD...]"
EXAMPLE = '  eval "$(secretsync completion bash)"'


def split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Split the arguments at the first `--` into the options of `completion` and the words of a command line."""
    index = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:index], arguments[index + 1 :]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `completion`."""
    parser.add_argument("shell", metavar="SHELL", choices=tuple(SCRIPTS), help=f"one of: {', '.join(SCRIPTS)}")


def execute(options: argparse.Namespace) -> int:
    """Return 0 after the script or the candidates are printed."""
    if not options.command:
        console.write_report(SCRIPTS[options.shell])
        return 0
    from secretsync.cli.shells.completion import complete

    words = unquoted(options.command) if options.shell == "bash" else options.command
    console.write_report(format_completion(options.shell, complete(words, os.environ)))
    return 0
