"""Write the output of the commands: results to stdout, messages to stderr."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence

from secretsync.core.errors import Problem, printable


def info(text: str) -> None:
    """Print one line to stderr."""
    _print_message(f"secretsync: {printable(text)}")


def warn(text: str) -> None:
    """Print a warning, one line, to stderr."""
    info(f"warning: {text}")


def print_problems(command: str, problems: Sequence[Problem]) -> None:
    """Print every problem to stderr, one line each, with the name of the command before them."""
    if len(problems) == 1:
        _print_message(f"secretsync {command}: {problems[0]}")
    else:
        lines = "\n".join(f"  {problem}" for problem in problems)
        _print_message(f"secretsync {command}: {len(problems)} problems\n{lines}")


def _print_message(text: str) -> None:
    # A closed stderr does not stop a command: the exit status still reports the result.
    with contextlib.suppress(OSError):
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


def format_table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Return rows below a head, in columns of the least width."""
    lines = [head, *[tuple(printable(cell) for cell in row) for row in rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def is_coloured() -> bool:
    """True if stdout is a terminal and the user did not refuse colours (NO_COLOR)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def write_report(text: str, path: str | None = None) -> None:
    """Write a report to the file at `path`, all of it or nothing; None means stdout. Raises OutputError."""
    data = text.encode("utf-8", "backslashreplace")
    if path is None:
        sys.stdout.buffer.write(data)
        return
    from secretsync.core.atomic_write import write_file

    write_file(path, data, mode=_report_mode(path))


def _report_mode(path: str) -> int:
    """Return the mode of the present file, or that of any new file: a report holds no secret, and others read it."""
    try:
        return os.stat(path).st_mode & 0o666
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
