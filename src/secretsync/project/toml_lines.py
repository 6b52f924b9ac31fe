"""Find the line of each key of a TOML document, because tomllib does not return lines."""

from __future__ import annotations

import re

# tomllib takes quadratic time for a key with many parts, so that longer keys are refused before it reads them.
DEEPEST = 64

_PART = re.compile(r""""((?:[^"\\\n]|\\.)*+)"|'([^'\n]*+)'|([A-Za-z0-9_-]++)""")
_VALUE = re.compile(r"""["']{3}|"(?:[^"\\\n]|\\.)*+"?|'[^'\n]*+'?|[\[\]{},\n]|#[^\n]*+""")
_LONG_END = {'"""': r'(?s)\\.|"{3,5}', "'''": "'{3,5}"}  # compiled only if a document has such a text

Path = tuple[str, ...]


class TooDeep(Exception):  # noqa: N818 - does not leave this package
    """A key has too many parts; `line` is its line."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line


def lines_of_keys(text: str) -> dict[Path, int]:
    """Return the line of each key and table of a document. Raises TooDeep for a key with more than DEEPEST parts.

    The tables of an array, `[[name]]`, are counted: ("name", "0"), ("name", "1"). Text that is not TOML has some lines
    or none.
    """
    scanner = _Scanner(text)
    while scanner.position < len(text):
        scanner.read_statement()
    return scanner.lines


class _Scanner:
    """Reads a document statement by statement, which takes linear time."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.line = 1
        self.lines: dict[Path, int] = {}
        self.counts: dict[Path, int] = {}
        self.table: Path = ()

    def read_statement(self) -> None:
        """Read a header, or a key with its value, and the rest of its last line."""
        self.skip_blanks()
        if self.text.startswith("[", self.position):
            is_array = self.text.startswith("[[", self.position)
            self.position += 2 if is_array else 1
            self.begin_table(self.key(), is_array=is_array)
            self.read_value(())
        else:
            self.read_value(self.note((*self.table, *self.key())))

    def begin_table(self, table: Path, *, is_array: bool) -> None:
        self.lines.setdefault(table, self.line)
        if is_array:
            self.counts[table] = self.counts.get(table, -1) + 1
            table = (*table, str(self.counts[table]))
            self.lines[table] = self.line
        self.table = table

    def key(self) -> Path:
        """Read a key with its dots, and return its parts."""
        parts: list[str] = []
        self.skip_blanks()
        while part := _PART.match(self.text, self.position):
            parts.append(next(group for group in part.groups() if group is not None))
            if len(parts) > DEEPEST:
                raise TooDeep(self.line)
            self.position = part.end()
            self.skip_blanks()
            if not self.text.startswith(".", self.position):
                break
            self.position += 1
            self.skip_blanks()
        return tuple(parts)

    def note(self, path: Path) -> Path:
        """Note the present line for a key and the tables that its dots make."""
        for end in range(1, len(path) + 1):
            self.lines.setdefault(path[:end], self.line)
        return path

    def read_value(self, path: Path) -> None:
        """Read to the end of the statement. The keys of inline tables are below `path`."""
        opened: list[tuple[str, Path]] = []
        last = path  # the key whose value is read
        while token := _VALUE.search(self.text, self.position):
            self.position = token.end()
            mark = token[0]
            if mark in _LONG_END:
                self.skip_long(mark)
            elif mark == "\n":
                self.line += 1
                if not opened:
                    return
            elif mark in ("[", "{"):
                opened.append((mark, last))
            elif mark in ("]", "}") and opened:
                opened.pop()
            if mark in ("{", ",") and opened and opened[-1][0] == "{":
                last = self.note((*opened[-1][1], *self.key())[:DEEPEST])
        self.position = len(self.text)

    def skip_long(self, quotes: str) -> None:
        """Read to the end of a string of several lines."""
        begin, pattern = self.position, re.compile(_LONG_END[quotes])
        while end := pattern.search(self.text, self.position):
            self.position = end.end()
            if end[0].startswith(quotes):
                break
        else:
            self.position = len(self.text)
        self.line += self.text.count("\n", begin, self.position)

    def skip_blanks(self) -> None:
        while self.text.startswith((" ", "\t"), self.position):
            self.position += 1
