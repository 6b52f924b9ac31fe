"""The report of the benchmark: Markdown tables, and a block of docs/performance.md that they replace."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.fleet import Row
from benchmarks.tables import Table

_BLOCK = re.compile(r"(<!-- bench -->\n).*?(<!-- end of bench -->)", re.DOTALL)


def markdown(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table. Numbers are aligned right."""
    cells = [[_cell(value) for value in row] for row in rows]
    marks = ["---", *(["---:"] * (len(head) - 1))]
    return "\n".join("| " + " | ".join(row) + " |" for row in ([*head], marks, *cells)) + "\n"


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "**no**"
    if isinstance(value, float):
        return f"{value:.2f}" if abs(value) < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def table_text(table: Table) -> str:
    """Return the rows of a table, and which tools were not measured."""
    rows = table.rows()
    has_counts = any(row["requests"] or row["connections"] for row in rows)
    head = [
        f"{table.unit}: tool" if table.unit else "tool",
        *(f"{figure}, x {table.base}" for figure in ("wall", "CPU")),
        *("ms wall", "ms CPU", "MiB"),
        *(("requests", "connections") if has_counts else ()),
        "rounds",
    ]
    lines = [
        [
            f"{row['size']:,}: {row['tool']}",
            *(row["wall_ratio"], row["cpu_ratio"]),
            *(_rounded(row[name]) for name in ("wall_ms", "cpu_ms", "memory_mib")),
            *((row["requests"], row["connections"]) if has_counts else ()),
            row["rounds"],
        ]
        for row in rows
    ]
    absent = "".join(f"\nNot measured: {name} ({reason})." for name, reason in table.absent.items())
    return f"### {table.title[0].upper()}{table.title[1:]}\n\n{markdown(head, lines)}{absent}\n"


def _rounded(value: object) -> object:
    return round(value) if isinstance(value, float) else value


def goals_text(results: Iterable[Mapping[str, Any]]) -> str:
    """Return the goals, and if they are reached."""
    rows = [
        (
            one["goal"],
            one["limit"],
            "not measured" if one["measured"] is None else one["measured"],
            "" if one["measured"] is None else "only reported" if one["limit"] is None else one["reached"],
        )
        for one in results
    ]
    return markdown(("goal", "at most", "measured", "reached"), rows)


def fleet_text(rows: Iterable[Row]) -> str:
    """Return the simulated starts."""
    head = ("store, starts: way", "s to the last", "within 30 s, %", "requests", "throttled")
    cells = [
        (f"{row.store}, {row.starts:,}: {row.way}", row.last, round(100 * row.in_time), row.requests, row.throttled)
        for row in rows
    ]
    return f"### Starts within one second, 20 secrets each, simulated\n\n{markdown(head, cells)}"


def fill(page: Path, text: str) -> None:
    """Replace the block of the benchmark in a page."""
    filled, count = _BLOCK.subn(lambda found: f"{found[1]}\n{text}\n{found[2]}", page.read_text())
    if count != 1:
        raise ValueError(f"{page} has {count} blocks of the benchmark")
    page.write_text(filled)
