"""Insert values into a template without a change of its syntax.

A placeholder inside quotes (`"password": "$<DB_PASSWORD>"`) is replaced by the escaped value, so the quotes may contain
more text. The text of the template shows whether a placeholder is inside quotes:

- json: the escaped value in a string. Elsewhere only a number, true, false or null.
- yaml: the escaped value in double or single quotes. Elsewhere only a whole number, true or false. No value in a block
  scalar.
- shell: the escaped value in double or single quotes. Elsewhere one single-quoted word. No value after a here document,
  a command in backticks or a command within double quotes, because the quotes cannot be followed any more.
- none: the value without a change.

A comment cannot contain a value. A value that cannot be inserted is refused, never changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from secretsync.core.errors import OutputError, Problem, ProblemKind, UsageError
from secretsync.core.text import unknown
from secretsync.rendering.formats import json_, shell, yaml_
from secretsync.rendering.formats.shared import text_refusal

_JSON_SCALAR = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null")
_YAML_SCALAR = re.compile(r"0|[1-9][0-9]*|true|false")
_BLOCK_HEADER = re.compile(r"(?:^|[\s:-])[|>][-+0-9]*\s*(?:\s#.*)?$")
_SHELL_DOUBLE = {ord(char): f"\\{char}" for char in '\\"$`'}


class _Refused(Exception):  # noqa: N818 - does not leave this module
    """The reason why a value cannot be inserted."""


def insert_values(escape: str, pieces: Iterable[str | tuple[str, str]], /, *, file: str | None = None) -> str:
    """Return the text of the template with its values.

    `escape`: one of SYNTAXES. `pieces`: the template in order, its text as `str` and each value as `(label, value)`.
    `file`: the template's name for messages. Raises OutputError with the label and line of every value that cannot be
    inserted.
    """
    if escape not in SYNTAXES:
        raise UsageError(f"{unknown('syntax', escape, SYNTAXES)}; give --escape {', '.join(sorted(SYNTAXES))}")
    context = SYNTAXES[escape]()
    parts: list[str] = []
    problems: list[Problem] = []
    line = 1
    for piece in pieces:
        if isinstance(piece, str):
            line += piece.count("\n")
            for char in piece:
                context.step(char)
            parts.append(piece)
            continue
        label, value = piece
        try:
            parts.append(context.insert(value))
        except _Refused as refused:
            cause = f"it cannot be inserted with --escape {escape}: {refused}"
            problems.append(Problem(kind=ProblemKind.OUTPUT, file=file, line=line, key=label, cause=cause))
    if problems:
        del pieces, piece, parts  # the exception must not lead to the values
        value = ""
        raise OutputError(problems)
    return "".join(parts)


class _Plain:
    """A template without a syntax."""

    def step(self, char: str) -> None:
        """Read one character of the template."""

    def insert(self, value: str) -> str:
        """Return `value` escaped for the present position."""
        reason = text_refusal(value)
        if reason:
            raise _Refused(reason)
        return self._written(value)

    def _written(self, value: str) -> str:
        return value


class _Json(_Plain):
    def __init__(self) -> None:
        self._in_string = False
        self._escaped = False

    def step(self, char: str) -> None:
        if self._escaped:
            self._escaped = False
        elif self._in_string and char == "\\":
            self._escaped = True
        elif char == '"':
            self._in_string = not self._in_string

    def _written(self, value: str) -> str:
        if self._escaped:
            raise _Refused("a backslash is before it")
        if self._in_string:
            return json_.escaped(value)
        if _JSON_SCALAR.fullmatch(value):
            return value
        raise _Refused("outside of double quotes only a number, true, false or null is possible")


class _Yaml(_Plain):
    def __init__(self) -> None:
        self._quote = ""  # '"', "'", "#" for a comment, "|" for a block scalar
        self._escaped = False
        self._line = ""  # of the template up to here, each value as one "x"
        self._block_indent = -1

    def step(self, char: str) -> None:
        if char == "\n":
            self._end_line()
            return
        if self._quote == "|" and not self._line.strip() and char != " " and self._indent() <= self._block_indent:
            self._quote = ""
        if self._quote == '"':
            self._step_double(char)
        elif self._quote == "'":
            # A doubled quote closes and opens again, so the state after it is the same.
            self._quote = "" if char == "'" else "'"
        elif not self._quote:
            if char == "#" and (not self._line or self._line[-1].isspace()):
                self._quote = "#"
            elif char in "\"'" and self._begins_scalar(char):
                self._quote = char
        self._line += char

    def _step_double(self, char: str) -> None:
        if self._escaped:
            self._escaped = False
        elif char == "\\":
            self._escaped = True
        elif char == '"':
            self._quote = ""

    def _end_line(self) -> None:
        self._escaped = False
        if self._quote == "#" or (not self._quote and self._line.strip()):
            self._quote = ""
            if _BLOCK_HEADER.search(self._line):
                self._quote, self._block_indent = "|", self._indent()
        self._line = ""

    def _indent(self) -> int:
        return len(self._line) - len(self._line.lstrip(" "))

    def _begins_scalar(self, char: str) -> bool:
        before = self._line.rstrip()
        if not before or before[-1] in "[{,":
            return True
        if before[-1] in ":-?":
            return before != self._line or before[-2:-1] in ("'", '"')
        # The second half of a doubled quote, a tag or an anchor.
        return (char == "'" and self._line[-1] == "'") or before.split()[-1][0] in "!&"

    def _written(self, value: str) -> str:
        before, self._line = self._line, self._line + "x"
        if self._quote == "#":
            raise _Refused("it is in a comment")
        if self._quote == "|" and (before.strip() or self._indent() > self._block_indent):
            raise _Refused("a block scalar cannot contain it; write it in double quotes")
        if self._escaped:
            raise _Refused("a backslash is before it")
        if self._quote == '"':
            return yaml_.escaped(value)
        if self._quote == "'":
            if yaml_.escaped(value) != value.replace("\\", r"\\").replace('"', r"\""):
                raise _Refused("single quotes cannot contain its line ends or control characters; use double quotes")
            return value.replace("'", "''")
        if _YAML_SCALAR.fullmatch(value):
            return value
        raise _Refused("outside of quotes only a whole number, true or false is possible; write it in double quotes")


class _Shell(_Plain):
    def __init__(self) -> None:
        self._quote = ""  # '"', "'", "$'", "#" for a comment
        self._escaped = False
        self._before = "\n"
        self._braces = 0  # open ${ within double quotes
        self._lost = ""  # the construct after which quotes cannot be followed

    def step(self, char: str) -> None:
        if self._escaped:
            self._escaped = False
            self._before = "x"
            return
        if char == "\\" and self._quote not in ("'", "#"):
            self._escaped = True
        elif self._quote == '"':
            self._step_double(char)
        elif self._quote in ("'", "$'"):
            self._quote = "" if char == "'" else self._quote
        elif self._quote == "#":
            self._quote = "" if char == "\n" else "#"
        else:
            self._step_plain(char)
        self._before = char

    def _step_plain(self, char: str) -> None:
        if char == "`":
            self._lost = "a command in backticks"
        elif char == "<" and self._before == "<":
            self._lost = "a here document"
        elif char == "#" and self._before in " \t\n;&|()":
            self._quote = "#"
        elif char == "'" and self._before == "$":
            self._quote = "$'"
        elif char in "'\"":
            self._quote = char

    def _step_double(self, char: str) -> None:
        if char == "`" or (char == "(" and self._before == "$"):
            self._lost = "a command within double quotes"
        elif char == "{" and self._before == "$":
            self._braces += 1
        elif char == "}" and self._braces:
            self._braces -= 1
        elif char in "\"'" and self._braces:
            self._lost = "quotes within quotes"
        elif char == '"':
            self._quote = ""

    def _written(self, value: str) -> str:
        self._before = "x"
        if self._lost:
            raise _Refused(f"it comes after {self._lost}; assign it to a variable at the beginning of the template")
        if self._quote == "#":
            raise _Refused("it is in a comment")
        if self._escaped:
            raise _Refused("a backslash is before it")
        if self._quote == "$'" or self._braces:
            raise _Refused("other quoting rules apply here; assign it to a variable before")
        if self._quote == '"':
            return value.translate(_SHELL_DOUBLE)
        if self._quote == "'":
            return value.replace("'", r"'\''")
        return shell.quoted(value)


SYNTAXES = {"json": _Json, "yaml": _Yaml, "shell": _Shell, "none": _Plain}
