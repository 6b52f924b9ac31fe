"""Run the targets under atheris, one process after the other, each for some seconds.

    python -m tests.fuzz --python ATHERIS_PYTHON [--seconds 60] [--seed NUMBER] [--corpus FOLDER] [TARGET...]

An input that breaks a promise is kept in the corpus folder, and the status is 1. `--once FILE` tries one such input.
"""

# ruff: noqa: T201 - a program for people
import argparse
import secrets
import subprocess
import sys
from pathlib import Path

from tests.fuzz.targets import TARGETS, remove_files, try_input

_LONGEST_INPUT = 16_384  # bytes
_MOST_MEMORY = 1024  # MB of the process, with the instrumented code
_SLOWEST = 60  # seconds by the clock of one input; processor time is measured too


def main() -> int:
    """Return 0 if no target found an input that breaks a promise."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; default: all")
    parser.add_argument("--python", help="the interpreter that has atheris and SecretSync")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--seed", type=int, help="of the fuzzer; default: a new one")
    parser.add_argument("--corpus", type=Path, default=Path(".tools/fuzz-corpus"), help="a folder for inputs")
    parser.add_argument("--once", type=Path, metavar="FILE", help="try this input of one target, without atheris")
    options = parser.parse_args()
    names = options.targets or list(TARGETS)
    if unknown := [name for name in names if name not in TARGETS]:
        parser.error(f"there is no target {unknown[0]}; choose from {', '.join(TARGETS)}")
    if options.once is not None:
        try:
            try_input(TARGETS[names[0]], options.once.read_bytes())
        finally:
            remove_files()
        return 0
    seed = secrets.randbelow(2**31 - 1) + 1 if options.seed is None else options.seed
    print(f"make fuzz SEED={seed} SECONDS={options.seconds} repeats this run")
    failed = [name for name in names if not _fuzz(name, options, seed)]
    print(
        f"{len(names) - len(failed)} of {len(names)} targets found nothing"
        + (f"; look at {', '.join(failed)}" if failed else "")
    )
    return 1 if failed else 0


def _fuzz(name: str, options: argparse.Namespace, seed: int) -> bool:
    """Run one target. Return True if no input broke a promise."""
    corpus = options.corpus / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(TARGETS[name].corpus):
        (corpus / f"seed-{number}").write_bytes(data)
    argv = [options.python or sys.executable, "-m", "tests.fuzz.one_target", name, str(corpus)]
    argv += [f"-max_total_time={options.seconds}", f"-seed={seed}", f"-max_len={_LONGEST_INPUT}"]
    argv += [
        f"-rss_limit_mb={_MOST_MEMORY}",
        f"-timeout={_SLOWEST}",
        f"-artifact_prefix={options.corpus}/{name}-found-",
    ]
    argv += ["-verbosity=0", "-print_final_stats=1"]
    with subprocess.Popen(
        argv, stderr=subprocess.STDOUT, stdout=subprocess.PIPE, text=True, errors="replace"
    ) as process:
        lines = process.communicate()[0].splitlines()
    remove_files(process.pid)  # libFuzzer ends its process without the handlers of an exit
    counts = [line.rpartition(" ")[2] for line in lines if line.startswith("stat::number_of_executed_units")]
    found = "nothing found" if process.returncode == 0 else "FOUND"
    print(f"{name}: {counts[0] if counts else 'unknown'} inputs, {found}", flush=True)
    if process.returncode != 0:
        print("\n".join(lines[-40:]), flush=True)
    return process.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
