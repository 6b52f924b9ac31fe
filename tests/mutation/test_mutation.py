"""The sample is the same for a seed, each verdict is counted, and the tests see the changed module."""

import subprocess
import sys

import pytest

from tests.mutation.__main__ import ROOT, SUBJECTS, SURVIVORS, Case, Sample, draw, known, modules, report
from tests.mutation.mutants import Mutant, list_mutants

SOURCE = "def f(a, b):\n    if a == b:\n        g(a)\n    return a and b\n"
PATH = "src/secretsync/a.py"
LOAD = """
import sys
sys.path.insert(0, "src")
from tests.mutation.trial import Change, _Finder
sys.meta_path.insert(0, _Finder(Change("src/secretsync/core/globs.py", int(sys.argv[1]))))
from secretsync.core import globs
print(type(globs.__loader__).__name__, globs.__file__.endswith("core/globs.py"))
"""


def make_case(number: int) -> Case:
    """Return a case."""
    return Case(PATH, Mutant(number, "f", (number, number), "a -> b"), ("test",))


def drawn(seed: int = 1, count: int = 9, lines: tuple[int, ...] = (2, 3, 4), known_as: str = "") -> Sample:
    """Return a sample of the mutants of SOURCE, whose `lines` a test runs."""
    equivalent = {(PATH, "f", known_as): "the reason"}
    return draw({PATH: list_mutants(SOURCE)}, {PATH: {line: ["test"] for line in lines}}, equivalent, seed, count)


def test_the_seed_repeats_a_sample() -> None:
    """The same seed gives the same mutants in the same order, and another seed gives another order."""
    assert len(drawn().cases) == 4
    assert drawn() == drawn()
    assert any(drawn(seed) != drawn() for seed in range(2, 20))


def test_the_count_is_the_number_of_judged_mutants() -> None:
    """Mutants that cannot be judged do not count."""
    assert [len(drawn(count=count, lines=(2, 4)).cases) for count in (0, 1, 2, 3, 4)] == [0, 1, 2, 3, 3]


def test_a_line_that_no_test_runs() -> None:
    """A mutant on a line without a test is not judged."""
    sample = drawn(lines=(2, 4))
    assert [case.mutant.change for case in sample.not_run] == ["g(a) -> pass"]
    assert {case.mutant.line for case in sample.cases} == {2, 4}


def test_a_known_survivor_is_not_judged() -> None:
    """A mutant of the file of survivors has its reason and is not judged."""
    sample = drawn(known_as="a == b -> a != b")
    assert [(case.mutant.line, reason) for case, reason in sample.equivalent] == [(2, "the reason")]
    assert {case.mutant.line for case in sample.cases} == {3, 4}


@pytest.mark.parametrize(
    ("verdicts", "status", "figures"),
    [
        (["killed"] * 9 + ["survived"], 0, "9 of 10 mutants were killed (90.0%), 0 of them"),
        (["killed"] * 7 + ["survived", "timeout"], 1, "8 of 9 mutants were killed (88.9%), 1 of them"),
        ([], 1, "0 of 0 mutants"),
    ],
)
def test_the_report(verdicts: list[str], status: int, figures: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A survivor has its place and change; the status is 0 if at least nine of ten mutants were killed."""
    judged = [(make_case(number), verdict) for number, verdict in enumerate(verdicts)]
    sample = Sample([], [make_case(50)], [(make_case(60), "the reason")])
    assert report(sample, judged) == status
    printed = capsys.readouterr().out
    assert figures in printed
    assert "no fast test runs the line: 1\n" in printed
    assert f"not counted: {PATH}:60: f: a -> b: the reason\n" in printed
    lines = [line for line in printed.splitlines() if line.startswith("survived")]
    assert lines == [f"survived: {case}" for case, verdict in judged if verdict == "survived"]


def test_the_subjects_exist() -> None:
    """Each path of SUBJECTS has a module; a path that does not exist is an error."""
    assert all(modules(ROOT, (subject,)) for subject in SUBJECTS)
    with pytest.raises(SystemExit, match="no_such: the path does not exist"):
        modules(ROOT, ("no_such",))


def test_each_known_survivor_exists() -> None:
    """An entry of survivors.toml is a mutant of the code, and has a reason."""
    for (path, function, change), reason in known((ROOT / SURVIVORS).read_text(encoding="utf-8")).items():
        mutants = list_mutants((ROOT / path).read_text(encoding="utf-8"))
        assert (function, change) in {(mutant.function, " ".join(mutant.change.split())) for mutant in mutants}
        assert reason


def test_the_changed_module_is_loaded() -> None:
    """The import of a module gives the module with its change, from the path of its source."""
    argv = [sys.executable, "-c", LOAD, "0"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "_Loader True\n"
