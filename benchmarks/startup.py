"""What SecretSync costs at a start, as whole processes and as ratios to `python -c pass`.

    python benchmarks/startup.py [--rounds 40]

Builds the wheel, installs it with python-dotenv into a virtual environment of its own, compiled, and measures commands
in turn, so that whatever else the machine does falls on all of them alike. Medians; the numbers carry over to other
machines as ratios only.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The interpreter must find and keep compiled modules, as an installed application's does.
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SECRETSYNC_", "VIRTUAL_ENV"))
}


def call(*argv: str) -> None:
    """Run a command that says nothing unless it fails."""
    done = subprocess.run(argv, env=ENVIRONMENT, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        sys.exit(f"{' '.join(argv)}\n{done.stdout.decode()}")


def install(folder: Path) -> Path:
    """The interpreter of a new virtual environment with the wheel of this checkout in it."""
    call(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT))
    venv = folder / "venv"
    call(sys.executable, "-m", "venv", "--without-pip", str(venv))
    python = venv / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python), "install", "--quiet"]
    call(*pip, "--no-index", "--no-deps", *map(str, folder.glob("*.whl")))
    site_packages = next(venv.glob("lib/python*/site-packages"))
    dotenv = find_spec("dotenv")
    if dotenv is None or dotenv.origin is None:
        sys.exit("python-dotenv is not here: run this with the interpreter of `make test`")
    shutil.copytree(Path(dotenv.origin).parent, site_packages / "dotenv")
    call(str(python), "-I", "-m", "compileall", "-q", str(site_packages))
    return python


def make_project(folder: Path) -> dict[str, str]:
    """The environment for a project of 40 variables in `folder`: settings, variables, secrets files."""
    lines = [f"SETTING_{number}=the value of setting {number}" for number in range(20)]
    lines += [f"VARIABLE_{number}=$<env:VARIABLE_{number}>" for number in range(10)]
    lines += [f"SECRET_{number}=$<docker:secret_{number}>" for number in range(10)]
    values = {f"VARIABLE_{number}": f"the value of variable {number}" for number in range(10)}
    for name, text in {
        "env/test/common.env": "\n".join(lines[:30]) + "\n",
        "env/test/security.env": "\n".join(lines[30:]) + "\n",
        "providers/test.toml": '[stores.docker]\ndir = "files"\n',
        ".env": "\n".join(f"{line.partition('=')[0]}=a value of some length" for line in lines) + "\n",
        "plain.env": "\n".join(lines[:30]) + "\n",
        **{f"files/secret_{number}": f"the secret {number}\n" for number in range(10)},
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return {**ENVIRONMENT, **values}


def commands(python: Path) -> dict[str, list[str]]:
    """What is measured, by its name in the table; the first is the measure."""
    run = [str(python), "-I"]
    script = str(python.with_name("secretsync"))
    return {
        "python -c pass": [*run, "-c", "pass"],
        "python -c 'import argparse'": [*run, "-c", "import argparse"],
        "python -c 'import dotenv'": [*run, "-c", "import dotenv"],
        "dotenv_values('.env'), 40 variables": [*run, "-c", "import dotenv; dotenv.dotenv_values('.env')"],
        "secretsync render --format dotenv": [*run, "-m", "secretsync", "render", "-e", "test", "--format", "dotenv"],
        "... 30 of them, without bindings": [
            *(*run, "-m", "secretsync", "render", "--env-file", "plain.env"),
            *("--format", "dotenv"),
        ],
        "... by the installed script": [script, "render", "-e", "test", "--format", "dotenv"],
        "secretsync run -- true": [*run, "-m", "secretsync", "run", "-e", "test", "--", "true"],
        "... by the installed script ": [script, "run", "-e", "test", "--", "true"],
        "secretsync --help": [*run, "-m", "secretsync", "--help"],
    }


def seconds(argv: Sequence[str], folder: Path, environ: dict[str, str]) -> float:
    """How long one process took, from its start to its end."""
    begin = time.perf_counter()
    subprocess.run(argv, cwd=folder, env=environ, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begin


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40, help="how often each command is measured (default: 40)")
    rounds: int = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        python = install(folder)
        environ = make_project(folder / "project")
        times: dict[str, list[float]] = {name: [] for name in commands(python)}
        for number in range(rounds + 2):
            for name, argv in commands(python).items():
                took = seconds(argv, folder / "project", environ)
                if number >= 2:  # the first rounds warm the caches of the file system
                    times[name].append(took)
    base = statistics.median(times["python -c pass"])
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, medians of {rounds} interleaved rounds\n")
    print(f"{'whole process':38}{'ratio':>7}{'ms':>8}")
    for name, taken in times.items():
        median = statistics.median(taken)
        print(f"{name.strip():38}{median / base:7.2f}{median * 1000:8.1f}")


if __name__ == "__main__":
    main()
