"""How the commands speak: talk to stderr, data to stdout."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence

from secretsync.core.errors import printable

__all__ = ["print_json", "say", "table"]


def say(text: str) -> None:
    """One line to stderr, where talk goes; that nobody hears it stops nothing."""
    with contextlib.suppress(OSError):
        print(f"secretsync: {printable(text)}", file=sys.stderr)


def print_json(document: dict[str, object]) -> None:
    """One JSON document to stdout, its members in the order given."""
    import json

    print(json.dumps({"schema": 1, **document}, ensure_ascii=False, indent=2))


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Rows under a head, in columns as wide as they must be."""
    lines = [head, *[tuple(printable(cell) for cell in row) for row in rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
