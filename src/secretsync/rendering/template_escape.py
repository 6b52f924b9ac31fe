"""Insert values into a template without a change of its syntax.

A placeholder inside quotes (`"password": "$<DB_PASSWORD>"`) is replaced by the escaped value, so the quotes may contain
more text. The text of the template shows whether a placeholder is inside quotes. The modules in `syntaxes` state the
possible places of a value. A value that cannot be inserted is refused, never changed.
"""

from __future__ import annotations

from collections.abc import Iterable

from secretsync.core.errors import OutputError, Problem, ProblemKind
from secretsync.rendering.syntaxes import open_syntax
from secretsync.rendering.syntaxes.syntax import Refused


def insert_values(escape: str, pieces: Iterable[str | tuple[str, str]], /, *, file: str | None = None) -> str:
    """Return the text of the template with its values.

    `escape`: one of ESCAPES. `pieces`: the template in order, its text as `str` and each value as `(label, value)`.
    `file`: the template's name for messages. Raises OutputError with the label and line of every value that cannot be
    inserted.
    """
    syntax = open_syntax(escape)
    parts: list[str] = []
    problems: list[Problem] = []
    line = 1
    for piece in pieces:
        if isinstance(piece, str):
            line += piece.count("\n")
            syntax.read(piece)
            parts.append(piece)
            continue
        label, value = piece
        try:
            parts.append(syntax.insert(value))
        except Refused as refused:
            cause = f"it cannot be inserted with --escape {escape}: {refused}"
            problems.append(Problem(kind=ProblemKind.OUTPUT, file=file, line=line, key=label, cause=cause))
    if problems:
        del pieces, piece, parts  # the exception must not lead to the values
        value = ""
        raise OutputError(problems)
    return "".join(parts)
