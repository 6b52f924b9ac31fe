"""Reading env files: python-dotenv's grammar, and an error wherever it would lose data silently."""

from __future__ import annotations

import io
import os
import re
import sys
from importlib.machinery import PathFinder, SourceFileLoader
from types import ModuleType
from typing import IO, TYPE_CHECKING, Any, cast

from secretsync.core.errors import Problem, ProblemKind
from secretsync.core.files import FileRefusal, Input, read_file, read_named_file
from secretsync.core.model import Entry
from secretsync.core.names import is_key
from secretsync.core.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dotenv.parser import Binding

    from secretsync.project.env_file_mistakes import Mistake

# What stands before an entry's value, as python-dotenv reads it.
_BEFORE_VALUE = re.compile(r"\s*(?:export[^\S\n]+)?(?:'[^']+'|[^=#\s]+)[^\S\n]*=[^\S\n]*")

_TYPOGRAPHIC_QUOTES = frozenset("\u201c\u201d\u201e\u2018\u2019\u201a\u00ab\u00bb")

_LINE = re.compile(r"([^\r\n]*)")
_COMMENT = re.compile(r"\s#")  # behind an unquoted value
_DOUBLE_QUOTE_ESCAPE = re.compile(r"\\[\\'\"abfnrtv]")


class EnvFile(Record, kw_only=True):
    """One env file as read: its entries, and all that is wrong with it."""

    file: str  # as shown to people
    service: str | None
    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...] = ()
    comments: tuple[tuple[int, str], ...] = ()  # lines that are nothing else, by number

    _unseen = ("comments",)  # an entry may have been commented out


def read_env_file(
    path: str, *, file: str, service: str | None, pipe_seconds: float | None = None, may_be_empty: bool = False
) -> EnvFile:
    """Return the env file at `path`. This raises nothing: the result has the problems, which name `file`.

    `pipe_seconds`: the longest time until the end of a pipe; None refuses pipes. `may_be_empty`: a pipe may end without
    a byte.
    """
    if pipe_seconds is None:
        data = read_file(path, Input.ENV_FILE)
    else:
        data = read_named_file(path, Input.ENV_FILE, pipe_seconds, may_be_empty=may_be_empty)
    if isinstance(data, FileRefusal):
        problem = Problem(kind=ProblemKind.CONFIGURATION, file=file, cause=data.cause)
        return EnvFile(file=file, service=service, entries=(), problems=(problem,))
    return parse_env_file(data, file=file, service=service)


def parse_env_file(data: bytes, *, file: str, service: str | None = None) -> EnvFile:
    """Return the entries of an env file's bytes, and a problem for each line that is wrong."""
    text = _decode(data, file)
    if isinstance(text, Problem):
        return EnvFile(file=file, service=service, entries=(), problems=(text,))
    entries: dict[str, Entry] = {}
    problems: list[Problem] = []
    comments: list[str] = []  # right above the next entry
    all_comments: list[tuple[int, str]] = []
    opened: Entry | None = None  # its value may continue in the next lines, although it is not in quotes
    skipped_until: str | None = None  # a pattern for the last line of such a value
    for binding in parse_stream(io.StringIO(text)):
        if skipped_until is not None:
            skipped_until = None if _has_line(binding, skipped_until) else skipped_until
            continue
        if "\n" in _blank(binding.original.string):
            comments.clear()  # a blank line separates them from the next entry
            opened = None
        entry = _entry(binding, file, service, comments)
        if entry is None:
            if comment := _comment(binding):
                comments.append(comment[1].lstrip("#").strip())
                all_comments.append(comment)
            continue
        comments.clear()
        if isinstance(entry, Problem) and opened is not None:
            problem, end = _unquoted_block(opened)
            problems.append(problem)
            skipped_until = None if _has_line(binding, end) else end
            opened = None
        elif isinstance(entry, Problem):
            problems.append(entry)
        elif first := entries.get(entry.key):
            cause = f"this key is already in line {first.line}"
            column = len(entry.source) - len(entry.source.lstrip()) + 1
            problems.append(_problem(file, entry.line, column, cause, "remove one of the two lines", key=entry.key))
        else:
            entries[entry.key] = entry
            opened = entry if _may_open_block(entry) else opened
    return EnvFile(
        file=file,
        service=service,
        entries=tuple(entries.values()),
        problems=tuple(problems),
        comments=tuple(all_comments),
    )


def _decode(data: bytes, file: str) -> str | Problem:
    """Return the text of a file with LF as line end, or the problem. The parser drops a byte order mark."""
    text = _utf8(data)
    if text is not None and "\0" not in text:
        # As python-dotenv, which opens files with universal newlines.
        return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
    from secretsync.project.env_file_encoding import wrong_encoding  # imported only for a mistake

    place, cause, hint = wrong_encoding(data)
    before = place.replace("\r\n", "\n").replace("\r", "\n")
    return _problem(file, before.count("\n") + 1, len(before) - before.rfind("\n"), cause, hint)


def _utf8(data: bytes) -> str | None:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None  # not raised here, because the error contains the whole file


def _entry(binding: Binding, file: str, service: str | None, comments: list[str]) -> Entry | Problem | None:
    """Return the entry or the problem of a statement, or None for blank lines and comments.

    `comments`: the comment lines directly above the statement.
    """
    if binding.key is None and not binding.error:
        return None
    source = binding.original.string
    blank = _blank(source)
    line = _line(binding)
    source = source[blank.rfind("\n") + 1 :]
    if binding.error or binding.key is None or binding.value is None or not is_key(binding.key):
        from secretsync.project.env_file_mistakes import find_mistake  # imported only for a mistake

        return _problem_of(find_mistake(source, binding.key, line), source, line, file)
    before = _BEFORE_VALUE.match(source)
    quote = "" if before is None else source[before.end() : before.end() + 1]
    entry = Entry(
        key=binding.key,
        text=binding.value,
        literal=quote == "'",
        file=file,
        line=line,
        service=service,
        source=source,
        comment="\n".join(comments) or None,
    )
    if binding.value[:1] in _TYPOGRAPHIC_QUOTES and quote == binding.value[:1]:
        from secretsync.project.env_file_mistakes import typographic_quotes

        if (mistake := typographic_quotes(entry)) is not None:
            return _problem_of(mistake, source, line, file)
    return entry


def _may_open_block(entry: Entry) -> bool:
    """Return True if the value looks like the first line of a PEM block or of JSON."""
    return entry.text.startswith("-----BEGIN ") or entry.text in ("{", "[")


def _unquoted_block(entry: Entry) -> tuple[Problem, str]:
    """Return the problem of a value of several lines without quotes, and a pattern for its last line.

    Each of its lines would be a problem of its own, or the name of an entry.
    """
    from secretsync.project.env_file_mistakes import several_lines

    mistake, end = several_lines(entry)
    return _problem_of(mistake, entry.source, entry.line, entry.file), end


def _has_line(binding: Binding, pattern: str) -> bool:
    return any(re.match(pattern, line) for line in binding.original.string.split("\n"))


def _problem_of(mistake: Mistake, source: str, line: int, file: str) -> Problem:
    """Return the problem at the place of a mistake. No name is shown: a line without its key is a value."""
    line_start = source.rfind("\n", 0, mistake.offset) + 1
    line += source.count("\n", 0, mistake.offset)
    return _problem(file, line, mistake.offset - line_start + 1, mistake.cause, mistake.hint)


def _problem(file: str, line: int, column: int, cause: str, hint: str, *, key: str | None = None) -> Problem:
    return Problem(kind=ProblemKind.CONFIGURATION, file=file, line=line, column=column, key=key, cause=cause, hint=hint)


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
    """Return a copy of the module `dotenv.parser`, which reads the same entries in linear time."""
    package = PathFinder.find_spec("dotenv")
    path = os.path.join(os.path.dirname(package.origin), "parser.py") if package and package.origin else ""
    if not os.path.isfile(path):
        from dotenv import parser

        return parser
    loader = SourceFileLoader("secretsync._dotenv_parser", path)
    module = ModuleType(loader.name)
    module.__file__ = path
    sys.modules[loader.name] = module  # NamedTuple and typing look their module up
    loader.exec_module(module)
    vars(module).update(
        _single_quoted_value=re.compile(r"'([^'\\]*+(?:\\.[^'\\]*+)*+)'", re.DOTALL),
        _double_quoted_value=re.compile(r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"', re.DOTALL),
        parse_unquoted_value=_read_unquoted,
    )
    return module


def _read_unquoted(reader: Any) -> str:
    """Return a value up to its comment. python-dotenv takes quadratic time for a long run of white space."""
    (line,) = reader.read_regex(_LINE)
    comment = _COMMENT.search(line)
    return cast("str", line[: comment.start()] if comment else line).rstrip()


def parse_stream(stream: IO[str]) -> Iterator[Binding]:
    """The statements of an env file, one by one, as python-dotenv reads them."""
    return cast("Iterator[Binding]", _PARSER.parse_stream(stream))


_PARSER = _parser()
