"""The tables of the benchmark: the samples of each tool at each size, and the ratios that are shown."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from benchmarks.fleet import Row
from benchmarks.measure import Command, Sample, median, ratio, take_turns

OURS = "secretsync"


def _no_counts() -> tuple[int, int]:
    return 0, 0


@dataclass
class Table:
    """One kind of work, measured with several tools at several sizes.

    `base`: the command that ratios refer to. `unit`: what a size counts. `absent`: the reason for each tool that was
    not measured.
    """

    name: str
    title: str
    base: str
    unit: str = ""
    samples: dict[int, dict[str, list[Sample]]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)

    def add(
        self,
        size: int,
        commands: Mapping[str, Command],
        rounds: int,
        counts: Callable[[], tuple[int, int]] = _no_counts,
    ) -> None:
        """Measure commands in turn. Only a peer may fail."""
        print(f"measuring {self.title}, {size} {self.unit}", file=sys.stderr, flush=True)
        found, failed = take_turns(commands, rounds, counts, optional=lambda name: not name.startswith((OURS, "floor")))
        self.samples[size] = found
        self.absent.update({name: f"failed: {reason[:100]}" for name, reason in failed.items()})

    def of(self, size: int, tool: str) -> list[Sample] | None:
        """Return the samples of a tool; None if it was not measured."""
        return self.samples.get(size, {}).get(tool)

    def ratio(self, size: int, tool: str, other: str, figure: str) -> float | None:
        """Return the ratio of two tools; None if one of them was not measured."""
        one, two = self.of(size, tool), self.of(size, other)
        return None if one is None or two is None else ratio(one, two, figure)

    def rows(self) -> list[dict[str, float | int | str | None]]:
        """Return a row for each tool at each size: ratios to the base, and medians."""
        return [
            {
                "size": size,
                "tool": tool,
                "wall_ratio": self.ratio(size, tool, self.base, "wall"),
                "cpu_ratio": self.ratio(size, tool, self.base, "cpu"),
                "memory_ratio": self.ratio(size, tool, self.base, "memory"),
                "wall_ms": median(taken, "wall") * 1000,
                "cpu_ms": median(taken, "cpu") * 1000,
                "memory_mib": median(taken, "memory") / 1024,
                "requests": taken[-1].requests,
                "connections": taken[-1].connections,
                "rounds": len(taken),
            }
            for size, tools in self.samples.items()
            for tool, taken in tools.items()
        ]


@dataclass
class Results:
    """All that one run found.

    `modules`: the modules that a start from an env file imports, by command. `second_call`: the set-up of a second
    `resolve_config` divided by that of the first.
    """

    tables: dict[str, Table] = field(default_factory=dict)
    modules: dict[str, int] = field(default_factory=dict)
    second_call: float | None = None
    fleet: list[Row] = field(default_factory=list)
