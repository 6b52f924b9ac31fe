"""The plot of the benchmark: an SVG with curves over the number of secrets and of lines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from benchmarks.measure import median
from benchmarks.tables import OURS, Table

Curve = Sequence[tuple[float, float]]
_WIDTH, _HEIGHT, _MARGIN = 400, 300, 50  # of a panel, and of its axes
_LABELS = 150  # right of a panel, for the names of curves
_STRONG, _MIDDLE, _WEAK = "#0b5fff", "#c2410c", "#6b7280"


def curves(table: Table, figure: str) -> dict[str, Curve]:
    """Return the milliseconds of each tool by size."""
    found: dict[str, list[tuple[float, float]]] = {}
    for size, tools in table.samples.items():
        for tool, taken in tools.items():
            found.setdefault(tool, []).append((size, median(taken, figure) * 1000))
    return {tool: points for tool, points in found.items() if points}


def plot(panels: Mapping[str, Mapping[str, Curve]]) -> str:
    """Return an SVG with a panel for each title. Both axes are logarithmic; y is milliseconds."""
    width = len(panels) * (_WIDTH + _LABELS)
    height = _HEIGHT + 70
    drawn = "".join(
        f'<g transform="translate({number * (_WIDTH + _LABELS)},0)">{_panel(title, some)}</g>'
        for number, (title, some) in enumerate(panels.items())
    )
    style = "font-family:system-ui,sans-serif;font-size:12px"
    box = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    background = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {box} style="{style}">{background}{drawn}</svg>\n'


def _panel(title: str, some: Mapping[str, Curve]) -> str:
    xs = [x for curve in some.values() for x, _ in curve]
    ys = [y for curve in some.values() for _, y in curve]
    if not xs:
        return f'<text x="{_MARGIN}" y="24" font-weight="600">{escape(title)}: not measured</text>'
    low, high = 10 ** math.floor(math.log10(min(ys))), 10 ** math.ceil(math.log10(max(ys)))

    def at(x: float, y: float) -> tuple[float, float]:
        part = math.log(x / min(xs)) / (math.log(max(xs) / min(xs)) or 1)
        rise = math.log(y / low) / math.log(high / low)
        return _MARGIN + part * (_WIDTH - _MARGIN), 40 + (1 - rise) * _HEIGHT - 10 * (1 - rise)

    parts = [f'<text x="{_MARGIN}" y="22" font-size="14" font-weight="600">{escape(title)}</text>']
    step = low
    while step <= high:
        _, y = at(xs[0], step)
        name = f"{step:g} ms" if step < 1000 else f"{step / 1000:g} s"
        parts.append(f'<line x1="{_MARGIN}" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e5e7eb"/>')
        parts.append(f'<text x="{_MARGIN - 6}" y="{y + 4:.1f}" text-anchor="end" fill="#4b5563">{name}</text>')
        step *= 10
    for x in sorted(set(xs)):
        left, bottom = at(x, low)
        parts.append(f'<text x="{left:.1f}" y="{bottom + 18:.1f}" text-anchor="middle" fill="#4b5563">{x:,.0f}</text>')
    lines = {tool: [at(x, y) for x, y in curve] for tool, curve in some.items()}
    parts += [_curve(tool, points) for tool, points in lines.items()]
    return "".join(parts) + _labels({tool: points[-1] for tool, points in lines.items()})


def _colour(tool: str) -> str:
    return _STRONG if tool == OURS else _MIDDLE if tool in ("secretspec", "python-dotenv") else _WEAK


def _curve(tool: str, points: Sequence[tuple[float, float]]) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashes = ' stroke-dasharray="4 3"' if tool.startswith(("floor", "python -c")) else ""
    width = 2.5 if tool == OURS else 1.5
    line = f'<polyline points="{path}" fill="none" stroke="{_colour(tool)}" stroke-width="{width}"{dashes}/>'
    return line + "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{_colour(tool)}"/>' for x, y in points)


def _labels(ends: Mapping[str, tuple[float, float]]) -> str:
    """Return the names of the curves at the right, each at least a line below the one above it, with leaders."""
    found, lowest = [], 0.0
    for tool, (x, y) in sorted(ends.items(), key=lambda item: item[1][1]):
        at = max(y, lowest)
        lowest = at + 15
        found.append(f'<line x1="{x + 4:.1f}" y1="{y:.1f}" x2="{_WIDTH + 8}" y2="{at:.1f}" stroke="#d1d5db"/>')
        weight = ' font-weight="600"' if tool == OURS else ""
        place = f'x="{_WIDTH + 11}" y="{at + 4:.1f}"'
        found.append(f'<text {place} fill="{_colour(tool)}"{weight}>{escape(tool)}</text>')
    return "".join(found)
