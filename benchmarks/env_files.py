"""What reading a large env file costs beside python-dotenv, as whole processes.

    python -m benchmarks.env_files [--rounds 7] [--lines 1000,10000,40000]

The file is as people write it: settings, comments, blank lines, `export`, quotes and comments behind values.
`secretsync` is `render`, with its judgement of values; python-dotenv's `dotenv_values` judges nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import Command, ratio, take_turns
from tests.support.processes import clean_environment, scrub

DOTENV = "import dotenv, json, sys; json.dump(dotenv.dotenv_values('.env', interpolate=False), sys.stdout)"
LINES = (
    *(
        "K{}=value of {}",
        "K{}=value",
        "K{}=/var/lib/app/{}",
        "# a comment",
        "K{}=10",
        "",
        "K{}=https://host-{}.internal",
    ),
    *('export K{}="some value {}"', "K{}='value {}'  # why", "K{}=True"),
)


def make_text(count: int) -> str:
    """Return an env file of `count` lines."""
    return "".join(LINES[number % len(LINES)].format(number, number) + "\n" for number in range(count))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="how often each is measured (default: 7)")
    parser.add_argument("--lines", default="1000,10000,40000", help="how many lines (default: 1000,10000,40000)")
    options = parser.parse_args()
    scrub(os.environ)
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} processors, {options.rounds} rounds; CPU")
    print(f"{'lines':>6}{'x pass':>8}{'x python-dotenv':>17}{'memory x pass':>15}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        environ = clean_environment(folder, {})
        python = [sys.executable, "-I"]
        commands = {
            "pass": Command([*python, "-c", "pass"], folder, environ),
            "dotenv": Command([*python, "-c", DOTENV], folder, environ),
            "secretsync": Command(
                [*python, "-m", "secretsync", "render", "--env-file", ".env", "--format", "json"], folder, environ
            ),
        }
        for count in map(int, options.lines.split(",")):
            (folder / ".env").write_text(make_text(count))
            taken = take_turns(commands, options.rounds)
            ours = taken["secretsync"]
            row = f"{count:6}{ratio(ours, taken['pass'], 'cpu'):8.1f}{ratio(ours, taken['dotenv'], 'cpu'):17.2f}"
            print(f"{row}{ratio(ours, taken['pass'], 'memory'):15.2f}")


if __name__ == "__main__":
    main()
