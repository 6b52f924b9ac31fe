"""What all syntaxes have in common: a template that is read in order, and values that are inserted on the way."""

from __future__ import annotations

from secretsync.rendering.formats.shared import text_refusal

# An escape of a string of JSON, JSON5, TOML or YAML. It is cut if a placeholder follows directly.
ESCAPE = r"\\(?:x[0-9A-Fa-f]{0,2}|u[0-9A-Fa-f]{0,4}|U[0-9A-Fa-f]{0,8}|\r\n|[^xuU\r]|\r|\Z)"
_LENGTHS = {"x": 4, "u": 6, "U": 10}


def is_cut_escape(escape: str) -> bool:
    """Return True if more characters belong to a text that matches ESCAPE."""
    return len(escape) < _LENGTHS.get(escape[1:2], 2)


class Refused(Exception):  # noqa: N818 - does not leave this package and its caller
    """The reason why a value cannot be inserted."""


class Syntax:
    """A template without a syntax; the base of the other syntaxes.

    The text of the template comes in pieces, which end at placeholders only. A placeholder counts as one `x`.
    """

    is_comment = False  # True: the present position is in a comment
    unfinished: str | None = None  # the name of a comment that must be closed; None: the template may end here
    _is_begun = False

    def read(self, text: str) -> None:
        """Read the next piece of the template."""
        position = 0
        if not self._is_begun:
            self._is_begun = True
            position = int(text.startswith("\ufeff"))  # a byte order mark does not belong to the first line
        while position < len(text):
            position = self._step(text, position)
        self._end_piece(text)

    def insert(self, value: str) -> str:
        """Return `value` escaped for the present position. Raises Refused if the position cannot hold it."""
        if reason := text_refusal(value):
            raise Refused(reason)
        try:
            if self.is_comment:
                raise Refused("it is in a comment")
            return self._written(value)
        finally:
            self.read("x")

    def _step(self, text: str, position: int) -> int:
        """Read a token at `position` or later, and return the position after it."""
        del position
        return len(text)

    def _end_piece(self, text: str) -> None:
        """Finish a piece of the template."""

    def _written(self, value: str) -> str:
        return value
