"""Reading TOML files that people write: a wrong key or type is a problem at its line, with the nearest known key."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from secretsync.core.errors import Problem, ProblemKind
from secretsync.core.files import Input, read_file
from secretsync.core.records import replace
from secretsync.core.text import is_shown, name_or_none, suggestion
from secretsync.project.toml_lines import DEEPEST, TooDeep, lines_of_keys

Lines = Mapping[tuple[str, ...], int]

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_BACKSLASH_HINT = "write \\\\ for a backslash, or put the text in single quotes"

# The next step, for the messages of tomllib that do not show it.
_TOML_HINTS = {
    "Invalid value": 'put a text in quotes: name = "text"; write true and false in small letters',
    "Invalid hex value": _BACKSLASH_HINT,
    r"Unescaped '\' in a string": _BACKSLASH_HINT,
}

# The messages of tomllib that quote nothing but the punctuation that it expects.
_TOML_MESSAGE = r"[A-Za-z ,/-]+|Expected ['\"].{1,3}['\"][A-Za-z ,/-]*|Unescaped .{1,5} in a string"


def read_document(path: str, file: str, kind: Input) -> bytes | Problem:
    """Return the bytes at `path`, shown to people as `file`, or the problem with the file."""
    data = read_file(path, kind)
    return data if isinstance(data, bytes) else _unreadable(file, data.cause)


def parse_document(data: bytes, file: str) -> tuple[dict[str, Any], Lines] | Problem:
    """Return the document in the bytes of a TOML file and the line of each key, or the problem."""
    import tomllib

    hint = None
    try:
        text = data.removeprefix(_BYTE_ORDER_MARK).decode()
        lines = lines_of_keys(text)
        return tomllib.loads(text), lines
    except TooDeep as error:
        return _unreadable(file, f"a key has more than {DEEPEST} parts", error.line)
    except tomllib.TOMLDecodeError as error:
        message = str(error.args[0]) if error.args else ""
        cause, hint = f"this is not TOML: {_toml_cause(message)}", _TOML_HINTS.get(message.rpartition(" (at ")[0])
    except UnicodeDecodeError:
        cause, hint = "this file is not UTF-8", "save the file as UTF-8"
    except ValueError:  # a number of thousands of digits
        cause = "this is not TOML: a number is too long"
    except RecursionError:
        cause = "this file is nested too deeply"
    at_line = re.search(r" \(at line (\d+), column \d+\)", cause)
    line = int(at_line[1]) if at_line else None
    return _unreadable(file, cause.replace(at_line[0], "") if at_line else cause, line, hint)


def _toml_cause(message: str) -> str:
    """Return the message of tomllib with its place, and without the keys and characters that it quotes."""
    text, _, place = message.rpartition(" (at ")
    if text.startswith(("Cannot ", "Duplicate ")):
        text = "a key or a table is defined twice"
    elif not re.fullmatch(_TOML_MESSAGE, text):
        text = "a character that cannot be here"
    return f"{text} (at {place}" if place else "it cannot be parsed"


def _unreadable(file: str, cause: str, line: int | None = None, hint: str | None = None) -> Problem:
    return Problem(kind=ProblemKind.CONFIGURATION, file=file, line=line, cause=cause, hint=hint)


def key_problem(
    file: str | None,
    lines: Lines,
    path: Sequence[str],
    cause: str,
    hint: str | None = None,
    *,
    known: Collection[str] | None = None,
) -> Problem:
    """Return the problem at one key of a file. `known`: the keys that can be there; None means any name."""
    if known is not None and not is_shown(path[-1], known):
        return replace(key_problem(file, lines, path[:-1], cause, hint), line=_line(lines, path))
    return Problem(
        kind=ProblemKind.CONFIGURATION,
        file=file,
        line=_line(lines, path),
        key=".".join(_shown_part(path)) or None,
        cause=cause,
        hint=hint,
    )


def _shown_part(path: Sequence[str]) -> list[str]:
    """Return the keys that lead to a place, up to the first that may be a value."""
    from itertools import takewhile

    return list(takewhile(lambda key: key.isdigit() or name_or_none(key) is not None, path))


def _line(lines: Lines, path: Sequence[str]) -> int | None:
    """Return the line of a key, or of the table around it if the key does not exist."""
    for end in range(len(path), 0, -1):
        if (line := lines.get(tuple(path[:end]))) is not None:
            return line
    return None


class Reader:
    """Reads one document, noting every problem on the way."""

    def __init__(self, file: str, lines: Lines) -> None:
        self.file = file
        self.lines = lines
        self.problems: list[Problem] = []

    def note(
        self, path: Sequence[str], cause: str, hint: str | None = None, *, known: Collection[str] | None = None
    ) -> None:
        """Note that something is wrong at a key; `known` as in `key_problem`."""
        self.problems.append(key_problem(self.file, self.lines, path, cause, hint, known=known))

    def refuse_unknown(self, path: tuple[str, ...], table: Mapping[str, Any], known: Sequence[str]) -> None:
        """Note every key of `table` that is not in `known`."""
        for key in table:
            if key not in known:
                hint = suggestion(key, known, f"one of {', '.join(known)}")
                self.note((*path, key), "unknown key", hint, known=known)

    def value(self, path: tuple[str, ...], table: Mapping[str, Any], key: str, kind: type, words: str) -> Any:
        """Return the value of `key`, or None if it is missing or, after a noted problem, of another type."""
        value = table.get(key)
        # bool is an int in Python, and not in TOML.
        if value is None or (isinstance(value, kind) and (kind is bool or not isinstance(value, bool))):
            return value
        self.note((*path, key), f"it must be {words}")
        return None

    def strings(self, path: tuple[str, ...], table: Mapping[str, Any], key: str) -> tuple[str, ...] | None:
        """Return a list of strings that are not empty; one such string is a list too."""
        value = table.get(key)
        if value is None:
            return None
        items = [value] if isinstance(value, str) else value
        if isinstance(items, list) and items and all(isinstance(item, str) and item for item in items):
            return tuple(items)
        self.note((*path, key), "it must be a list of strings")
        return None

    def tables(self, document: Mapping[str, Any], name: str, read: Callable[[str, Any], Any]) -> dict[str, Any]:
        """Return what `read` returns for each key of the table `name`, without None."""
        table = self.value((), document, name, dict, "a table")
        found = {key: read(key, value) for key, value in (table or {}).items()}
        return {key: value for key, value in found.items() if value is not None}
