"""Options of the format tests, and the list of the real readers that took part in a run."""

from typing import Any

import pytest

DEFAULT_HOSTILE = 1000
DEFAULT_SEED = 20261124
DEFAULT_KILLS = 30


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run say how much it does."""
    group = parser.getgroup("secretsync")
    group.addoption("--hostile", type=int, default=DEFAULT_HOSTILE, help="hostile strings for each format and reader")
    group.addoption("--hostile-seed", type=int, default=DEFAULT_SEED, help="what the hostile strings are made from")
    group.addoption("--kills", type=int, default=DEFAULT_KILLS, help="how often a writer is killed at a random moment")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The readers that took part, with their versions, and what each format refused."""
    rows: set[str] = set()
    for reports in terminalreporter.stats.values():
        for report in reports:
            rows.update(value for name, value in getattr(report, "user_properties", ()) if name == "reader")
    if rows:
        terminalreporter.section("readers that took part")
        for row in sorted(rows):
            terminalreporter.line(row)
