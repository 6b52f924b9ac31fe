"""YAML 1.1 and 1.2: quotes, plain scalars, block scalars and comments."""

from __future__ import annotations

import re

from secretsync.rendering.formats import yaml_
from secretsync.rendering.syntaxes import syntax
from secretsync.rendering.syntaxes.syntax import ESCAPE, Refused, is_cut_escape

_SCALAR = re.compile(r"0|[1-9][0-9]*|true|false")
_DOUBLE = re.compile(rf'"|{ESCAPE}')
_SINGLE = re.compile("'")
_LINE_END = re.compile(r"[\r\n]")
_SPACES = re.compile(" *")
_HEADER = re.compile(r"[|>][-+]?([1-9]?)[-+]?")
_WORD = re.compile(r"[^\s:,\[\]{}#]+")  # of a plain scalar; not the signs that may end one
_MARKER = re.compile(r"(?:---|\.\.\.)(?![^\s])")  # the beginning or the end of a document

_WHITE = " \t\r\n"
# The token that the scanner is in, outside of quotes, block scalars and comments.
_START, _PLAIN, _DONE, _PROPERTY = "start", "plain", "done", "property"


class Syntax(syntax.Syntax):
    """The escaped value in quotes; elsewhere only a whole number, true or false; no value in a block scalar."""

    def __init__(self) -> None:
        self._mode = ""  # '"', "'", "#" for a comment, "|" for a block scalar
        self._token = _START
        self._is_escaped = False
        self._is_fresh = True  # the line has only spaces up to here
        self._is_apart = True  # white space is before the present position
        self._offset = 0  # the column of the first character of the piece
        self._flows = 0  # open [ and {
        self._parent = -1  # the column that the lines of a block scalar or a plain scalar must exceed
        self._token_column = 0
        self._has_property = False  # a tag or an anchor is before the token, which is its column
        self._header: int | None = None  # a block scalar begins with the next line; its indicator, or 0
        self._indent: int | None = None  # the column of the block scalar's text; None: its first line decides

    @property
    def is_comment(self) -> bool:  # type: ignore[override]
        """True in a comment."""
        return self._mode == "#"

    def _end_piece(self, text: str) -> None:
        self._offset += len(text)

    def _step(self, text: str, position: int) -> int:
        self._is_escaped = False
        if self._mode in ("'", '"'):
            return self._read_quoted(text, position)
        if self._mode == "#":
            end = _LINE_END.search(text, position)
            if end is None:
                return len(text)
            self._mode = ""
            self._token = _START if not self._flows else self._token
            return end.start()
        if self._mode == "|" and not self._is_fresh:
            end = _LINE_END.search(text, position)
            return len(text) if end is None else self._end_line(end.start())
        char = text[position]
        if char in "\r\n":
            return self._end_line(position)
        if char in " \t":
            self._is_apart = True
            if self._token == _PROPERTY:
                self._token = _START
            return _SPACES.match(text, position + 1).end()  # type: ignore[union-attr] # matches everywhere
        if self._is_fresh:
            self._begin_line(position + self._offset, char)
            if self._mode == "|":
                return position
        return self._read_plain(text, position, char)

    def _read_quoted(self, text: str, position: int) -> int:
        token = (_DOUBLE if self._mode == '"' else _SINGLE).search(text, position)
        if token is None:
            return len(text)
        if token[0] == self._mode:
            self._mode, self._token, self._is_apart = "", _DONE, False
        else:
            self._is_escaped = token.end() == len(text) and is_cut_escape(token[0])
        return token.end()

    def _end_line(self, position: int) -> int:
        self._is_fresh = self._is_apart = True
        self._has_property = False
        self._offset = -position - 1
        if self._header is not None:
            self._indent = max(self._parent, 0) + self._header if self._header else None
            self._mode, self._header, self._token = "|", None, _START
        elif not self._mode and not self._flows and self._token != _PLAIN:
            self._token = _START
        return position + 1

    def _begin_line(self, column: int, char: str) -> None:
        """Decide at the first character of a line what the line belongs to."""
        self._is_fresh = False
        if self._mode == "|":
            if self._indent is None and column > self._parent:
                self._indent = column
            ends_document = column == 0 and char in "-."
            if self._indent is not None and column >= self._indent and not ends_document:
                return
            self._mode = ""
        if self._token == _PLAIN and not self._flows and (column <= self._parent or char == "#"):
            self._token = _START

    def _read_plain(self, text: str, position: int, char: str) -> int:
        """Read the token at `position`, which is not white space."""
        column = position + self._offset
        if column == 0 and not self._flows and (marker := _MARKER.match(text, position)):
            self._token, self._parent, self._is_apart = _START, -1, False
            return marker.end()
        was_apart, self._is_apart = self._is_apart, False
        if char == "#" and was_apart:
            self._mode = "#"
            return position + 1
        if self._header is not None:  # a character that a header of a block scalar cannot have
            self._header, self._token = None, _PLAIN
        following = text[position + 1 : position + 2] or "x"
        if char == ":" and self._ends_key(following):
            is_indicator = self._token == _START and not self._has_property
            self._take_parent(column if is_indicator else self._token_column)
        elif self._flows and char in ",]}":
            self._flows -= char != ","
            self._token = _START if char == "," else _DONE
        elif self._token in (_PLAIN, _PROPERTY):
            word = _WORD.match(text, position)
            return word.end() if word else position + 1
        elif self._token == _START:
            return self._begin_node(text, position, column, following)
        elif char == "'" and text[position - 1 : position] == "'":  # a doubled quote
            self._mode = "'"
        return position + 1

    def _ends_key(self, following: str) -> bool:
        if self._token == _PROPERTY:
            return False
        return following in _WHITE or (self._flows > 0 and (self._token == _DONE or following in ",[]{}"))

    def _take_parent(self, column: int) -> None:
        """Begin the node of a key, or of an indicator such as `- `, at `column`."""
        self._token = _START
        self._has_property = False
        if not self._flows:
            self._parent = column

    def _begin_node(self, text: str, position: int, column: int, following: str) -> int:
        char = text[position]
        if not self._flows and not self._has_property:
            self._token_column = column
        if char in "\"'":
            self._mode = char
        elif char in "-?" and following in _WHITE:
            self._take_parent(column)
        elif char in "[{":
            self._flows += 1
        elif char in "!&*":
            self._token, self._has_property = _PROPERTY, True
        elif char in "|>" and not self._flows:
            header = _HEADER.match(text, position)
            self._token, self._header = _DONE, int(header[1] or "0") if header else 0
            return header.end() if header else position + 1
        else:
            self._token = _PLAIN
        return position + 1

    def _written(self, value: str) -> str:
        if self._is_fresh and self._mode == "|":
            self._begin_line(self._offset, "x")
        if self._mode == "|":
            raise Refused("a block scalar cannot contain it; write it in double quotes")
        if self._is_escaped:
            raise Refused("a backslash is before it")
        if self._mode == '"':
            return yaml_.escaped(value)
        if self._mode == "'":
            if yaml_.escaped(value) != value.replace("\\", r"\\").replace('"', r"\""):
                raise Refused("single quotes cannot contain its line ends or control characters; use double quotes")
            return value.replace("'", "''")
        if _SCALAR.fullmatch(value):
            return value
        raise Refused("outside of quotes only a whole number, true or false is possible; write it in double quotes")
