"""Read a template: a text file of any kind with placeholders."""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from secretsync.core.errors import ConfigurationError, Problem, ProblemKind
from secretsync.core.files import Input, read_file
from secretsync.core.model import Entry, Resolved
from secretsync.core.records import Record, replace
from secretsync.core.text import path_or
from secretsync.planning.plan import with_literal
from secretsync.project.placeholder_writer import format_value
from secretsync.project.placeholders import Fault, Part, Placeholder, Text, Variable, parse_value
from secretsync.rendering.syntaxes import open_syntax
from secretsync.rendering.syntaxes.syntax import Syntax

Place = Callable[[int], tuple[int, int]]


class Template(Record):
    """A template: its parts in order, and an entry for each different placeholder or variable."""

    parts: tuple[Part, ...]
    labels: Mapping[Part, str]  # the text of each placeholder and variable in messages, without defaults
    entries: tuple[Entry, ...]

    def pieces(self, resolved: Mapping[str, Resolved]) -> Iterator[str | tuple[str, str]]:
        """Yield the parts in order: text as `str`, and each value with the label of its placeholder."""
        for part in self.parts:
            if isinstance(part, Text):
                yield part.text
            else:
                label = self.labels[part]
                yield label, resolved[label].value.reveal()


def read_template(path: str, escape: str) -> Template:
    """Read the template in the file at `path`, whose syntax is `escape`.

    A comment is text, with its placeholders and variables as written. Raises ConfigurationError with the line and
    column of every mistake.
    """
    text, problem = _read(path)
    if problem is not None:
        raise ConfigurationError([problem])
    comments = _Comments(open_syntax(escape), text)
    parsed = parse_value(text, comments.is_comment)
    place = _places(text)
    if parsed.faults:
        raise ConfigurationError([_problem(path, place, text, fault) for fault in parsed.faults])
    if unfinished := comments.finish(parsed.parts):
        cause = f"a comment that begins with {unfinished} is not closed"
        hint = "close it, or put the text in quotes"
        raise ConfigurationError([Problem(kind=ProblemKind.CONFIGURATION, file=path, cause=cause, hint=hint)])
    labels: dict[Part, str] = {}
    used: set[str] = set()
    entries: list[Entry] = []
    for part in parsed.parts:
        if isinstance(part, Text) or part in labels:
            continue
        line, column = place(part.offset)
        label = format_value([_without_word(part)])
        if label in used:  # equal, with another default
            label = f"{label} ({line}:{column})"
        used.add(label)
        labels[part] = label
        entries.append(
            Entry(
                key=label,
                text=format_value([part]),
                literal=False,
                file=path,
                line=line,
                column=column,
                service=None,
                source="",
            )
        )
    return Template(parsed.parts, labels, tuple(entries))


def _without_word(part: Placeholder | Variable) -> Part:
    if isinstance(part, Variable):
        return Variable(part.name)
    return replace(part, default=None, message=None)


def _read(path: str) -> tuple[str, Problem | None]:
    data = read_file(path, Input.TEMPLATE)
    cause = None
    try:
        if isinstance(data, bytes):
            return data.decode("utf-8"), None
        cause = data.cause
    except UnicodeDecodeError:
        cause = "it is not UTF-8"
    return "", Problem(kind=ProblemKind.CONFIGURATION, file=path_or(path, "the template"), cause=cause)


def _problem(path: str, place: Place, text: str, fault: Fault) -> Problem:
    line, column = place(fault.offset)
    hint = with_literal(fault.hint, text[fault.offset : fault.offset + 2])
    return Problem(kind=ProblemKind.CONFIGURATION, file=path, line=line, column=column, cause=fault.cause, hint=hint)


def _places(text: str) -> Place:
    """Return the function from an offset in `text` to line and column."""
    ends = [match.start() for match in re.finditer("\n", text)]

    def place(offset: int) -> tuple[int, int]:
        line = bisect.bisect_left(ends, offset)
        return line + 1, offset - (ends[line - 1] + 1 if line else 0) + 1

    return place


class _Comments:
    """Finds the comments of a template while its placeholders are parsed."""

    def __init__(self, syntax: Syntax, text: str) -> None:
        self.syntax = syntax
        self.text = text
        self.opener = ""  # the last opener that is text
        self.is_after_value = False

    def is_comment(self, before: str, opener: str) -> bool:
        """Return True if `opener`, a run of `$` with its bracket, is in a comment; `before` is the text before it."""
        self.syntax.read(before)
        pairs, rest = divmod(len(opener) - 1, 2)
        is_comment = self.syntax.is_comment
        self.is_after_value = rest == 1 and not is_comment
        if is_comment:
            self.syntax.read(opener)
        else:
            self.syntax.read("$" * pairs + ("" if rest else opener[-1]))
        if self.is_after_value:
            self.syntax.read("x")
        else:
            self.opener = opener
        return is_comment

    def finish(self, parts: Sequence[Part]) -> str | None:
        """Read the text after the last opener. Return the beginning of a comment that is not closed, or None."""
        last = parts[-1] if parts else None
        if not self.is_after_value:
            self.syntax.read(self.text.rpartition(self.opener)[2] if self.opener else self.text)
        elif isinstance(last, Text):
            self.syntax.read(last.text)
        return self.syntax.unfinished
