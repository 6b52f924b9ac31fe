"""Show the progress of many requests on a terminal."""

from __future__ import annotations

import sys

_FEWEST = 25  # requests; a bar for fewer of them would be removed before anybody could read it
_WIDTH = 30


class ProgressBar:
    """A bar on stderr that is removed at the end. Nothing is shown if stderr is not a terminal."""

    def __init__(self, label: str, *, is_quiet: bool = False) -> None:
        self._label = label
        self._is_shown = not is_quiet and sys.stderr.isatty()
        self._drawn: str | None = None

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` requests are answered. The bar is drawn again only if it changes."""
        if not self._is_shown or total < _FEWEST:
            return
        bar = f"{'█' * (_WIDTH * done // total):░<{_WIDTH}} {100 * done // total:3} %"
        if bar != self._drawn:
            self._drawn = bar
            sys.stderr.write(f"\r{self._label} {bar} of {total}")
            sys.stderr.flush()

    def end(self) -> None:
        """Remove the bar."""
        if self._drawn is not None:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._drawn = None
