"""The list of the real readers that took part in a run."""

from typing import Any


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the readers that took part, with their versions, and how much each format refused."""
    rows: set[str] = set()
    for reports in terminalreporter.stats.values():
        for report in reports:
            rows.update(value for name, value in getattr(report, "user_properties", ()) if name == "reader")
    if rows:
        terminalreporter.section("readers that took part")
        for row in sorted(rows):
            terminalreporter.line(row)
