"""Read a template: a text file of any kind with placeholders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from secretsync.core.errors import ConfigurationError, Problem, ProblemKind
from secretsync.core.files import Input, read_file
from secretsync.core.model import Entry, Resolved
from secretsync.core.records import Record, replace
from secretsync.core.text import path_or
from secretsync.project.placeholders import Part, Placeholder, Text, Variable, format_value, parse_value


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


def read_template(path: str) -> Template:
    """Read the template in the file at `path`. Raises ConfigurationError with the line and column of every mistake."""
    text, problem = _read(path)
    if problem is not None:
        raise ConfigurationError([problem])
    parsed = parse_value(text)
    problems = []
    for fault in parsed.faults:
        line, column = _place(text, fault.offset)
        problems.append(
            Problem(
                kind=ProblemKind.CONFIGURATION, file=path, line=line, column=column, cause=fault.cause, hint=fault.hint
            )
        )
    if problems:
        raise ConfigurationError(problems)
    labels: dict[Part, str] = {}
    entries: list[Entry] = []
    for part in parsed.parts:
        if isinstance(part, Text) or part in labels:
            continue
        line, column = _place(text, part.offset)
        label = format_value([_without_word(part)])
        if label in labels.values():  # equal, with another default
            label = f"{label} ({line}:{column})"
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


def _place(text: str, offset: int) -> tuple[int, int]:
    return text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1
