"""The statements of an env file: what python-dotenv's parser reads, faster for the lines that nearly all files have.

A line is plain if string methods read it as the parser does: a blank line, a comment, or a key and its value, which
ends in the same line and has no backslash if it is quoted. The parser reads every other statement. A property test
compares both ways.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType
    from typing import Any

_QUOTES = "'\""
_PLAIN_KEY = str.maketrans("", "", "_.-")


class Statement:
    """One statement: an entry, a comment, or an error.

    `line`: of its first character that is not white space, from 1. `source`: its text from the start of that line,
    with the line end. `key`: None for a comment and for an error. `value`: None if the key has no `=`. `quote`: the
    character that begins the value in the file, "" without a value. `comment`: the text of a comment from its `#`.
    `is_after_blank`: a blank line is right before it.
    """

    __slots__ = ("comment", "is_after_blank", "key", "line", "quote", "source", "value")

    def __init__(
        self,
        line: int,
        source: str,
        key: str | None,
        value: str | None,
        quote: str,
        comment: str | None,
        is_after_blank: bool,  # noqa: FBT001 - by position, which is faster
    ) -> None:
        self.line = line
        self.source = source
        self.key = key
        self.value = value
        self.quote = quote
        self.comment = comment
        self.is_after_blank = is_after_blank


def read_statements(text: str) -> Iterator[Statement]:
    """Yield the statements of an env file's text, whose line ends are LF. A byte order mark at its start is dropped."""
    text = text.removeprefix("\ufeff")
    lines = text.split("\n")
    parser = None
    offset = 0  # of the line that is read
    number = 0  # of lines before it
    is_after_blank = False
    while number < len(lines):
        line = lines[number]
        number += 1
        source = line + "\n" if number < len(lines) else line
        stripped = line.strip()
        if not stripped:
            is_after_blank = True
        elif stripped[0] == "#":
            yield Statement(number, source, None, None, "", stripped, is_after_blank)
            is_after_blank = False
        elif (plain := _read_plain(stripped)) is not None:
            yield Statement(number, source, *plain, None, is_after_blank)
            is_after_blank = False
        else:
            parser = parser or _Parser(text)
            statement, end = parser.read(offset, number, is_after_blank=is_after_blank)
            yield statement
            is_after_blank = False
            # The parser has read up to a line end, or up to the end of the text.
            number += text.count("\n", offset, end) - source.count("\n")
            offset = end
            if end == len(text):
                return
            continue
        offset += len(source)


def _read_plain(stripped: str) -> tuple[str, str, str] | None:
    """Return the key, the value and its quote of a plain line; None if python-dotenv's parser must read it."""
    before, equals, after = stripped.partition("=")
    key = before.rstrip()
    if key[:6] == "export" and key[6:7].isspace():
        key = key[6:].lstrip()
    # `export =1` has no key for the parser.
    if not equals or key == "export" or not key.isascii():
        return None
    if not key.isidentifier() and not key.translate(_PLAIN_KEY).isalnum():
        return None
    value = after.lstrip()
    if not value:
        return key, "", ""
    quote = value[0]
    if quote in _QUOTES:
        end = value.find(quote, 1)
        inside, rest = value[1:end], value[end + 1 :].lstrip()
        if end < 0 or "\\" in inside or (rest and rest[0] != "#"):
            return None
        return key, inside, quote
    if "#" in value:
        if quote == "#":
            return None
        value = _without_comment(value)
    return key, value, quote


def _without_comment(value: str) -> str:
    """Return an unquoted value up to its comment, which is a `#` after white space."""
    position = value.find("#", 1)
    while position > 0:
        if value[position - 1].isspace():
            return value[:position].rstrip()
        position = value.find("#", position + 1)
    return value


class _Parser:
    """python-dotenv's parser at any place of a text."""

    def __init__(self, text: str) -> None:
        import io

        self._module = _module()
        self._reader = self._module.Reader(io.StringIO("\ufeff" + text))  # it drops a byte order mark

    def read(self, offset: int, line: int, *, is_after_blank: bool) -> tuple[Statement, int]:
        """Return the statement whose first line is at `offset` and has the number `line`, and the offset of its end."""
        reader = self._reader
        reader.position.chars, reader.position.line = offset, line
        binding = self._module.parse_binding(reader)
        source = binding.original.string
        quote = ""
        if binding.value is not None:
            from secretsync.project.env_file_places import value_offset

            quote = source[(start := value_offset(source)) : start + 1]
        # `export # text` is a comment for the parser.
        comment = source.strip() if binding.key is None and not binding.error else None
        statement = Statement(line, source, binding.key, binding.value, quote, comment, is_after_blank)
        return statement, reader.position.chars


def _module() -> ModuleType:
    """Return a copy of the module `dotenv.parser` that reads the same entries in linear time."""
    import os
    import re
    from importlib.machinery import PathFinder, SourceFileLoader
    from types import ModuleType

    name = "secretsync._dotenv_parser"
    if name in sys.modules:
        return sys.modules[name]
    package = PathFinder.find_spec("dotenv")
    path = os.path.join(os.path.dirname(package.origin), "parser.py") if package and package.origin else ""
    if not os.path.isfile(path):
        from dotenv import parser

        return parser
    loader = SourceFileLoader(name, path)
    module = ModuleType(name)
    module.__file__ = path
    sys.modules[name] = module  # NamedTuple and typing look their module up
    loader.exec_module(module)
    vars(module).update(
        _single_quoted_value=re.compile(r"'([^'\\]*+(?:\\.[^'\\]*+)*+)'", re.DOTALL),
        _double_quoted_value=re.compile(r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"', re.DOTALL),
        parse_unquoted_value=_read_unquoted,
    )
    return module


def _read_unquoted(reader: Any) -> str:
    """Return a value up to its comment. python-dotenv takes quadratic time for a long run of white space."""
    begin = reader.position.chars
    end = reader.string.find("\n", begin)
    line = reader.string[begin : len(reader.string) if end < 0 else end]
    reader.position.advance(line)
    return _without_comment(line).rstrip()
