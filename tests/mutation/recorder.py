"""A plugin of pytest: record which lines each test runs, how long the test takes, and which tests fail."""

import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import coverage
import pytest

FOLDER = "MUTATION_RECORDS"


class Recorder:
    """Record in every process that runs tests; the process that collects reports records times."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.times: dict[str, float] = {}
        self.failed: set[str] = set()
        self.coverage = coverage.Coverage(
            data_file=str(folder / "lines"), data_suffix=True, config_file=False, source=["src/secretsync"]
        )
        # A test that sets a trace function of its own loses lines; this is no reason to fail the test.
        ignored = [
            "module-not-measured",
            "already-imported",
            "trace-changed",
            "no-data-collected",
            "module-not-imported",
        ]
        self.coverage.set_option("run:disable_warnings", ignored)
        self.coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Attribute the lines of this test to it, and those between two tests to no test."""
        self.coverage.switch_context(item.nodeid)
        result = yield
        self.coverage.switch_context("")
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add the time of one phase; a test that does not pass cannot judge a mutant."""
        self.times[report.nodeid] = self.times.get(report.nodeid, 0) + report.duration
        if not report.passed:
            self.failed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Write what was recorded."""
        self.coverage.stop()
        self.coverage.save()
        if "PYTEST_XDIST_WORKER" not in os.environ:
            record = {"times": self.times, "failed": sorted(self.failed)}
            (self.folder / "times.json").write_text(json.dumps(record), encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    """Start recording."""
    config.pluginmanager.register(Recorder(Path(os.environ[FOLDER])))


def read(folder: Path) -> tuple[dict[str, dict[int, list[str]]], dict[str, float]]:
    """Return the tests of each line of each file below `src/secretsync`, and the seconds of each test that passed."""
    record = json.loads((folder / "times.json").read_text(encoding="utf-8"))
    passed = {test: time for test, time in record["times"].items() if test not in set(record["failed"])}
    whole = coverage.Coverage(data_file=str(folder / "lines"), config_file=False)
    whole.combine([str(folder)], keep=True)
    data = whole.get_data()
    root = Path.cwd()
    tests = {
        str(Path(name).relative_to(root)): {
            line: sorted(passed.keys() & set(contexts)) for line, contexts in data.contexts_by_lineno(name).items()
        }
        for name in data.measured_files()
    }
    return tests, passed
