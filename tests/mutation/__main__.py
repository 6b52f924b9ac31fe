"""Judge a seeded sample of mutants by the tests that run the changed line: `make mutation SEED=1 COUNT=600`."""

import argparse
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.mutation import recorder, trial
from tests.mutation.mutants import Mutant, list_mutants

ROOT = Path(__file__).parents[2]
SOURCE = Path("src/secretsync")
SURVIVORS = Path("tests/mutation/survivors.toml")
# The code that decides what is secret, what is asked, what is written and what is hidden.
SUBJECTS = (
    *("project", "planning", "resolving", "rendering", "rotation", "config/masking", "config/log_filter.py"),
    *("config/log_masking.py", "config/log_records.py", "core/recognition", "core/names.py", "core/model.py"),
    *("providers/http", "providers/remote.py", "providers/turns.py"),
)
SCRATCH = Path("../scratch").absolute()  # outside the tree, because SecretSync looks for a project in parent folders
KILLED = 0.9  # the least part
FAST = "not servers and not containers and not processes and not growth and not slow"
NOT_FAST = ("cli/commands", "container", "repository", "servers", "mutation")
COPIED = ("src", "tests", "env", "providers", "templates", "docs", "demo", "docker", "editors", "benchmarks")


class Case(NamedTuple):
    """One mutant of the sample, and the tests that run its line."""

    path: str
    mutant: Mutant
    tests: tuple[str, ...]

    def __str__(self) -> str:
        change = " ".join(self.mutant.change.split())
        return f"{self.path}:{self.mutant.line}: {self.mutant.function}: {change}"


class Sample(NamedTuple):
    """The cases of a run, and what was drawn but is not judged."""

    cases: list[Case]
    not_run: list[Case]  # no fast test runs the line
    equivalent: list[tuple[Case, str]]  # with its reason


def modules(root: Path, subjects: tuple[str, ...] = SUBJECTS) -> list[str]:
    """Return the modules whose mutants are drawn, as paths from the root."""
    found: list[Path] = []
    for name in subjects:
        path = root / SOURCE / name
        if not path.exists():
            raise SystemExit(f"{SOURCE / name}: the path does not exist; change SUBJECTS in tests/mutation/__main__.py")
        found += path.rglob("*.py") if path.is_dir() else [path]
    return sorted(str(path.relative_to(root)) for path in found)


def known(text: str) -> dict[tuple[str, str, str], str]:
    """Return the reason of each mutant that no test can kill, by its file, function and change."""
    rows = tomllib.loads(text).get("survivor", [])
    return {(row["file"], row["function"], " ".join(row["change"].split())): row["reason"] for row in rows}


def draw(
    found: dict[str, list[Mutant]],
    tests: dict[str, dict[int, list[str]]],
    equivalent: dict[tuple[str, str, str], str],
    seed: int,
    count: int,
) -> Sample:
    """Draw mutants until `count` of them can be judged."""
    everything = [(path, mutant) for path in sorted(found) for mutant in found[path]]
    random.Random(seed).shuffle(everything)
    sample = Sample([], [], [])
    for path, mutant in everything:
        if len(sample.cases) == count:
            break
        lines = tests.get(path, {})
        case = Case(path, mutant, tuple(next((lines[line] for line in mutant.lines if lines.get(line)), ())))
        key = (path, mutant.function, " ".join(mutant.change.split()))
        if key in equivalent:
            sample.equivalent.append((case, equivalent[key]))
        else:
            (sample.cases if case.tests else sample.not_run).append(case)
    return sample


def record(folder: Path, paths: list[str]) -> None:
    """Run the fast tests once, and record which lines each of them runs."""
    folder.mkdir()
    ignored = [f"--ignore=tests/{name}" for name in NOT_FAST]
    command = [*(sys.executable, "-m", "pytest", "-q", "-n", "2", "--amount=fast", "-p", "tests.mutation.recorder")]
    command += ["-p", "no:cacheprovider", "--hypothesis-seed=0", "-m", FAST, *ignored, *paths]
    environment = os.environ | {recorder.FOLDER: str(folder.absolute())}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    print(f"tests: {done.stdout.strip().splitlines()[-1] if done.stdout.strip() else done.stderr}", flush=True)


_times: dict[str, float] = {}


def _judge(case: Case) -> tuple[Case, str]:
    scratch = SCRATCH / str(os.getpid())
    return case, trial.judge(trial.Change(case.path, case.mutant.number), case.tests, _times, scratch)


def judge_all(cases: list[Case], times: dict[str, float], workers: int) -> Iterator[tuple[Case, str]]:
    """Yield the verdict on each case, in the order of the sample."""
    _times.update(times)
    trial.warm()
    SCRATCH.mkdir()
    if cases and trial.judge(None, cases[0].tests, times, SCRATCH / "first") != "survived":
        raise SystemExit("the tests fail without a mutant; run `make test-fast` and fix the code first")
    with multiprocessing.get_context("fork").Pool(workers) as pool:
        yield from pool.imap(_judge, cases)


def report(sample: Sample, verdicts: list[tuple[Case, str]]) -> int:
    """Print each mutant that no test killed, then the figures; return the exit status."""
    survivors = [case for case, outcome in verdicts if outcome == "survived"]
    print(f"\nnot judged, because no fast test runs the line: {len(sample.not_run)}")
    for case, reason in sample.equivalent:
        print(f"not counted: {case}: {reason}")
    for case in sorted(survivors):
        print(f"survived: {case}")
    timeouts = sum(verdict == "timeout" for _, verdict in verdicts)
    killed = len(verdicts) - len(survivors)
    part = killed / len(verdicts) if verdicts else 0.0
    print(f"{killed} of {len(verdicts)} mutants were killed ({part:.1%}), {timeouts} of them by a timeout")
    return 0 if part >= KILLED else 1


def run(arguments: argparse.Namespace) -> int:
    """Draw and judge a sample of the tree that is the current directory."""
    start = time.monotonic()
    print(f"make mutation SEED={arguments.seed} COUNT={arguments.count} repeats this run", flush=True)
    records = Path("../records")
    record(records, arguments.tests)
    tests, times = recorder.read(records)
    found = {path: list_mutants(Path(path).read_text(encoding="utf-8")) for path in modules(Path())}
    equivalent = known(SURVIVORS.read_text(encoding="utf-8"))
    sample = draw(found, tests, equivalent, arguments.seed, arguments.count)
    verdicts = []
    for case, verdict in judge_all(sample.cases, times, arguments.workers):
        verdicts.append((case, verdict))
        print(f"{len(verdicts)}/{len(sample.cases)} {verdict}: {case}", flush=True)
    status = report(sample, verdicts)
    print(f"{(time.monotonic() - start) / 60:.0f} minutes with {arguments.workers} processes")
    return status


def in_a_copy() -> int:
    """Run this program again in a copy of the tree, so that a mutant cannot damage the tree."""
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        copy = Path(folder).resolve() / "tree"
        copy.mkdir()
        for name in COPIED:
            shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        for path in ROOT.iterdir():
            if path.is_file() and path.name != ".git":
                shutil.copy2(path, copy / path.name)
        (copy / ".tools").symlink_to(ROOT / ".tools")
        command = [sys.executable, "-m", "tests.mutation", "--here", *sys.argv[1:]]
        places = os.pathsep.join([str(copy / "src"), *filter(None, [os.environ.get("PYTHONPATH")])])
        return subprocess.call(command, cwd=copy, env=os.environ | {"PYTHONPATH": places})


def main() -> int:
    """Read the options and run."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10**9), help="number that repeats a sample")
    parser.add_argument("--count", type=int, default=600, help="number of mutants to judge")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="number of mutants at the same time")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("tests", nargs="*", default=["tests"], help="tests that judge; by default all fast tests")
    arguments = parser.parse_args()
    return run(arguments) if arguments.here else in_a_copy()


if __name__ == "__main__":
    sys.exit(main())
