"""Programs and rights that some tests need and not every machine has."""

import re
import shutil
from collections import Counter
from collections.abc import Iterable

import pytest

_REASON = re.compile(r"needs (?P<what>.+), which is not here")


def needs(present: object, what: str) -> None:
    """Skip the test unless `present`; `what` is counted in the run's last lines: "user namespaces"."""
    if not present:
        pytest.skip(f"needs {what}, which is not here")


def needs_tool(name: str) -> str:
    """Return the path of the program `name`; the test is skipped where there is none."""
    path = shutil.which(name)
    needs(path, name)
    assert path is not None
    return path


def count_skips(reasons: Iterable[str]) -> list[str]:
    """One line for each thing that was missing, or other reason to skip, with how many tests it kept from running."""
    counts = Counter(
        f"needs {match['what']}" if (match := _REASON.search(reason)) else reason.removeprefix("Skipped: ")
        for reason in reasons
    )
    return [f"{count} skipped: {what}" for what, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
