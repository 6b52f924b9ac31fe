"""Read a .env file as python-dotenv does, with its variables."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from secretsync.core.errors import ConfigurationError
from secretsync.core.model import Entry
from secretsync.core.names import is_entry_name
from secretsync.moving.source_entry import Source, SourceEntry, TextBuilder, escape
from secretsync.project.env_file import EnvFile, parse_env_file

# The variables of python-dotenv. It knows one operator, and its default cannot contain a brace.
_VARIABLE = re.compile(r"\$\{(?P<name>[^}:]*)(?::-(?P<default>[^}]*))?\}")
_INLINE = re.compile(r"(?s)\s(#.*)\Z")


def read(data: bytes, file: str, _service: str | None) -> Source:
    """Return the entries. Raises ConfigurationError for a file in which python-dotenv would lose data."""
    parsed = parse_env_file(data, file=file)
    if parsed.problems:
        raise ConfigurationError(parsed.problems)
    comments = _comments(parsed)
    keys = {entry.key for entry in parsed.entries}
    values: dict[str, str | None] = {}
    entries = []
    for entry in parsed.entries:
        made = _entry(entry, values, keys, tuple(comments.pop(entry.key)))
        values[entry.key] = None if made.value is None else made.value.reveal()
        entries.append(made)
    notes = tuple(
        f"{file}:{entry.line}: {entry.key}: in single quotes ${{...}} stays as it is written, and python-dotenv "
        "replaces it; use double quotes if it is a variable"
        for entry in parsed.entries
        if entry.literal and _VARIABLE.search(entry.text)
    )
    return Source(tuple(entries), tuple(comments[""]), notes)


def _comments(parsed: EnvFile) -> dict[str, list[str]]:
    """Return the comment lines before each key, and those at the end under the empty key."""
    waiting = list(parsed.comments)
    found: dict[str, list[str]] = {}
    for entry in parsed.entries:
        found[entry.key] = [comment for line, comment in waiting if line < entry.line]
        waiting = [(line, comment) for line, comment in waiting if line > entry.line]
        found[entry.key] += _inline(entry)
    found[""] = [comment for _, comment in waiting]
    return found


def _inline(entry: Entry) -> Iterator[str]:
    """Yield the comment behind a value in its line."""
    written = entry.source.rstrip("\n").partition("=")[2].strip()
    quote = written[:1]
    if quote in ("'", '"'):
        closed = re.match(rf"(?s){quote}(?:\\.|[^\\{quote}])*{quote}(.*)", written)
        rest = closed[1] if closed else ""
        if rest.lstrip().startswith("#"):
            yield rest.strip()
    elif match := _INLINE.search(f" {written[len(entry.text) :]}"):
        yield match[1]


def _entry(
    entry: Entry, values: Mapping[str, str | None], keys: Collection[str], comments: tuple[str, ...]
) -> SourceEntry:
    text, value, is_exact = escape(entry.text), entry.text, True
    known: str | None = value
    if not entry.literal and _VARIABLE.search(entry.text):
        text, known, is_exact = _with_variables(entry, values, keys)
    return SourceEntry(entry.key, text, known, file=entry.file, line=entry.line, comments=comments, is_exact=is_exact)


def _with_variables(
    entry: Entry, values: Mapping[str, str | None], keys: Collection[str]
) -> tuple[str, str | None, bool]:
    """Return the text, the value (None: it depends on the process environment), and whether the text is exact."""
    builder, is_exact, end = TextBuilder(), True, 0
    found: list[str | None] = []
    for match in _VARIABLE.finditer(entry.text):
        literal = entry.text[end : match.start()]
        builder.add_literal(literal)
        found.append(literal)
        end = match.end()
        name, default = match["name"], match["default"] or ""
        if name in values:
            # An entry above. python-dotenv inserts its value; a name that no variable can have is inserted here.
            found.append(values[name])
            if is_entry_name(name):
                builder.add_reference(f"${{{name}}}")
            else:
                is_exact = False
        elif not is_entry_name(name):
            builder.add_literal(default)
            found.append(default)
        else:
            # Only the process environment can have it. An entry of this name below is not visible to python-dotenv.
            found.append(None)
            is_exact = is_exact and not (set("{}<>$") & set(default)) and (name == entry.key or name not in keys)
            builder.add_reference(f"${{{name}-{default}}}")
    builder.add_literal(entry.text[end:])
    found.append(entry.text[end:])
    value = None if None in found else "".join(part for part in found if part is not None)
    return builder.build(), value, is_exact
