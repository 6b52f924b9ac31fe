"""Run tests against one mutant, in a child process that has everything imported but SecretSync and the tests."""

import os
import select
import signal
import sys
import time
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import NamedTuple

import pytest

from tests.mutation.mutants import mutate

# Plain asserts, because the hook of pytest that rewrites asserts would load the module without its change.
ARGUMENTS = ("-q", "-x", "--assert=plain", "--amount=fast", "-p", "no:cacheprovider", "--hypothesis-seed=0")
WARNING = "ignore::pytest.PytestAssertRewriteWarning"  # because hypothesis is imported before the child starts
FIRST = 25  # tests of the first run; most mutants are killed by one of them


class Change(NamedTuple):
    """A mutant in its file, which is a path from the root of the tree."""

    path: str
    number: int


class _Loader(SourceFileLoader):
    """Load one module with its change; bytecode files are not used."""

    number = 0

    def get_code(self, fullname: str) -> CodeType:
        """Return the code of the mutant."""
        source = Path(self.path).read_text(encoding="utf-8")
        code: CodeType = compile(mutate(source, self.number), self.path, "exec")
        return code


class _Finder(MetaPathFinder):
    def __init__(self, change: Change) -> None:
        self.change = change
        self.name = ".".join(Path(change.path).with_suffix("").parts[1:]).removesuffix(".__init__")

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the module to import with its change."""
        spec = PathFinder.find_spec(fullname, path, target) if fullname == self.name else None
        if spec is not None and spec.origin is not None:
            loader = _Loader(fullname, spec.origin)
            loader.number = self.change.number
            spec.loader = loader
        return spec


class _Chosen:
    """A plugin of pytest: run the chosen tests alone, the quickest first."""

    def __init__(self, tests: Sequence[str]) -> None:
        self.order = {test: place for place, test in enumerate(tests)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the chosen tests, in their order."""
        items[:] = sorted((item for item in items if item.nodeid in self.order), key=lambda x: self.order[x.nodeid])


def _child(change: Change | None, tests: Sequence[str], scratch: Path) -> int:
    quiet = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(quiet, descriptor)
    sys.dont_write_bytecode = change is not None
    if change is not None:
        sys.meta_path.insert(0, _Finder(change))
    files = sorted({test.partition("::")[0] for test in tests})
    return int(pytest.main([*ARGUMENTS, "-W", WARNING, f"--basetemp={scratch}", *files], plugins=[_Chosen(tests)]))


def run(change: Change | None, tests: Sequence[str], seconds: float, scratch: Path) -> str:
    """Return "killed", "timeout" or "survived"; without a change, every test must pass: "survived"."""
    pid = os.fork()
    if pid == 0:
        code = 70  # an exception out of pytest
        try:
            os.setsid()
            code = _child(change, tests, scratch)
        finally:
            os._exit(code)
    descriptor = os.pidfd_open(pid)
    ready, _, _ = select.select([descriptor], [], [], seconds)
    if not ready:
        os.killpg(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    os.close(descriptor)
    if not ready:
        return "timeout"
    return "survived" if status == 0 else "killed"


def judge(change: Change | None, tests: Sequence[str], times: dict[str, float], scratch: Path) -> str:
    """Return the verdict of the tests on one mutant: the quickest tests first, then all others."""
    ordered = sorted(tests, key=lambda test: (times[test], test))
    for part in (ordered[:FIRST], ordered[FIRST:]):
        seconds = 60 + 10 * sum(times[test] for test in part)
        if part and (verdict := run(change, part, seconds, scratch)) != "survived":
            return verdict
    return "survived"


def warm() -> float:
    """Import what most tests import, so that the children need not; return the seconds."""
    before = time.monotonic()
    for name in ("asyncio", "hypothesis", "http.server", "jsonschema", "ssl", "unittest.mock", "xml.etree.ElementTree"):
        __import__(name)
    return time.monotonic() - before
