"""Show on stderr what a command waits for while requests to stores are sent again."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Sequence

from secretsync.cli import console
from secretsync.core.text import printable


class WaitLine:
    """A line that changes every second on a terminal; else a line every ten seconds. Nothing with --quiet."""

    def __init__(self, *, is_quiet: bool) -> None:
        self._is_quiet = is_quiet
        self._is_terminal = sys.stderr.isatty()
        self._is_drawn = False
        self.interval = 1.0 if self._is_terminal else 10.0

    def show(self, lines: Sequence[str]) -> None:
        """Show one line for each store; on a terminal all of them in one line."""
        if self._is_quiet:
            return
        if not self._is_terminal:
            for line in lines:
                console.info(line)
            return
        width = shutil.get_terminal_size().columns
        self._write(f"\r{printable('secretsync: ' + '; '.join(lines))[: width - 1]}\x1b[K")
        self._is_drawn = True

    def end(self) -> None:
        """Remove the line of a terminal."""
        if self._is_drawn:
            self._write("\r\x1b[K")
            self._is_drawn = False

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.write(text)
            sys.stderr.flush()
