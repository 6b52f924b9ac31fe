"""Write the output of the commands: results to stdout, messages to stderr."""

from __future__ import annotations

import os
import sys

from secretsync.core.errors import Problem
from secretsync.core.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from secretsync.core.reporting.terminal import Colour, Look


def info(text: str) -> None:
    """Print one line to stderr."""
    print_message(f"secretsync: {printable(text)}")


def warn(text: str) -> None:
    """Print a warning, one line, to stderr."""
    info(f"warning: {text}")


def print_problems(command: str, problems: Sequence[Problem], *, is_verbose: bool = False) -> None:
    """Print a line for each cause to stderr, with the name of the command before them.

    `is_verbose`: a line for each problem.
    """
    lines = _problem_lines(problems, is_verbose=is_verbose)
    if len(problems) == 1:
        print_message(f"secretsync {command}: {lines[0]}")
        return
    rest = "; -v lists all of them" if len(lines) < len(problems) else ""
    print_message(f"secretsync {command}: {len(problems)} problems{rest}")
    for line in lines:
        print_message(f"  {line}")


def print_causes(label: str, problems: Sequence[Problem], *, is_verbose: bool) -> None:
    """Print a line for each cause to stderr, and the number of problems after `label`.

    `is_verbose`: a line for each problem.
    """
    from secretsync.core.text import count_of

    lines = _problem_lines(problems, is_verbose=is_verbose)
    for line in lines:
        print_message(line)
    rest = "; -v lists all of them" if len(lines) < len(problems) else ""
    info(f"{label}: {count_of(len(problems), 'problem')}{rest}")


def _problem_lines(problems: Sequence[Problem], *, is_verbose: bool) -> list[str]:
    from secretsync.core.problems.grouping import problem_lines  # Imported only if something is wrong.

    return [str(problem) for problem in problems] if is_verbose else problem_lines(problems)


def labelled_notes(label: str, notes: Sequence[str], options: argparse.Namespace) -> list[str]:
    """Return the lines of all notes with --verbose, else the lines of one note that sums them up."""
    from secretsync.core.reporting.layout import hanging
    from secretsync.core.reporting.notes import note_lines

    how = look(options)
    shown = note_lines(notes, is_verbose=how.is_verbose)
    return [line for note in shown for line in hanging(label, printable(note), how)]


def print_message(text: str) -> None:
    """Print text to stderr, in the width of the terminal."""
    # A closed stderr does not stop a command: the exit status still reports the result.
    import contextlib

    with contextlib.suppress(OSError):
        # A log has each message on one line, also if COLUMNS is set.
        if sys.stderr.isatty():
            from secretsync.core.reporting.layout import wrap
            from secretsync.core.reporting.terminal import width_of

            text = "\n".join(wrap(text, width_of(sys.stderr, os.environ), indent="    "))
        print(text, file=sys.stderr)


def format_json(document: dict[str, object]) -> str:
    """Return one JSON document, `schema` first, then its members in their order."""
    import json

    return json.dumps({"schema": 1, **document}, ensure_ascii=False, indent=2)


def documents_of(project: str, documents: list[dict[str, object]], *, is_several: bool) -> dict[str, object]:
    """Return the document of one environment, or that of several with a list of theirs."""
    return {"project": project, "environments": documents} if is_several else documents[0]


def problem_as_json(problem: Problem) -> dict[str, object]:
    """Return the row of a problem in a JSON document."""
    return {
        "kind": problem.kind.value,
        "key": problem.key,
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "reference": problem.reference,
        "store": problem.store,
        "cause": problem.cause,
        "hint": problem.hint,
    }


def format_table(
    head: tuple[str, ...], rows: Sequence[tuple[str, ...]], colours: Sequence[Mapping[int, Colour]] | None = None
) -> str:
    """Return rows below a head in the width of stdout. `colours`: of the cells of each row, if stdout has colours."""
    from secretsync.core.reporting.layout import format_table as formatted

    return formatted(head, rows, width(), colours=colours if is_coloured() else None)


def print_lines(text: str, indent: str = "    ") -> None:
    """Print text to stdout in its width. `indent`: before each line that continues another one."""
    from secretsync.core.reporting.layout import wrap

    for written in text.split("\n"):
        print("\n".join(wrap(written, width(), indent=indent)))


def print_summary(text: str) -> None:
    """Print the last line of a report, after an empty line."""
    print()
    print_lines(text)


def width() -> int | None:
    """Return the columns of stdout; None if it is not a terminal and COLUMNS is not set."""
    from secretsync.core.reporting.terminal import width_of

    return width_of(sys.stdout, os.environ)


def is_coloured() -> bool:
    """Return True if stdout has colours."""
    from secretsync.core.reporting import terminal

    return terminal.is_coloured(sys.stdout, os.environ)


def look(options: argparse.Namespace) -> Look:
    """Return how the report of a command is written: for stdout, or plainly for the file of --output."""
    from secretsync.core.reporting.terminal import Look

    is_verbose: bool = getattr(options, "verbose", False)
    if getattr(options, "output", None) is not None:
        return Look(is_verbose=is_verbose)
    return Look(width=width(), is_coloured=is_coloured(), is_verbose=is_verbose)


def write_report(text: str, path: str | None = None) -> None:
    """Write a report to the file at `path`, all of it or nothing; None means stdout. Raises OutputError."""
    data = text.encode("utf-8", "backslashreplace")
    if path is None:
        sys.stdout.buffer.write(data)
        return
    from secretsync.core.system.atomic_write import shared_mode, write_file

    write_file(path, data, mode=shared_mode(path))  # a report holds no secret, and others read it
