"""docs/commands.md: what each command's --help says. `python -m tests.support.help_pages` writes it anew."""

import subprocess
import sys
from pathlib import Path

from secretsync.cli.commands import COMMANDS

PAGE = Path(__file__).parent.parent.parent / "docs" / "commands.md"

_HEAD = """# Commands

What `secretsync COMMAND --help` says. `python -m tests.support.help_pages` writes this page, and a test compares it.
"""


def help_of(*arguments: str) -> str:
    """What `secretsync ARGUMENTS --help` prints."""
    argv = [sys.executable, "-I", "-m", "secretsync", *arguments, "--help"]
    return subprocess.run(argv, capture_output=True, text=True, check=True, env={}).stdout


def page() -> str:
    """The whole page."""
    sections = [f"\n## {name}\n\n```text\n{help_of(name)}```\n" for name in COMMANDS]
    return _HEAD + "".join(sections)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
