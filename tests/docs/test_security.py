"""SECURITY.md names tests that exist, and the commands of docs/reliability.md can be run."""

import re
from pathlib import Path

from tests.support.amounts import AMOUNTS
from tests.support.test_canary import PLANTED

ROOT = Path(__file__).parents[2]
SECURITY = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
RELIABILITY = (ROOT / "docs/reliability.md").read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """Return the text below a heading."""
    return text.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]


def test_each_promise_names_tests_that_exist() -> None:
    """Each row of the table has at least one path, and each path is there."""
    rows = [line for line in section(SECURITY, "What is promised, and how it is tested").split("\n") if "| `" in line]
    assert len(rows) > 12
    for row in rows:
        paths = re.findall(r"`(tests/[^`]+)`", row)
        assert paths, row
        for path in paths:
            assert (ROOT / path).exists(), path


def test_who_is_trusted_and_how_to_report() -> None:
    """The page has the sections of a threat model."""
    for heading in ("Report a vulnerability", "Who is trusted with what", "What cannot be promised"):
        assert section(SECURITY, heading).strip(), heading


def test_each_figure_has_its_command() -> None:
    """Each row of figures names a target of the Makefile, or tests or a module that exist."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    rows = [line for line in RELIABILITY.split("\n") if line.startswith("| ") and "`" in line]
    assert len(rows) > 6
    for row in rows:
        command = re.findall(r"`([^`]+)`", row)[-1]
        target = re.match(r"make ([a-z-]+)", command)
        paths = re.findall(r"tests/[\w/.-]+", command)
        assert target or paths, row
        assert not target or target[1] in targets, row
        for path in paths:
            assert (ROOT / path.partition("::")[0]).exists(), path
            name = path.partition("::")[2]
            assert not name or f"def {name}" in (ROOT / path.partition("::")[0]).read_text(encoding="utf-8"), path


def test_the_figures_are_those_of_the_runs() -> None:
    """The amounts on the page are the amounts of `make test` and `make test-long`."""
    rows = [
        [cell.strip().replace(",", "") for cell in row.strip("|").split("|")]
        for row in section(RELIABILITY, "What every run does").split("\n")[3:]
        if row.startswith("| ")
    ]
    shown = {row[0].split(" ")[0]: (int(row[1]), int(row[2])) for row in rows}
    normal, long = AMOUNTS["normal"], AMOUNTS["long"]
    assert shown == {
        "leaks": (len(PLANTED), len(PLANTED)),
        "exceptions": (normal.interrupts, long.interrupts),
        "swaps": (normal.swaps, long.swaps),
        "kills": (normal.kills, long.kills),
        "hostile": (normal.hostile, long.hostile),
        "random": (normal.configurations, long.configurations),
        "calls": (normal.calls, long.calls),
        "examples": (normal.examples, long.examples),
    }
