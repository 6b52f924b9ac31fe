"""What SecretSync costs at a start, as whole processes and as ratios to `python -c pass`.

    python -m benchmarks.startup [--rounds 40]

Builds the wheel, installs it with python-dotenv into a virtual environment of its own, compiled, and measures commands
in turn, so that whatever else the machine does falls on all of them alike. The table has the medians of the ratios
within a round; the numbers carry over to other machines as ratios only.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from benchmarks.measure import Command, ratio, take_turns

BASE = "python -c pass"
FIGURES = (("cpu", 7), ("wall", 7), ("memory", 8))

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
    """Return the interpreter of a new virtual environment with the wheel of this checkout in it."""
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
    """Return the environment for a project of 40 variables in `folder`: settings, variables, secrets files."""
    lines = [f"SETTING_{number}=the value of setting {number}" for number in range(20)]
    lines += [f"VARIABLE_{number}=$<env:VARIABLE_{number}>" for number in range(10)]
    lines += [f"SECRET_{number}=$<docker:secret_{number}>" for number in range(10)]
    values = {f"VARIABLE_{number}": f"the value of variable {number}" for number in range(10)}
    for name, text in {
        "env/test/common.env": "\n".join(lines[:30]) + "\n",
        "env/test/security.env": "\n".join(lines[30:]) + "\n",
        "providers/test.toml": '[stores.docker]\ndir = "files"\n',
        ".env": "\n".join(f"{line.partition('=')[0]}=a value of some length" for line in lines) + "\n",
        **{f"files/secret_{number}": f"the secret {number}\n" for number in range(10)},
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return {**ENVIRONMENT, **values}


def commands(python: Path) -> dict[str, list[str]]:
    """Return what is measured, by its name in the table."""
    run = [str(python), "-I"]
    script = str(python.with_name("secretsync"))
    return {
        BASE: [*run, "-c", "pass"],
        "python -c 'import argparse'": [*run, "-c", "import argparse"],
        "python -c 'import tomllib'": [*run, "-c", "import tomllib"],
        "python -c 'import dotenv'": [*run, "-c", "import dotenv"],
        "dotenv_values('.env'), 40 variables": [*run, "-c", "import dotenv; dotenv.dotenv_values('.env')"],
        "secretsync render --env-file, 40 variables": [script, "render", "--env-file", ".env", "--format", "dotenv"],
        "secretsync run --env-file -- true": [script, "run", "--env-file", ".env", "--", "true"],
        "secretsync render -e test, with bindings": [script, "render", "-e", "test", "--format", "dotenv"],
        "secretsync run -e test -- true, with bindings": [script, "run", "-e", "test", "--", "true"],
        "python -m secretsync render --env-file": [
            *(*run, "-m", "secretsync", "render", "--env-file", ".env"),
            *("--format", "dotenv"),
        ],
        "secretsync --help": [script, "--help"],
    }


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40, help="how often each command is measured (default: 40)")
    rounds: int = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        python = install(folder)
        environ = make_project(folder / "project")
        measured = {name: Command(argv, folder / "project", environ) for name, argv in commands(python).items()}
        samples = take_turns(measured, rounds)
    base = samples[BASE]
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, medians of {rounds} interleaved rounds\n")
    print(f"{'whole process':48}{'CPU':>7}{'wall':>7}{'memory':>8}{'ms CPU':>8}")
    for name, taken in samples.items():
        ratios = "".join(f"{ratio(taken, base, figure):{width}.2f}" for figure, width in FIGURES)
        print(f"{name:48}{ratios}{statistics.median(one.cpu for one in taken) * 1000:8.1f}")


if __name__ == "__main__":
    main()
