"""A progress bar on a terminal, for whoever waits for many answers."""

from __future__ import annotations

import sys

__all__ = ["ProgressBar"]

_FEWEST = 25  # below that it is over before it could be read
_WIDTH = 30


class ProgressBar:
    """A bar on stderr that goes away when it ends; nothing at all where stderr is no terminal."""

    def __init__(self, label: str, *, is_quiet: bool = False) -> None:
        self._label = label
        self._is_shown = not is_quiet and sys.stderr.isatty()
        self._drawn: str | None = None

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` have answered. It is drawn anew only where it looks different."""
        if not self._is_shown or total < _FEWEST:
            return
        bar = f"{'█' * (_WIDTH * done // total):░<{_WIDTH}} {100 * done // total:3} %"
        if bar != self._drawn:
            self._drawn = bar
            sys.stderr.write(f"\r{self._label} {bar} of {total}")
            sys.stderr.flush()

    def end(self) -> None:
        """Take the bar away."""
        if self._drawn is not None:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._drawn = None
