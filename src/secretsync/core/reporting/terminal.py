"""What a report may know about the terminal that it is written to: its width, and if it shows colours."""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import IntEnum
from typing import TextIO

from secretsync.core.records import Record

NARROWEST = 40  # columns; a narrower terminal gets lines of this width
WITHOUT_TERMINAL = 80  # columns of help that is not written to a terminal


class Colour(IntEnum):
    """The colours of all reports: codes of "select graphic rendition" (ECMA-48)."""

    BOLD = 1  # a heading
    DIM = 2  # a note, or what does not count
    RED = 31  # an error
    GREEN = 32  # it is as it must be
    YELLOW = 33  # a warning
    BLUE = 34  # a fact that is neither good nor bad
    MAGENTA = 35  # a store did not give a usable answer
    CYAN = 36  # a place


class Look(Record, kw_only=True):
    """How a report for people is written. The default is that of a file."""

    width: int | None = None  # columns; None: no line is wrapped
    is_coloured: bool = False
    is_verbose: bool = False  # True: nothing is summed up

    def painted(self, text: str, colour: Colour | None) -> str:
        """Return `text` in a colour, if the report has colours."""
        return paint(text, colour) if self.is_coloured else text


PLAIN = Look()


def paint(text: str, colour: Colour | None) -> str:
    """Return `text` in a colour; None means without one."""
    return text if colour is None or not text.strip() else f"\x1b[{colour.value}m{text}\x1b[0m"


def is_coloured(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Return True if output to `stream` has colours.

    NO_COLOR comes first (https://no-color.org), then FORCE_COLOR (https://force-color.org, and "0" refuses colours as
    in Node.js). Otherwise a terminal has colours, unless TERM is "dumb".
    """
    if environ.get("NO_COLOR"):
        return False
    if forced := environ.get("FORCE_COLOR"):
        return forced.lower() not in ("0", "false")
    return environ.get("TERM") != "dumb" and stream.isatty()


def width_of(stream: TextIO, environ: Mapping[str, str]) -> int | None:
    """Return the columns of `stream`: those of COLUMNS, else those of the terminal; None if it is not a terminal."""
    columns = environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and 0 < len(columns) < 7 and int(columns):
        return max(NARROWEST, int(columns))
    try:
        found = os.get_terminal_size(stream.fileno()).columns if stream.isatty() else 0
    except (OSError, ValueError):
        found = 0
    # A terminal without a size is a serial line or a terminal of a CI system.
    return max(NARROWEST, found) if found else WITHOUT_TERMINAL if stream.isatty() else None
