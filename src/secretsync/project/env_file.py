"""Reading env files: python-dotenv's grammar, and an error wherever it would lose data silently."""

from __future__ import annotations

import io
import os
import re
import sys
from importlib.machinery import PathFinder, SourceFileLoader
from types import ModuleType
from typing import IO, TYPE_CHECKING, cast

from secretsync.core.errors import Problem, ProblemKind
from secretsync.core.files import FileRefusal, Input, read_file
from secretsync.core.model import Entry
from secretsync.core.names import is_entry_name
from secretsync.core.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotenv.parser import Binding

# What stands before an entry's value, as python-dotenv reads it.
_BEFORE_VALUE = re.compile(r"\s*(?:export[^\S\n]+)?(?:'[^']+'|[^=#\s]+)[^\S\n]*=[^\S\n]*")

_DOUBLE_QUOTE_ESCAPE = re.compile(r"\\[\\'\"abfnrtv]")


class EnvFile(Record, kw_only=True):
    """One env file as read: its entries, and all that is wrong with it."""

    file: str  # as shown to people
    service: str | None
    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...] = ()
    comments: tuple[tuple[int, str], ...] = ()  # lines that are nothing else, by number

    _unseen = ("comments",)  # an entry may have been commented out


def read_env_file(path: str, *, file: str, service: str | None) -> EnvFile:
    """The env file at `path`. Nothing is raised: what is wrong comes back as problems that name `file`."""
    data = read_file(path, Input.ENV_FILE)
    if isinstance(data, FileRefusal):
        problem = Problem(kind=ProblemKind.CONFIGURATION, file=file, cause=data.cause)
        return EnvFile(file=file, service=service, entries=(), problems=(problem,))
    return parse_env_file(data, file=file, service=service)


def parse_env_file(data: bytes, *, file: str, service: str | None = None) -> EnvFile:
    """The entries of an env file's bytes, and all that is wrong with them, by line."""
    text = _decode(data)
    if isinstance(text, tuple):
        line, cause = text
        problem = Problem(kind=ProblemKind.CONFIGURATION, file=file, line=line, cause=cause, hint="write it as UTF-8")
        return EnvFile(file=file, service=service, entries=(), problems=(problem,))
    entries: dict[str, Entry] = {}
    problems: list[Problem] = []
    comments: list[str] = []  # right above the next entry
    all_comments: list[tuple[int, str]] = []
    for binding in parse_stream(io.StringIO(text)):
        if "\n" in _blank(binding.original.string):
            comments.clear()  # a blank line parts them from what follows
        entry = _entry(binding, file, service, "\n".join(comments) or None)
        if entry is None:
            if comment := _comment(binding):
                comments.append(comment[1].lstrip("#").strip())
                all_comments.append(comment)
            continue
        comments.clear()
        if isinstance(entry, Problem):
            problems.append(entry)
        elif first := entries.get(entry.key):
            cause = f"this key stands in line {first.line} already"
            problems.append(_problem(file, entry.line, cause, "remove one of the two", key=entry.key))
        else:
            entries[entry.key] = entry
    return EnvFile(
        file=file,
        service=service,
        entries=tuple(entries.values()),
        problems=tuple(problems),
        comments=tuple(all_comments),
    )


def _decode(data: bytes) -> str | tuple[int, str]:
    """The text of a file with line ends as LF, or the line and the cause where it is not one."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return 1, "this file is UTF-16"
    bad = -1
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        bad = error.start  # and nothing else of it: its `object` is the whole file
    if bad >= 0:
        before = data[:bad].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return before.count(b"\n") + 1, f"byte {bad} of this file is not UTF-8"
    # As python-dotenv, which opens files with universal newlines.
    text = text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
    if "\0" in text:
        return text.count("\n", 0, text.index("\0")) + 1, "a NUL character"
    return text


def _entry(binding: Binding, file: str, service: str | None, comment: str | None) -> Entry | Problem | None:
    """The entry or the problem that a statement is, or None for blank lines and comments."""
    source = binding.original.string
    blank = _blank(source)
    line = _line(binding)
    source = source[blank.rfind("\n") + 1 :]
    # No name is shown before it is known to be one: a line pasted without its key is a value.
    if binding.error:
        return _problem(file, line, "this line cannot be parsed", "look for a quote that is not closed")
    if binding.key is None:
        return None
    if not is_entry_name(binding.key):
        cause = "this line does not begin with a name"
        return _problem(file, line, cause, "a name is letters, digits and '_', not beginning with a digit")
    if binding.value is None:
        return _problem(file, line, "there is a name without '='", "write NAME= for an empty value")
    before = _BEFORE_VALUE.match(source)
    is_literal = before is not None and source[before.end() : before.end() + 1] == "'"
    return Entry(
        key=binding.key,
        text=binding.value,
        literal=is_literal,
        file=file,
        line=line,
        service=service,
        source=source,
        comment=comment,
    )


def _problem(file: str, line: int, cause: str, hint: str, *, key: str | None = None) -> Problem:
    return Problem(kind=ProblemKind.CONFIGURATION, file=file, line=line, key=key, cause=cause, hint=hint)


def _blank(source: str) -> str:
    """The white space before a statement, blank lines included: python-dotenv counts them in."""
    return source[: len(source) - len(source.lstrip())]


def _line(binding: Binding) -> int:
    """The line of a statement: python-dotenv counts from the blank lines before it."""
    return binding.original.line + _blank(binding.original.string).count("\n")


def _comment(binding: Binding) -> tuple[int, str] | None:
    """The line and the text of a comment, or None for blank lines."""
    text = binding.original.string.strip()
    return (_line(binding), text) if text.startswith("#") else None


def locate(entry: Entry, offset: int) -> tuple[int, int]:
    """Line and column, from 1, in the file of the character at `offset` of the entry's text.

    Zeros for an entry that stands in no file.
    """
    if not entry.line:
        return 0, 0
    if not entry.source:
        return entry.line, entry.column + offset
    before = _BEFORE_VALUE.match(entry.source)
    position = before.end() if before else 0
    if entry.source[position : position + 1] in ("'", '"'):
        position += 1
        for escape in _DOUBLE_QUOTE_ESCAPE.finditer(entry.source, position):
            if escape.start() >= position + offset:
                break
            position += 1  # two characters there are one of the text
    position += offset
    line_start = entry.source.rfind("\n", 0, position) + 1
    return entry.line + entry.source.count("\n", 0, position), position - line_start + 1


def unquoted_tail(entry: Entry) -> str:
    """What python-dotenv cut off an unquoted value: its inline comment, or the empty string."""
    before = _BEFORE_VALUE.match(entry.source)
    if before is None or entry.source[before.end() : before.end() + 1] in ("'", '"'):
        return ""
    return entry.source[before.end() + len(entry.text) :].strip()


def _parser() -> ModuleType:
    """The module `dotenv.parser`, under a name of ours where the package itself was not imported yet."""
    if "dotenv" not in sys.modules and (package := PathFinder.find_spec("dotenv")) is not None and package.origin:
        path = os.path.join(os.path.dirname(package.origin), "parser.py")
        if os.path.isfile(path):
            loader = SourceFileLoader("secretsync._dotenv_parser", path)
            module = ModuleType(loader.name)
            module.__file__ = path
            sys.modules[loader.name] = module  # NamedTuple and typing look their module up
            loader.exec_module(module)
            return module
    from dotenv import parser

    return parser


def parse_stream(stream: IO[str]) -> Iterator[Binding]:
    """The statements of an env file, one by one, as python-dotenv reads them."""
    return cast("Iterator[Binding]", _PARSER.parse_stream(stream))


_PARSER = _parser()
