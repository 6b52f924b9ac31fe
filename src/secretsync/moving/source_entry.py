"""One entry of a file that is imported, and the text that SecretSync reads as its value."""

from __future__ import annotations

import re
from collections.abc import Mapping

from secretsync.core.secret import Hidden, Secret
from secretsync.project.placeholders import Parsed, Placeholder, Text, Variable, parse_value


class SourceEntry(Hidden):
    """An entry of a source.

    `text`: the value in SecretSync's notation. `value`: what the application gets before the import; None if that
    depends on the process environment. `is_exact`: False if the notation cannot express the value, so that the whole
    value has to be a secret. `comments`: the comment lines before it, each with its `#`.
    """

    __slots__ = ("comments", "file", "is_exact", "key", "line", "text", "value")

    def __init__(
        self,
        key: str,
        text: str,
        value: str | None,
        *,
        file: str,
        line: int = 0,
        comments: tuple[str, ...] = (),
        is_exact: bool = True,
    ) -> None:
        self.key = key
        self.text = Secret(text)
        self.value = None if value is None else Secret(value)
        self.file = file
        self.line = line
        self.comments = comments
        self.is_exact = is_exact and _is_plain(text, value)

    @property
    def place(self) -> str:
        """The file and the line, for messages."""
        return f"{self.file}:{self.line}" if self.line else self.file


class Source(Hidden):
    """The entries of one file, in their order, and the comments at its end."""

    __slots__ = ("comments", "entries", "notes")

    def __init__(
        self, entries: tuple[SourceEntry, ...], comments: tuple[str, ...] = (), notes: tuple[str, ...] = ()
    ) -> None:
        """Keep an entry. `notes`: what the user has to know, without a value."""
        self.entries = entries
        self.comments = comments
        self.notes = notes


class TextBuilder:
    """Builds a value in SecretSync's notation of literal text and variables."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._literal = ""

    def add_literal(self, text: str) -> None:
        """Add text that stands for itself."""
        self._literal += text

    def add_reference(self, written: str) -> None:
        """Add a variable or a placeholder."""
        literal = escape(self._literal)
        end = len(literal) - len(literal.rstrip("$"))
        self._parts += [literal, "$" * end, written]  # each `$` before it is doubled
        self._literal = ""

    def build(self) -> str:
        """Return the whole text."""
        return "".join(self._parts) + escape(self._literal)


def escape(text: str) -> str:
    """Return literal text in SecretSync's notation."""
    return re.sub(r"\$+(?=[<{])", lambda run: run[0] * 2, text)


def literal_entry(key: str, value: str, *, file: str, line: int = 0) -> SourceEntry:
    """Return an entry whose value is literal."""
    return SourceEntry(key, escape(value), value, file=file, line=line)


def evaluate(text: str, values: Mapping[str, str], secrets: Mapping[str, str]) -> str | None:
    """Return what SecretSync makes of `text`; None if it refuses the text.

    `values`: those of entries, for variables. `secrets`: those of names, for placeholders.
    """
    parsed = parse_value(text)
    return None if parsed.faults else _evaluate(parsed, values, secrets)


def _evaluate(parsed: Parsed, values: Mapping[str, str], secrets: Mapping[str, str]) -> str | None:
    from urllib.parse import quote

    found: list[str] = []
    for part in parsed.parts:
        if isinstance(part, Text):
            found.append(part.text)
        elif isinstance(part, Variable):
            if part.name not in values:
                return None
            found.append(values[part.name])
        elif isinstance(part, Placeholder):
            options = getattr(part.reference, "options", ())
            secret = secrets.get(getattr(part.reference, "name", ""))
            if secret is None:
                return None
            found.append(quote(secret, safe="") if ("as", "url") in options else secret)
    return "".join(found)


def _is_plain(text: str, value: str | None) -> bool:
    """Return True if SecretSync reads a text, and if it means `value` or has variables.

    The variables are checked together with the other entries.
    """
    parsed = parse_value(text)
    if parsed.faults:
        return False
    if value is not None and all(isinstance(part, Text) for part in parsed.parts):
        return "".join(part.text for part in parsed.parts if isinstance(part, Text)) == value
    return True
