"""Inserting values into a template so that its syntax stays what it was.

What a user writes decides: a placeholder inside quotes (`"password": "$<DB_PASSWORD>"`) is replaced by the inside of a
string with these quotes, so text can stand beside it. Where it stands is followed through the template's own text:

- json: in a string, its inside. Elsewhere only a number, true, false or null.
- yaml: in double or single quotes, their inside. Elsewhere only a whole number, true or false; never in a block scalar.
- shell: in double or single quotes, their inside. Elsewhere one single-quoted word. Not after a here document, a
  command in backticks or a command within double quotes: from there on we cannot tell where we are.
- none: the value as it is.

A comment takes no value. What cannot be inserted is refused, never changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from secretsync.core.errors import OutputError, Problem, ProblemKind, UsageError
from secretsync.core.text import unknown
from secretsync.rendering.formats import json_, shell, yaml_
from secretsync.rendering.formats.shared import text_refusal

__all__ = ["KINDS", "join"]

_JSON_SCALAR = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null")
_YAML_SCALAR = re.compile(r"0|[1-9][0-9]*|true|false")
_BLOCK_HEADER = re.compile(r"(?:^|[\s:-])[|>][-+0-9]*\s*(?:\s#.*)?$")
_SHELL_DOUBLE = {ord(char): f"\\{char}" for char in '\\"$`'}


class _Refused(Exception):  # noqa: N818 - it does not leave this module
    """Why a value cannot be inserted where it stands."""


def join(kind: str, pieces: Iterable[str | tuple[str, str]], /, *, file: str | None = None) -> str:
    """The template's text with its values, escaped for `kind`, one of KINDS.

    `pieces`: in order, template text as `str`, a value to insert as `(label, value)`, where the label names it in
    messages. OutputError lists all that cannot be inserted, with label and line; `file` names the template in it.
    """
    if kind not in KINDS:
        raise UsageError(f"{unknown('escaping', kind, KINDS)}; there are {', '.join(sorted(KINDS))}")
    context = KINDS[kind]()
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
            cause = f"it cannot be inserted with --escape {kind}: {refused}"
            problems.append(Problem(kind=ProblemKind.OUTPUT, file=file, line=line, key=label, cause=cause))
    if problems:
        del pieces, piece, parts  # no exception leads to the values
        value = ""
        raise OutputError(problems)
    return "".join(parts)


class _Plain:
    """A template without any syntax."""

    def step(self, char: str) -> None:
        """Read one character of the template."""

    def insert(self, value: str) -> str:
        """`value` as it has to be written here."""
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
            raise _Refused("a backslash stands before it")
        if self._in_string:
            return json_.escaped(value)
        if _JSON_SCALAR.fullmatch(value):
            return value
        raise _Refused("outside of double quotes only a number, true, false or null can stand")


class _Yaml(_Plain):
    def __init__(self) -> None:
        self._quote = ""  # '"', "'", "#" for a comment, "|" for a block scalar
        self._escaped = False
        self._line = ""  # of the template so far, each value as one "x"
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
            # A doubled quote closes and opens again at once: inside and outside come out the same.
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
            raise _Refused("it stands in a comment")
        if self._quote == "|" and (before.strip() or self._indent() > self._block_indent):
            raise _Refused("a block scalar cannot take it; write it in double quotes")
        if self._escaped:
            raise _Refused("a backslash stands before it")
        if self._quote == '"':
            return yaml_.escaped(value)
        if self._quote == "'":
            if yaml_.escaped(value) != value.replace("\\", r"\\").replace('"', r"\""):
                raise _Refused("single quotes cannot take its line ends or control characters; use double quotes")
            return value.replace("'", "''")
        if _YAML_SCALAR.fullmatch(value):
            return value
        raise _Refused("outside of quotes only a whole number, true or false can stand; write it in double quotes")


class _Shell(_Plain):
    def __init__(self) -> None:
        self._quote = ""  # '"', "'", "$'", "#" for a comment
        self._escaped = False
        self._before = "\n"
        self._braces = 0  # open ${ within double quotes
        self._lost = ""  # why we cannot tell any more where we are

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
            raise _Refused(f"it comes after {self._lost}; give it to a variable at the beginning of the template")
        if self._quote == "#":
            raise _Refused("it stands in a comment")
        if self._escaped:
            raise _Refused("a backslash stands before it")
        if self._quote == "$'" or self._braces:
            raise _Refused("it stands where quoting has other rules; give it to a variable before")
        if self._quote == '"':
            return value.translate(_SHELL_DOUBLE)
        if self._quote == "'":
            return value.replace("'", r"'\''")
        return shell.quoted(value)


KINDS = {"json": _Json, "yaml": _Yaml, "shell": _Shell, "none": _Plain}
