"""Markdown as GitHub and GitLab show it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from secretsync.core.text import printable

_SPECIAL = str.maketrans({char: f"\\{char}" for char in "\\`*_{}[]<>()#+!|~&"})


def escape_markdown(text: str) -> str:
    """Return `text` so that Markdown shows every character of it, also in a cell of a table."""
    return printable(text).translate(_SPECIAL)


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table. The cells are Markdown already."""
    titles = "|".join(f" {title} " if title else " " for title in head)
    return [f"|{titles}|", f"|{'---|' * len(head)}", *(f"| {' | '.join(row)} |" for row in rows)]


def markdown_list(title: str, items: Sequence[str]) -> list[str]:
    """Return the lines of a list of plain texts under its title; no line if the list is empty."""
    return [f"{title}:", "", *(f"- {escape_markdown(item)}" for item in items), ""] if items else []
