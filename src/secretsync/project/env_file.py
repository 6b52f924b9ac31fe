"""Reading env files: python-dotenv's grammar, and an error wherever it would lose data silently."""

from __future__ import annotations

from secretsync.core.errors import Problem
from secretsync.core.files import STANDARD_INPUT, FileRefusal, Input, read_file
from secretsync.core.model import Entry
from secretsync.core.names import is_key
from secretsync.core.records import Record, make
from secretsync.project.env_file_statements import Statement, read_statements

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsync.project.env_file_mistakes import Mistake

_OPENERS = frozenset("<-{[")  # the first characters of `<<EOF`, of a PEM block and of JSON
_TYPOGRAPHIC_QUOTES = frozenset("\u201c\u201d\u201e\u2018\u2019\u201a\u00ab\u00bb")


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
    data = _read(path, pipe_seconds, may_be_empty)
    if isinstance(data, FileRefusal):
        problem = _problem(file, None, None, data.cause, None)
        return EnvFile(file=file, service=service, entries=(), problems=(problem,))
    return parse_env_file(data, file=file, service=service)


def _read(path: str, pipe_seconds: float | None, may_be_empty: bool) -> bytes | FileRefusal:  # noqa: FBT001
    if pipe_seconds is None:
        return read_file(path, Input.ENV_FILE)
    if path != STANDARD_INPUT and isinstance(data := read_file(path, Input.ENV_FILE), bytes):
        return data
    from secretsync.core.system.pipes import read_named_file  # Imported only for what is not a regular file.

    return read_named_file(path, Input.ENV_FILE, pipe_seconds, may_be_empty=may_be_empty)


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
    for statement in read_statements(text):
        if skipped_until is not None:
            skipped_until = None if _has_line(statement, skipped_until) else skipped_until
            continue
        opened = None if opened is None else _still_open(opened, statement)
        if statement.is_after_blank:
            comments.clear()  # a blank line separates them from the next entry
        if statement.comment is not None:
            comments.append(statement.comment.lstrip("#").strip())
            all_comments.append((statement.line, statement.comment))
            continue
        entry = _entry(statement, file, service, "\n".join(comments) or None)
        comments.clear()
        if isinstance(entry, Problem) and opened is not None:
            problem, end = _unquoted_block(opened)
            problems.append(problem)
            skipped_until = None if _has_line(statement, end) else end
            opened = None
        elif isinstance(entry, Problem):
            problems.append(entry)
            skipped_until = _end_of_block(statement)
        elif first := entries.get(entry.key):
            cause = f"this key is already in line {first.line}"
            column = len(entry.source) - len(entry.source.lstrip()) + 1
            problems.append(_problem(file, entry.line, column, cause, "remove one of the two lines", key=entry.key))
        else:
            entries[entry.key] = entry
            if (entry.text[:1] in _OPENERS or entry.text[-1:] == "\\") and _may_open_block(entry):
                opened = entry
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


def _still_open(opened: Entry, statement: Statement) -> Entry | None:
    """Return `opened` if its value may continue in this statement, else None."""
    if statement.is_after_blank and not opened.text.startswith("<<"):
        return None
    # After a backslash only the next line can be meant as the continuation.
    return None if opened.text.endswith("\\") and statement.line != opened.line + 1 else opened


def _entry(statement: Statement, file: str, service: str | None, comment: str | None) -> Entry | Problem:
    """Return the entry or the problem of a statement that is no comment."""
    key, value, source, line = statement.key, statement.value, statement.source, statement.line
    if key is None or value is None or not is_key(key):
        from secretsync.project.env_file_mistakes import find_mistake  # imported only for a mistake

        return _problem_of(find_mistake(source, key, line), source, line, file)
    quote = statement.quote
    entry = make(Entry, key, value, quote == "'", file, line, service, source, comment, 1)
    if key.startswith("SECRETSYNC_"):
        from secretsync.project.env_file_mistakes import reserved_name

        if (mistake := reserved_name(entry)) is not None:
            return _problem_of(mistake, source, line, file)
    if quote in _TYPOGRAPHIC_QUOTES and value[:1] == quote:
        from secretsync.project.env_file_mistakes import typographic_quotes

        if (mistake := typographic_quotes(entry)) is not None:
            return _problem_of(mistake, source, line, file)
    return entry


def _may_open_block(entry: Entry) -> bool:
    """Return True if the value looks like the first of several lines: PEM, JSON, a here-document, a backslash."""
    if entry.text.startswith("<<"):
        from secretsync.project.env_file_mistakes import HEREDOC  # imported only for such a value

        return HEREDOC.fullmatch(entry.text) is not None
    return entry.text.startswith("-----BEGIN ") or entry.text in ("{", "[") or entry.text.endswith("\\")


def _end_of_block(statement: Statement) -> str | None:
    """Return a pattern for the last line of the block that a wrong statement begins; None if it begins none."""
    from secretsync.project.env_file_mistakes import last_line_of_block  # imported only for a mistake

    return last_line_of_block(statement.source)


def _unquoted_block(entry: Entry) -> tuple[Problem, str]:
    """Return the problem of a value of several lines without quotes, and a pattern for its last line.

    Each of its lines would be a problem of its own, or the name of an entry.
    """
    from secretsync.project.env_file_mistakes import several_lines

    mistake, end = several_lines(entry)
    return _problem_of(mistake, entry.source, entry.line, entry.file), end


def _has_line(statement: Statement, pattern: str) -> bool:
    import re

    return any(re.match(pattern, line) for line in statement.source.split("\n"))


def _problem_of(mistake: Mistake, source: str, line: int, file: str) -> Problem:
    """Return the problem at the place of a mistake. No name is shown: a line without its key is a value."""
    line_start = source.rfind("\n", 0, mistake.offset) + 1
    line += source.count("\n", 0, mistake.offset)
    return _problem(file, line, mistake.offset - line_start + 1, mistake.cause, mistake.hint)


def _problem(
    file: str, line: int | None, column: int | None, cause: str, hint: str | None, *, key: str | None = None
) -> Problem:
    from secretsync.core.problems.kinds import ProblemKind  # Imported only for a problem.

    return Problem(kind=ProblemKind.CONFIGURATION, file=file, line=line, column=column, key=key, cause=cause, hint=hint)
