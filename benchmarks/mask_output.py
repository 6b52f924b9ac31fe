"""How fast `run --mask-output` copies output, beside `cat`.

    python -m benchmarks.mask_output [--secrets 1,10,100] [--rounds 5] [--megabytes 64]

A program writes lines of a log into a pipe, and its output goes through `cat`, and through the masking of SecretSync.
Both are measured in turns, from the first byte to the last; the shortest round counts. `secret lines` is the share of
lines that hold a secret. Only ratios carry over to other machines. `cpu` is the processor time for each MB.
"""

import argparse
import os
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LINE = "2026-11-29T12:00:00Z INFO app.web 127.0.0.1 GET /api/items/{}?q=shoes&page=2 200 {}\n"


def write_log(path: Path, size: int, values: list[str], share: float) -> None:
    """Write a log of `size` bytes; a `share` of its lines holds one of `values`."""
    block = []
    for number in range(10_000):
        has_secret = share and number % round(1 / share) == 0
        block.append(LINE.format(number, values[number % len(values)] if has_secret else "took 12 ms"))
    text = "".join(block).encode()
    with path.open("wb") as file:
        while file.tell() < size:
            file.write(text)


def project(folder: Path, values: list[str]) -> None:
    """Write a project with these secrets."""
    for name in ("env/bench", "providers", "files"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    names = [f"SECRET_{number}" for number in range(len(values))]
    (folder / "env/bench/security.env").write_text("".join(f"{name}=$<docker:{name}>\n" for name in names))
    (folder / "providers/bench.toml").write_text('[stores.docker]\ndir = "files"\n')
    for name, value in zip(names, values, strict=True):
        (folder / "files" / name).write_text(value)
        (folder / "files" / name).chmod(0o600)


def measure(argv: list[str], folder: Path) -> tuple[float, float]:
    """Return the seconds from the first byte to the last, and the processor time of the process and its children."""
    before = os.times()
    with subprocess.Popen(argv, cwd=folder, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None  # noqa: S101 - for the type checker
        descriptor = process.stdout.fileno()
        os.read(descriptor, 1)
        begin = time.perf_counter()
        while os.read(descriptor, 1 << 20):
            pass
        took = time.perf_counter() - begin
    after = os.times()
    return took, after.children_user - before.children_user + after.children_system - before.children_system


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--secrets", default="1,10,100", help="numbers of secrets")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=64)
    options = parser.parse_args()
    print(f"{'secrets':>7}  {'secret lines':>12} {'cat MB/s':>9} {'masked MB/s':>11} {'ratio':>6} {'cpu ms/MB':>9}")
    for count in map(int, options.secrets.split(",")):
        for share in (0.0, 0.01, 1.0):
            size = options.megabytes * (1_000_000 if share < 1 else 100_000)
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                values = [secrets.token_urlsafe(32) for _ in range(count)]
                project(folder, values)
                write_log(folder / "log", size, values, share)
                run = [sys.executable, "-I", "-m", "secretsync", "run", "-e", "bench"]
                commands = (["sh", "-c", "cat log | cat"], [*run, "--mask-output", "--", "cat", "log"])
                rounds = [[measure(argv, folder) for argv in commands] for _ in range(options.rounds)]
            plain, masked = (min(one[side] for one in rounds) for side in (0, 1))
            rates = size / plain[0] / 1e6, size / masked[0] / 1e6
            print(
                f"{count:7}  {share:12.0%} {rates[0]:9.0f} {rates[1]:11.1f} {plain[0] / masked[0]:6.3f} "
                f"{masked[1] * 1e9 / size:9.1f}"
            )


if __name__ == "__main__":
    main()
