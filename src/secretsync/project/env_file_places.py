"""Find the place of a character of an entry's value in its file."""

from __future__ import annotations

from secretsync.core.model import Entry

# What stands before an entry's value, as python-dotenv reads it.
_BEFORE_VALUE = r"\s*(?:export[^\S\n]+)?(?:'[^']+'|[^=#\s]+)[^\S\n]*=[^\S\n]*"

_DOUBLE_QUOTE_ESCAPE = r"\\[\\'\"abfnrtv]"


def value_offset(source: str) -> int:
    """Return the offset of the value, its quote included, in the text of an entry; 0 if there is no `=`."""
    import re  # Imported only if a place is asked for.

    before = re.match(_BEFORE_VALUE, source)
    return before.end() if before else 0


def locate(entry: Entry, offset: int) -> tuple[int, int]:
    """Line and column, from 1, in the file of the character at `offset` of the entry's text.

    Zeros for an entry that is not in a file.
    """
    if not entry.line:
        return 0, 0
    if not entry.source:
        return entry.line, entry.column + offset
    position = value_offset(entry.source)
    if entry.source[position : position + 1] in ("'", '"'):
        import re

        position += 1
        for escape in re.compile(_DOUBLE_QUOTE_ESCAPE).finditer(entry.source, position):
            if escape.start() >= position + offset:
                break
            position += 1  # two characters there are one of the text
    position += offset
    line_start = entry.source.rfind("\n", 0, position) + 1
    return entry.line + entry.source.count("\n", 0, position), position - line_start + 1


def unquoted_tail(entry: Entry) -> str:
    """Return what python-dotenv cut off an unquoted value: its inline comment, or the empty string."""
    start = value_offset(entry.source)
    if not start or entry.source[start : start + 1] in ("'", '"'):
        return ""
    return entry.source[start + len(entry.text) :].strip()
