"""Measure SecretSync beside other tools and beside floors, in one run.

    python -m benchmarks [--short] [--only start,lines,...] [--rounds 9] [--write]

`make bench` installs the peers and runs all of it. It prints the tables and the goals. With --write, it fills
docs/performance.md, docs/performance.json and docs/pictures/performance.svg. --short is for CI: it needs no peers,
prints ratios, and fails only if a count is over its limit: modules, requests, connections.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import fleet, local, stores
from benchmarks.goals import GOALS
from benchmarks.plot import curves, plot
from benchmarks.report import fill, fleet_text, goals_text, table_text
from benchmarks.tables import OURS, Results, Table
from benchmarks.tools import Tools
from tests.support.processes import scrub

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("start", "lines", "first call", "aws", "tls", "vault", "both", "second call", "rotation", "azure", "fleet")
SHORT_PARTS = ("start", "lines", "aws", "tls", "vault", "rotation")
STORES = {"aws": "secrets of AWS", "tls": "secrets of AWS over TLS", "vault": "secrets of Vault"}
LINES, SHORT_LINES = (100, 1000, 10_000, 40_000), (1000, 10_000)
SIZES = {"aws": (1, 20, 100, 500, 2000), "tls": (100, 500), "vault": (1, 20, 100, 500, 2000)}
SHORT_SIZES = {"aws": (1, 20, 100), "tls": (100,), "vault": (1, 20, 100)}
STARTS, SHORT_STARTS = (1, 10, 100, 250, 1000, 10_000), (1, 10)


def main() -> int:
    """Measure, print and write. Return 1 if a count of the short form is over its limit."""
    options = _options()
    scrub(os.environ)
    begin = time.perf_counter()
    tools = Tools(Path(os.path.abspath(options.python)), Path(os.path.abspath(options.npm)))
    with tempfile.TemporaryDirectory() as temporary:
        results = _measure(options, tools, Path(temporary))
    about = {
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "rounds": options.rounds,
        "latency_ms": options.latency,
        "minutes": round((time.perf_counter() - begin) / 60, 1),
        "versions": tools.versions,
    }
    goals = [goal.result(results) for goal in GOALS if goal.is_count or not options.short]
    print(_head(about, goals))  # the tables are printed already
    if options.write:
        _write(about, goals, results, _text(about, goals, results))
    over = [goal["goal"] for goal in goals if goal["reached"] is False]
    print(f"not reached: {', '.join(map(str, over)) or 'none'}", file=sys.stderr)
    return int(bool(options.short and over))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="few sizes and rounds; fails on counts alone")
    parser.add_argument("--only", help=f"some of the parts: {', '.join(PARTS)}")
    parser.add_argument("--rounds", type=int, help="how often each command is measured (default: 9; short: 3)")
    parser.add_argument("--latency", type=float, default=20, help="milliseconds of a round trip (default: 20)")
    parser.add_argument("--python", default=sys.executable, help="the interpreter with SecretSync and the peers")
    parser.add_argument("--npm", default=".tools/peers/npm", help="the folder of varlock (default: .tools/peers/npm)")
    parser.add_argument("--write", action="store_true", help="fill docs/performance.md, .json and the plot")
    options = parser.parse_args()
    options.only = options.only.split(",") if options.only else SHORT_PARTS if options.short else PARTS
    options.rounds = options.rounds or (3 if options.short else 9)
    if unknown := set(options.only) - set(PARTS):
        parser.error(f"no such part: {', '.join(unknown)}")
    return options


def _measure(options: argparse.Namespace, tools: Tools, folder: Path) -> Results:
    """Return what the chosen parts found."""
    only, rounds = options.only, options.rounds
    results = Results()
    if "start" in only:
        _keep(results, local.measure_start(tools, folder, 2 * rounds))
        results.modules = local.count_modules(tools, folder)
    if "lines" in only:
        _keep(results, local.measure_lines(tools, folder, rounds, SHORT_LINES if options.short else LINES))
    if "first call" in only:
        _keep(results, local.measure_first_call(tools, folder, rounds))
    if not {*STORES, "both", "second call", "rotation"}.isdisjoint(only):
        most = max((SHORT_SIZES if options.short else SIZES)["aws"])
        with stores.start_stores(folder, most, options.latency / 1000) as started:
            _measure_stores(options, tools, folder, started, results)
    if "azure" in only:
        _keep(results, stores.measure_azure(tools, folder, 100, max(2, rounds // 2), options.latency / 1000))
    if "fleet" in only:
        print("simulating fleets", file=sys.stderr, flush=True)
        results.fleet = list(fleet.measure(SHORT_STARTS if options.short else STARTS))
        print(fleet_text(results.fleet), flush=True)
    return results


def _keep(results: Results, table: Table) -> None:
    """Keep a table, and print it at once, because a run takes minutes."""
    results.tables[table.name] = table
    print(table_text(table), flush=True)


def _measure_stores(
    options: argparse.Namespace, tools: Tools, folder: Path, started: stores.Stores, results: Results
) -> None:
    """Add what the chosen parts found that need AWS or Vault."""
    only, rounds = options.only, options.rounds
    base = "secretspec" if "secretspec" in tools.versions else OURS
    for store, title in STORES.items():
        if store in only:
            sizes = (SHORT_SIZES if options.short else SIZES)[store]
            table = Table(store, title, base, "secrets")
            _keep(results, stores.measure_store(table, store, tools, started, folder, sizes, rounds))
    if "both" in only:
        _keep(results, stores.measure_both(tools, started, folder, rounds))
    if "second call" in only:
        results.second_call = stores.measure_second_call(tools, started, folder, rounds)
    if "rotation" in only:
        _keep(results, stores.measure_rotation(tools, started, folder, max(2, rounds // 2)))


def _head(about: Mapping[str, Any], goals: list[dict[str, Any]]) -> str:
    """Return how the run was made, and the goals, as Markdown."""
    versions = ", ".join(f"{name} {version}" for name, version in sorted(about["versions"].items()))
    head = (
        f"Measured on {about['date']} with Python {about['python']} on {about['processors']} processors of "
        f"{about['system']}, {about['rounds']} rounds, {about['latency_ms']:g} ms a round trip, in {about['minutes']} "
        f"minutes.\n\nVersions: {versions}.\n"
    )
    return "\n".join((head, "### Goals\n", goals_text(goals)))


def _text(about: Mapping[str, Any], goals: list[dict[str, Any]], results: Results) -> str:
    """Return the whole report as Markdown."""
    picture = "![Time by number of secrets of AWS and of Vault, and by number of lines](pictures/performance.svg)\n"
    parts = [picture, _head(about, goals), *(table_text(table) for table in results.tables.values())]
    if results.fleet:
        parts.append(fleet_text(results.fleet))
    return "\n".join(parts)


def _write(about: Mapping[str, Any], goals: list[dict[str, Any]], results: Results, text: str) -> None:
    """Write the report into the documents."""
    tables = {
        name: {"title": table.title, "absent": table.absent, "rows": table.rows()}
        for name, table in results.tables.items()
    }
    fleets = [row._asdict() for row in results.fleet]
    document = {"about": about, "goals": goals, "tables": tables, "fleet": fleets}
    (ROOT / "docs/performance.json").write_text(json.dumps(document, indent=1) + "\n")
    panels = {
        title: curves(results.tables[name], figure)
        for name, title, figure in (
            ("aws", "AWS, wall time by number of secrets", "wall"),
            ("vault", "Vault, wall time by number of secrets", "wall"),
            ("lines", "An env file, CPU time by number of lines", "cpu"),
        )
        if name in results.tables
    }
    (ROOT / "docs/pictures/performance.svg").write_text(plot(panels))
    fill(ROOT / "docs/performance.md", text)


if __name__ == "__main__":
    sys.exit(main())
