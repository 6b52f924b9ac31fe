"""Work without a remote store: a start from files, large env files, and a library's first call."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.measure import Command, CommandFailedError, Launcher, Sample
from benchmarks.projects import env_text, link_npm, make_files_project
from benchmarks.tables import Table
from benchmarks.tools import Tools, commands, proves
from tests.support.processes import clean_environment

PASS = "python -c pass"  # noqa: S105 - a command
VARIABLES = 40


def measure_start(tools: Tools, folder: Path, rounds: int) -> Table:
    """Measure `render` and `run` of 40 variables beside tools that read files."""
    project = folder / "start"
    environ = clean_environment(folder, make_files_project(project))
    python = [str(tools.python), "-I", "-c"]
    table = Table("start", "a start with 40 variables from files", PASS, "variables")
    floors = {
        PASS: "pass",
        "floor: import argparse": "import argparse",
        "floor: import tomllib": "import tomllib",
        "floor: import dotenv": "import dotenv",
    }
    plain = ["--env-file", ".env"]
    ours = {
        "secretsync render --env-file": tools.secretsync("render", *plain, "--format", "json"),
        "secretsync run --env-file -- true": tools.secretsync("run", *plain, "--", "true"),
        "secretsync render, with bindings": tools.secretsync("render", "-e", "test", "--format", "json"),
        "secretsync run -- true, with bindings": tools.secretsync("run", "-e", "test", "--", "true"),
    }
    ways: dict[str, tuple[str, Sequence[str]]] = {
        "python-dotenv": ("python-dotenv", tools.program("files_dotenv")),
        "secretspec": ("secretspec", tools.program("secretspec_resolve", "dotenv://.env")),
        "python-decouple": ("python-decouple", tools.program("files_decouple")),
        "environs": ("environs", tools.program("files_environs")),
        "dynaconf": ("dynaconf", tools.program("files_dynaconf")),
        "pydantic-settings, secrets_dir": ("pydantic-settings", tools.program("files_pydantic")),
        "varlock": ("varlock", tools.varlock()),
    }
    measured = {name: Command([*python, text], project, environ) for name, text in floors.items()}
    for name, argv in ours.items():
        check = proves(VARIABLES) if "render" in name else _nothing
        measured[name] = Command(argv, project, environ, check)
    peers, table.absent = commands(ways, tools, project, environ, proves(VARIABLES))
    if "varlock" in peers:
        peers["varlock"] = replace(peers["varlock"], folder=_varlock_project(project, tools), environ=varlock(environ))
    table.add(VARIABLES, measured | peers, rounds)
    return table


def count_modules(tools: Tools, folder: Path) -> dict[str, int]:
    """Return how many modules `render` and `run` from an env file import in addition to those of a bare interpreter."""
    project = folder / "start"
    environ = clean_environment(folder, {})
    python = [str(tools.python), "-I", "-X", "importtime"]

    def imported(*arguments: str) -> set[str]:
        done = subprocess.run([*python, *arguments], cwd=project, env=environ, capture_output=True, check=True)
        return {line.rpartition("|")[2].strip() for line in done.stderr.decode().splitlines() if "import time:" in line}

    bare = imported("-c", "pass")
    script = tools.secretsync()[0]
    return {
        "render": len(imported(script, "render", "--env-file", ".env", "--format", "dotenv") - bare),
        "run": len(imported(script, "run", "--env-file", ".env", "--", "true") - bare),
    }


def _nothing(output: bytes) -> bool:
    return not output


def _varlock_project(project: Path, tools: Tools) -> Path:
    """Write the project of varlock, which declares each variable in a schema. Return its folder."""
    folder = project / "varlock"
    folder.mkdir()
    names = (project / "names").read_text().split()
    (folder / ".env").write_text((project / ".env").read_text().replace("export ", ""))
    (folder / ".env.schema").write_text("# ---\n" + "".join(f"{name}=\n" for name in names))
    link_npm(folder, tools.npm)
    return folder


def varlock(environ: dict[str, str]) -> dict[str, str]:
    """Return the environment of varlock, which must not send what it counts."""
    return {**environ, "PH_OPT_OUT": "true", "VARLOCK_TELEMETRY_DISABLED": "true"}


def measure_lines(tools: Tools, folder: Path, rounds: int, sizes: Sequence[int]) -> Table:
    """Measure `render` of large env files beside python-dotenv."""
    table = Table("lines", "an env file as people write them", "python-dotenv", "lines")
    for size in sizes:
        project = folder / f"lines-{size}"
        project.mkdir()
        (project / ".env").write_text(env_text(size))
        environ = clean_environment(folder, {})
        check = proves(env_text(size).count("K"))
        render = tools.secretsync("render", "--env-file", ".env", "--format", "json")
        table.add(
            size,
            {
                "python-dotenv": Command(tools.program("files_dotenv"), project, environ, check),
                "secretsync": Command(render, project, environ, check),
                PASS: Command([str(tools.python), "-I", "-c", "pass"], project, environ),
            },
            rounds,
        )
    return table


def measure_first_call(tools: Tools, folder: Path, rounds: int) -> Table:
    """Measure the first call of each library in a process that has imported boto3; CPU of the call and its import."""
    table = Table("first call", "a library's first call beside an imported boto3", "load_dotenv", "variables")
    table.absent = tools.absent("boto3", "python-dotenv")
    if table.absent:
        return table
    project = folder / "start"
    environ = clean_environment(folder, make_files_project(project))
    found: dict[str, list[Sample]] = {"load_dotenv": [], "secretsync.resolve_config": []}
    with Launcher() as launcher:
        for number in range(rounds + 1):
            for name, taken in found.items():
                argument = "dotenv" if name == "load_dotenv" else "secretsync"
                sample = launcher.run(Command(tools.program("first_call", argument), project, environ))
                if number:
                    seconds = float(launcher.output) / 1000
                    taken.append(Sample(seconds, seconds, sample.memory))
    table.samples[VARIABLES] = found
    return table


def set_up_of_second_call(tools: Tools, project: Path, environ: dict[str, str], rounds: int) -> float | None:
    """Return the set-up of a second `resolve_config` divided by that of the first; None without an answer.

    The set-up is the CPU time that a call needs in addition to the later calls, which find everything made.
    """
    ratios: list[float] = []
    with Launcher() as launcher:
        for _ in range(rounds):
            try:
                launcher.run(Command(tools.program("calls"), project, environ))
            except CommandFailedError:
                return None
            first, second, *later = json.loads(launcher.output)
            settled = sorted(later)[len(later) // 2]
            ratios.append(max(0.0, second - settled) / (first - settled))
    return sorted(ratios)[len(ratios) // 2]
