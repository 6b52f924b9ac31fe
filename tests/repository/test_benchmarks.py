"""The benchmark: what it does with absent and failing tools, with goals, and with a plot."""

import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks.fleet import Row, least_time
from benchmarks.goals import GOALS, Goal
from benchmarks.measure import Command, CommandFailedError, Sample, ratio, take_turns
from benchmarks.plot import curves, plot
from benchmarks.projects import env_text, make_files_project, make_store_project
from benchmarks.report import fill, goals_text, table_text
from benchmarks.tables import Results, Table
from benchmarks.tools import PROGRAMS
from secretsync.project.env_file import parse_env_file

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"


def python(program: str, folder: Path) -> Command:
    """Return a command that runs a Python program, and must print "right"."""
    return Command([sys.executable, "-I", "-c", program], folder, {}, lambda output: output == b"right\n")


def samples(*cpu: float) -> list[Sample]:
    """Return a sample for each CPU time."""
    return [Sample(2 * one, one, 1024, 5, 3) for one in cpu]


def test_commands_take_turns(tmp_path: Path) -> None:
    """Each command has a sample for each round, without the first one, and its requests and connections."""
    found, failed = take_turns({"a": python("print('right')", tmp_path)}, 2, lambda: (7, 3))
    assert [(one.requests, one.connections) for one in found["a"]] == [(7, 3), (7, 3)]
    assert all(one.cpu > 0 and one.memory > 1024 for one in found["a"])
    assert not failed


@pytest.mark.parametrize("program", ["raise SystemExit(3)", "print('wrong')"])
def test_a_tool_that_fails(tmp_path: Path, program: str) -> None:
    """A peer that fails or prints something else is left out with its reason. SecretSync must not fail."""
    commands = {"a": python("print('right')", tmp_path), "b": python(program, tmp_path)}
    found, failed = take_turns(commands, 1, optional=lambda name: name == "b")
    assert (list(found), list(failed)) == (["a"], ["b"])
    with pytest.raises(CommandFailedError):
        take_turns(commands, 1)


def test_ratios_are_taken_in_each_round() -> None:
    """A round in which the machine was slow does not change the ratio."""
    assert ratio(samples(1, 10, 1), samples(2, 20, 2), "cpu") == 0.5


def test_goals_without_measurements() -> None:
    """A part that was not measured is not counted as reached."""
    results = [goal.result(Results()) for goal in GOALS]
    assert {(one["measured"], one["reached"]) for one in results} == {(None, None)}
    assert goals_text(results).count("not measured") == len(GOALS)


def test_goals() -> None:
    """A goal is reached if its figure is at most the limit; a figure without limit is only reported."""
    table = Table("lines", "lines", "python-dotenv", "lines")
    table.samples[10_000] = {"secretsync": samples(1, 1), "python-dotenv": samples(2, 2)}
    found = {one["goal"]: one for one in (goal.result(Results({"lines": table})) for goal in GOALS)}
    assert found["10,000 lines, x python-dotenv, CPU"]["reached"] is True
    assert Goal("a", None, lambda _: 1.0).result(Results())["reached"] is None
    assert Goal("a", 0.9, lambda _: 1.0).result(Results())["reached"] is False


def test_a_fleet_is_compared_with_the_best_way() -> None:
    """The worst ratio of all sizes counts, for both comparisons."""
    rows = [
        Row("azure", starts, way, last, 1.0, 0, 0)
        for starts, way, last in (
            *((10, "each by itself", 1.0), (10, "secretsync", 1.0), (10, "floor: the quota", 1.0)),
            *((1000, "each by itself", 42.0), (1000, "secretsync", 44.1), (1000, "floor: the quota", 40.0)),
        )
    ]
    found = {one["goal"]: one["measured"] for one in (goal.result(Results(fleet=rows)) for goal in GOALS)}
    assert found["starts at once, time to the last one, x the best way (the worst of all sizes)"] == 1.05
    assert found["the same, x what the quota allows, if that takes 10 s or more"] == pytest.approx(1.1025)


def test_what_a_quota_allows() -> None:
    """The floor is the time that a quota needs for all reads after what it gives at once."""
    assert least_time("azure", 1000, 20, 1000) == pytest.approx(40.0)
    assert least_time("vault", 100, 20, 1000) == pytest.approx(1.0)
    assert least_time("aws", 1, 20, 1000) == 0.0


def test_a_table_names_what_is_absent() -> None:
    """Each tool has a row; a tool that is not installed is named with the reason."""
    table = Table("aws", "secrets of AWS", "secretspec", "secrets", absent={"varlock": "not installed"})
    table.samples[20] = {"secretspec": samples(1, 1), "secretsync": samples(2, 2)}
    text = table_text(table)
    assert "| 20: secretsync | 2.00 | 2.00 |" in text
    assert "Not measured: varlock (not installed)." in text


def test_the_plot_is_an_svg() -> None:
    """Each tool is a curve with a label, and a panel without measurements says so."""
    table = Table("aws", "secrets of AWS", "secretspec", "secrets")
    table.samples = {1: {"secretsync": samples(1)}, 20: {"secretsync": samples(2)}}
    root = ET.fromstring(plot({"A < B": curves(table, "wall"), "C": {}}))
    texts = ["".join(one.itertext()) for one in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"A < B", "secretsync", "C: not measured", "1", "20"} <= set(texts)
    assert len(list(root.iter("{http://www.w3.org/2000/svg}polyline"))) == 1


def test_the_page_has_a_block(tmp_path: Path) -> None:
    """The block of docs/performance.md is replaced, and the rest of the page stays."""
    page = tmp_path / "performance.md"
    page.write_text(PAGE.read_text())
    fill(page, "new text")
    fill(page, "newer text")
    assert "newer text" in page.read_text()
    assert "new text" not in page.read_text()
    assert page.read_text().partition("<!-- bench -->")[0] == PAGE.read_text().partition("<!-- bench -->")[0]


def test_the_measured_files_are_as_people_write_them(tmp_path: Path) -> None:
    """Files have comments, blank lines, quotes, `export`, comments behind values, and 40 variables."""
    make_files_project(tmp_path)
    text = (tmp_path / ".env").read_text()
    assert len(parse_env_file(text.encode(), file=".env").entries) == 40
    for one in (text, env_text(100)):
        assert {'="', "='", "export ", "\n\n", "\n# ", "  # "} <= {
            part for part in ('="', "='", "export ", "\n\n", "\n# ", "  # ") if part in one
        }


def test_the_projects_of_stores(tmp_path: Path) -> None:
    """Every tool's project refers to the same secrets."""
    assert make_store_project(tmp_path, {"aws": ["A", "B"], "vault": ["A"]}) == 3
    for name in ("names", "secretspec.toml", ".env.schema", "env/test/security.env"):
        assert "B" in (tmp_path / name).read_text()


def test_the_programs_compile() -> None:
    """Each measured program is Python that this version reads."""
    programs = sorted(PROGRAMS.glob("*.py"))
    assert programs
    for program in programs:
        compile(program.read_text(), program.name, "exec")
