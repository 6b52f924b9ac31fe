"""The rule for sensitive names on real configuration names: error rates both ways, and its cost.

    python benchmarks/names.py [--held-out] [--rounds 20]

Reads the lists of names in tests/core/data. Each line has a name, the software that documents it, and `secret` or
`setting`. With --held-out, the second and the third list are measured too. Each list has other software and was made
before the rule was run on it. The rule was changed after the second list was measured. Do not change it because of the
third list, because that list then measures nothing.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from secretsync.core.names import is_sensitive

DATA = Path(__file__).resolve().parent.parent / "tests" / "core" / "data"
LISTS = {
    "first": DATA / "names.tsv",
    "second": DATA / "names_held_out.tsv",
    "third": DATA / "names_third.tsv",
}


def read_names(path: Path) -> list[tuple[str, str, bool]]:
    """Return the lines of a list as name, software, and True for a secret."""
    rows = (line.split("\t") for line in path.read_text().splitlines())
    return [(name, software, kind == "secret") for name, software, kind in rows]


def wrong(names: Sequence[tuple[str, str, bool]], *, is_secret: bool) -> tuple[list[tuple[str, str]], int]:
    """Return the secrets, or the settings, that the rule judges wrongly, and the number of all of them."""
    judged = [(name, software) for name, software, actual in names if actual is is_secret]
    return [(name, software) for name, software in judged if is_sensitive(name) is not is_secret], len(judged)


def microseconds(judge: Callable[[str], bool], names: Sequence[str], rounds: int) -> float:
    """Return the median CPU time for one name, in microseconds."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        for name in names:
            judge(name)
        times.append(time.process_time() - start)
    return statistics.median(times) / len(names) * 1e6


def main() -> None:
    """Print the error rates, the names behind them, and the cost."""
    parser = argparse.ArgumentParser(description="measure the rule for sensitive names")
    parser.add_argument(
        "--held-out", action="store_true", help="the second and the third list in addition to the first"
    )
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    for title in LISTS if options.held_out else ("first",):
        names = read_names(LISTS[title])
        for is_secret, what in ((True, "secrets taken for settings"), (False, "settings taken for secrets")):
            errors, count = wrong(names, is_secret=is_secret)
            print(f"{title} list: {len(errors)} of {count} {what}: {100 * len(errors) / count:.1f} %")
            for name, software in errors:
                print(f"    {name} ({software})")
        cost = microseconds(is_sensitive, [name for name, _, _ in names], options.rounds)
        print(f"{title} list: {cost:.2f} us a name")


if __name__ == "__main__":
    main()
