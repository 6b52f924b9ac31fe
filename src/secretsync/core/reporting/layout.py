"""Lay out text and tables in a width. Nothing is cut: a text that is too long continues on the next line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from secretsync.core.reporting.terminal import Colour, Look, paint
from secretsync.core.text import printable

_GAP = "  "
_WIDEST_PIECE = 24  # columns; a longer piece of a word may be divided inside a name, or anywhere
_WHOLE = 10  # columns; a narrower column is not made narrower
_PIECES = re.compile(r".+?(?:[/:,;=?&#@]+(?=.)|$)")  # a path, a reference or a URL continues after these characters
_NAME_PARTS = re.compile(r".+?(?:[_.\-]+(?=.)|$)")


def columns_of(text: str) -> int:
    """Return the columns that a terminal needs for a printable text."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def wrap(text: str, width: int | None, *, indent: str = "") -> list[str]:
    """Return `text` as lines of at most `width` columns, at least one line.

    `width`: None means one line. `indent`: before each line except the first. Spaces inside a line are kept, so the
    columns of a prepared line stay. A word is divided only if it is longer than a line.
    """
    if width is None or columns_of(text) <= width:
        return [text]
    lines: list[str] = []
    line, is_empty = "", True
    for space, word in re.findall(r"(\s*)(\S+)", text):
        if not is_empty and columns_of(f"{line}{space}{word}") > width:
            lines.append(line)
            line, is_empty = indent, True
        if not is_empty or not lines:
            line += space
        *full, last = _divided(word, width - columns_of(line), width - columns_of(indent))
        for part in full:
            lines.append(line + part)
            line = indent
        line, is_empty = line + last, False
    return [*lines, line]


def _divided(word: str, first: int, width: int) -> list[str]:
    """Return the parts of a word: the first has at most `first` columns, each other at most `width`."""
    parts, room = [""], first
    for piece in _pieces(word, width):
        if columns_of(parts[-1] + piece) > room and parts[-1]:
            parts.append("")
            room = width
        parts[-1] += piece
    return parts


def _pieces(word: str, width: int) -> Iterator[str]:
    """Yield the smallest parts of a word that stay on one line: parts of a path, parts of a name, or characters."""
    if columns_of(word) <= width:
        yield word
        return
    for piece in _PIECES.findall(word):
        if columns_of(piece) <= width:
            yield piece
            continue
        for part in _NAME_PARTS.findall(piece):
            yield from [part] if columns_of(part) <= width else part


def format_table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    width: int | None,
    *,
    colours: Iterable[Mapping[int, Colour]] | None = None,
) -> str:
    """Return rows below a head, without a line end at the end.

    `width`: columns of a line; None means that each row is one line. `colours`: for each row the colours of its cells,
    by the number of the cell; None means a table without colours.
    """
    top, *blocks = table_blocks(head, rows, width, colours=colours)
    between = [""] if not top and len(blocks) > 1 else []
    lines = list(top)
    for number, block in enumerate(blocks):
        lines += [*(between if number else []), *block]
    return "\n".join(lines)


def table_blocks(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    width: int | None,
    *,
    colours: Iterable[Mapping[int, Colour]] | None = None,
) -> list[list[str]]:
    """Return the lines of the head, then the lines of each row; see `format_table`.

    If the columns do not fit into `width`, each row is a list of its cells, and the head does not have a line.
    """
    cells = [tuple(map(printable, row)) for row in rows]
    painted = [{} for _ in cells] if colours is None else list(colours)
    widths = _column_widths(head, cells, width)
    if width is not None and not widths:
        return [[], *(_as_list(head, row, width, marks) for row, marks in zip(cells, painted, strict=True))]
    dim = {} if colours is None else dict.fromkeys(range(len(head)), Colour.DIM)
    return [_as_columns(row, widths, marks) for row, marks in zip([tuple(head), *cells], [dim, *painted], strict=True)]


def _column_widths(head: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> list[int]:
    """Return the width of each column; the empty list if there is no room for columns."""
    columns = list(zip(head, *rows, strict=True))
    natural = [max(map(columns_of, column)) for column in columns]
    if width is None:
        return natural
    room = width - len(_GAP) * (len(head) - 1)
    if sum(natural) <= room:
        return natural
    # Names stay whole if there is room for that, and otherwise their parts do.
    for pattern in (_PIECES, _NAME_PARTS):
        least = [
            most if most <= _WHOLE else max(columns_of(column[0]), min(_WIDEST_PIECE, _longest_piece(column, pattern)))
            for column, most in zip(columns, natural, strict=True)
        ]
        if sum(least) <= room:
            break
    else:
        return []
    limit = max(natural)
    while sum(found := [max(low, min(most, limit)) for low, most in zip(least, natural, strict=True)]) > room:
        limit -= 1
    # The columns that reach the limit share what is left.
    for index in range(len(found)):
        if found[index] < natural[index] and sum(found) < room:
            found[index] += 1
    return found


def _longest_piece(column: Sequence[str], pattern: re.Pattern[str]) -> int:
    pieces = (piece for cell in column for word in cell.split() for piece in _PIECES.findall(word))
    return max((columns_of(part) for piece in pieces for part in pattern.findall(piece)), default=0)


def _as_columns(row: Sequence[str], widths: Sequence[int], colours: Mapping[int, Colour]) -> list[str]:
    wrapped = [wrap(cell, width) for cell, width in zip(row, widths, strict=True)]
    lines = []
    for number in range(max(map(len, wrapped))):
        parts = [lines_of[number] if number < len(lines_of) else "" for lines_of in wrapped]
        end = max((index for index, part in enumerate(parts) if part), default=-1)
        padded = (
            paint(part + " " * (0 if index == end else widths[index] - columns_of(part)), colours.get(index))
            for index, part in enumerate(parts[: end + 1])
        )
        lines.append(_GAP.join(padded))
    return lines


def _as_list(head: Sequence[str], row: Sequence[str], width: int, colours: Mapping[int, Colour]) -> list[str]:
    """Return the cells of a row, each after the title of its column; without the empty cells."""
    title_width = max(map(columns_of, head))
    lines = []
    for index, (title, cell) in enumerate(zip(head, row, strict=True)):
        if not cell:
            continue
        first = f"{title:{title_width}}{_GAP}"
        parts = wrap(cell, width - len(first))
        lines += [
            (first if number == 0 else " " * len(first)) + paint(part, colours.get(index))
            for number, part in enumerate(parts)
        ]
    return lines


def hanging(label: str, text: str, look: Look, colour: Colour | None = None) -> list[str]:
    """Return `text` after a label, and its other lines below its first one. `colour`: of the label."""
    first, *others = wrap(text, None if look.width is None else look.width - columns_of(label))
    return [look.painted(label, colour) + first, *(" " * columns_of(label) + line for line in others)]
