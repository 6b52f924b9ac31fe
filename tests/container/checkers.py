"""The checkers of Dockerfiles, Compose files and Kubernetes manifests, in a virtual environment of their own."""

from __future__ import annotations

import fcntl
import functools
import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.container.engine import CALLER
from tests.container.images import ROOT
from tests.support.tools import needs

REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def run_checker(program: str, *arguments: str | Path) -> tuple[int, str]:
    """Return the exit status of a checker, and all that it printed."""
    done = _run([str(_virtual_environment() / "bin" / program), *map(str, arguments)])
    return done.returncode, done.stdout + done.stderr


def load_yaml(path: Path) -> list[Any]:
    """Return the documents of a YAML file."""
    code = "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1], encoding='utf-8')))))"
    status, output = run_checker("python", "-c", code, path)
    assert status == 0, output
    documents: list[Any] = json.loads(output)
    return documents


def _virtual_environment() -> Path:
    outcome = _outcome()
    needs(isinstance(outcome, Path), f"hadolint, check-jsonschema and kubernetes-validate ({outcome})")
    assert isinstance(outcome, Path)
    return outcome


@functools.cache
def _outcome() -> Path | str:
    """Return the folder of the virtual environment, or why there is none."""
    folder = ROOT / ".tools" / "checkers"
    mark = folder / "complete"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()
    folder.parent.mkdir(exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if mark.exists() and mark.read_text() == wanted:
            return folder
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        for command in ([sys.executable, "-m", "venv", "--clear", str(folder)], [*pip, "-r", str(REQUIREMENTS)]):
            done = _run(command)
            if done.returncode != 0:
                return (done.stderr or done.stdout).strip().rpartition("\n")[2]
        mark.write_text(wanted)
        return folder


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=CALLER, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", check=False
    )
