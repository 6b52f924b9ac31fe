"""The goals: what each limit is compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import median
from benchmarks.tables import OURS, Results

MODULES = Path(__file__).resolve().parent.parent / "tests" / "data" / "modules_of_a_start.txt"
Measure = Callable[[Results], float | None]
_WITHOUT = ("secretsync render --env-file", "secretsync run --env-file -- true")
_WITH = ("secretsync render, with bindings", "secretsync run -- true, with bindings")
_PASS = "python -c pass"  # noqa: S105 - a command


@dataclass(frozen=True)
class Goal:
    """A ratio or a count, and its limit. `limit`: None if the figure is only reported.

    `measure`: returns the figure; None if it was not measured. `is_count`: does not depend on the machine.
    """

    text: str
    limit: float | None
    measure: Measure
    is_count: bool = False

    def result(self, results: Results) -> dict[str, object]:
        """Return the figure and if the goal is reached (None: not measured, or only reported)."""
        figure = self.measure(results)
        is_reached = None if figure is None or self.limit is None else round(figure, 2) <= self.limit
        return {"goal": self.text, "limit": self.limit, "measured": figure, "reached": is_reached}


def _ratio(table: str, size: int, tool: str, other: str, figure: str) -> Measure:
    def measure(results: Results) -> float | None:
        found = results.tables.get(table)
        return None if found is None else found.ratio(size, tool, other, figure)

    return measure


def _requests(table: str, size: int) -> Measure:
    return lambda results: _last(results, table, size, "requests")


def _connections(table: str, size: int) -> Measure:
    return lambda results: _last(results, table, size, "connections")


def _last(results: Results, table: str, size: int, figure: str) -> float | None:
    taken = results.tables[table].of(size, OURS) if table in results.tables else None
    return None if taken is None else float(getattr(taken[-1], figure))


def _growth(results: Results) -> float | None:
    """Return the CPU time of a line in 40,000 lines divided by that in 10,000 lines."""
    table = results.tables.get("lines")
    costs = []
    for size in (40_000, 10_000):
        ours, base = (table.of(size, name) if table else None for name in (OURS, _PASS))
        if ours is None or base is None:
            return None
        costs.append((median(ours, "cpu") - median(base, "cpu")) / size)
    return costs[0] / costs[1]


def _both(results: Results) -> float | None:
    table = results.tables.get("both")
    if table is None:
        return None
    slower = max(("AWS", "Vault"), key=lambda name: median(table.of(20, f"{OURS}, {name}") or [], "wall"))
    return table.ratio(20, f"{OURS}, AWS and Vault", f"{OURS}, {slower}", "wall")


def _fleet(results: Results) -> float | None:
    """Return the worst ratio of SecretSync's last start to that of the best other way, in all simulations."""
    return _worst(results, lambda way: not way.startswith("floor"))


def _fleet_floor(results: Results) -> float | None:
    """Return the worst ratio of SecretSync's last start to the time that the quota needs, of fleets over the quota."""
    return _worst(results, lambda way: way.startswith("floor") or way == OURS, least=10.0)


def _worst(results: Results, is_compared: Callable[[str], bool], least: float = 0.0) -> float | None:
    lasts: dict[tuple[str, int], dict[str, float]] = {}
    for row in results.fleet:
        if is_compared(row.way):
            lasts.setdefault((row.store, row.starts), {})[row.way] = row.last
    ratios = [some[OURS] / min(some.values()) for some in lasts.values() if min(some.values()) >= least]
    return max(ratios, default=None)


def _listed_modules(command: str) -> int:
    """Return how many modules the tests allow for a start from an env file."""
    section, count = "", 0
    for line in MODULES.read_text().split("\n"):
        name = line.partition("#")[0].strip()
        section = name.strip("[]") if name.startswith("[") else section
        count += bool(name) and not name.startswith("[") and section in ("every command", command)
    return count


def _modules(command: str) -> Measure:
    return lambda results: results.modules.get(command)


def _start_goals() -> Iterable[Goal]:
    for limit, kind, commands in ((2.6, "", _WITHOUT), (3.6, " with bindings", _WITH)):
        for command in commands:
            name = command.split()[1].rstrip(",")
            text = f"`{name}`{kind or ' --env-file'}, 40 variables, x `python -c pass`"
            yield Goal(f"{text}, CPU", limit, _ratio("start", 40, command, _PASS, "cpu"))
    for other in ("secretspec", "python-dotenv"):
        for command in _WITH:
            name = command.split()[1].rstrip(",")
            yield Goal(f"`{name}` with bindings, x {other}, CPU", 1.0, _ratio("start", 40, command, other, "cpu"))
    for command in _WITH:
        name = command.split()[1].rstrip(",")
        measure = _ratio("start", 40, command, _PASS, "memory")
        yield Goal(f"`{name}` with bindings, x `python -c pass`, memory", 1.35, measure)
    yield Goal("10,000 lines, x python-dotenv, CPU", 0.6, _ratio("lines", 10_000, OURS, "python-dotenv", "cpu"))
    yield Goal("CPU of a line in 40,000 lines, x in 10,000 lines", 1.1, _growth)
    first = _ratio("first call", 40, "secretsync.resolve_config", "load_dotenv", "cpu")
    yield Goal("first `resolve_config` beside boto3, x `load_dotenv`, CPU", None, first)


def _store_goals() -> Iterable[Goal]:
    limits = {
        ("aws", "AWS"): ((1, 1.35), (20, 1.2), (100, 0.8), (500, 0.38)),
        ("tls", "AWS over TLS, all authorities"): ((100, 0.9), (500, 0.5)),
        ("vault", "Vault"): ((1, 1.5), (20, 1.15), (100, 0.75), (500, 0.5)),
    }
    for (table, title), some in limits.items():
        for size, limit in some:
            yield Goal(f"{title}, {size}, x secretspec", limit, _ratio(table, size, OURS, "secretspec", "wall"))
    others = (
        ("aws", 20, "pydantic-settings", 9),
        ("aws", 20, "shell loop over aws", 80),
        ("aws", 20, "varlock", 2),
        ("aws", 100, "pydantic-settings", 30),
        ("aws", 100, "varlock", 3.5),
    )
    for table, size, other, times in others:
        measure = _ratio(table, size, OURS, other, "wall")
        yield Goal(f"AWS, {size}, x {other}", round(1 / times, 3), measure)
    yield Goal("AWS and Vault in one run, x the slower alone", 1.15, _both)
    yield Goal("Azure, 100, x a loop over the SDK", 0.3, _ratio("azure", 100, OURS, "loop over the SDK", "wall"))
    yield Goal("set-up of a second `resolve_config`, x the first's, CPU", 0.05, lambda results: results.second_call)
    yield Goal("starts at once, time to the last one, x the best way (the worst of all sizes)", 1.1, _fleet)
    yield Goal("the same, x what the quota allows, if that takes 10 s or more", 1.1, _fleet_floor)
    other = "two SDK calls a secret"
    yield Goal(
        "`check-rotation`, 500 of 5,000, x two SDK calls a secret", 0.6, _ratio("rotation", 500, OURS, other, "wall")
    )


def _count_goals() -> Iterable[Goal]:
    for command in ("render", "run"):
        text = f"`{command} --env-file`: modules in addition to those of Python"
        yield Goal(text, _listed_modules(command), _modules(command), is_count=True)
    for size in (1, 20, 100, 500):
        yield Goal(f"AWS, {size}: requests", -(-size // 20), _requests("aws", size), is_count=True)
        yield Goal(f"AWS, {size}: connections", -(-size // 20), _connections("aws", size), is_count=True)
        yield Goal(f"Vault, {size}: requests", size + 1, _requests("vault", size), is_count=True)
        yield Goal(f"Vault, {size}: connections", min(size + 1, 32), _connections("vault", size), is_count=True)
    yield Goal("`check-rotation`, 500 of 5,000: requests", 550, _requests("rotation", 500), is_count=True)
    yield Goal("Azure, 100: requests", 104, _requests("azure", 100), is_count=True)


GOALS = (*_start_goals(), *_store_goals(), *_count_goals())
