"""JSON (RFC 8259), with the comments of JSONC, and the comments and single quotes of JSON5."""

from __future__ import annotations

import re

from secretsync.rendering.formats import json_
from secretsync.rendering.syntaxes import syntax
from secretsync.rendering.syntaxes.syntax import ESCAPE, Refused, is_cut_escape

_SCALAR = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null")

# The next token by mode, which is the token that began it. A string does not contain a line end, so that a forgotten
# quote is wrong for one line only. The `//` of a URL without quotes is not a comment, so that its value is refused.
_TOKENS = {
    "": re.compile(r"""["']|(?<![A-Za-z]:)//|/\*"""),
    '"': re.compile(rf'["\n\r]|{ESCAPE}'),
    "'": re.compile(rf"['\n\r]|{ESCAPE}"),
    "//": re.compile("[\n\r\u2028\u2029]"),
    "/*": re.compile(r"\*/"),
}


class Syntax(syntax.Syntax):
    """The escaped value in a string; elsewhere only a number, true, false or null."""

    _mode = ""
    _is_escaped = False

    @property
    def is_comment(self) -> bool:  # type: ignore[override]
        """True in a comment."""
        return self._mode.startswith("/")

    @property
    def unfinished(self) -> str | None:  # type: ignore[override]
        """Return `/*` in a comment that it began."""
        return self._mode if self._mode == "/*" else None

    def _step(self, text: str, position: int) -> int:
        self._is_escaped = False
        token = _TOKENS[self._mode].search(text, position)
        if token is None:
            return len(text)
        if token[0].startswith("\\"):
            self._is_escaped = token.end() == len(text) and is_cut_escape(token[0])
        else:
            self._mode = "" if self._mode else token[0]
        return token.end()

    def _written(self, value: str) -> str:
        if self._is_escaped:
            raise Refused("a backslash is before it")
        if self._mode == '"':
            return json_.escaped(value)
        if self._mode == "'":
            return json_.escaped(value).replace("'", r"\u0027")
        if _SCALAR.fullmatch(value):
            return value
        raise Refused("outside of double quotes only a number, true, false or null is possible")
