"""The programs and libraries that read what we render, each as one function: bytes in, variables out."""

from __future__ import annotations

import base64
import functools
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.rendering.formats import compose_model, docker_api, github_model
from tests.support.limits import HANG

TOOLS = Path(__file__).resolve().parents[3] / ".tools"
COMPOSE_READER = TOOLS / "compose-go"  # built by fetch_readers.py
PYTHON_DOTENV_VERSIONS = ("0.21.1", "1.0.1", "1.2.2", "1.2.4")

_BASE = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
# What a shell sets by itself.
_SHELL_OWN = {"PATH", "LC_ALL", "PWD", "OLDPWD", "SHLVL", "_", "HOME", "LOGNAME", "A__z"}


class ReaderFailed(Exception):  # noqa: N818
    """The reader refused the whole file."""


@dataclass(frozen=True, slots=True)
class Reader:
    """One real reader: of which format, by which options, and how it is asked."""

    name: str
    format: str
    find: Callable[[], str | None]  # its version, or None where it is not here
    read: Callable[[bytes, Path], Mapping[str, str]]  # the file's bytes and a folder of one's own
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Return the name of the test."""
        return f"{self.format}-{self.name}".replace(" ", "_")


def _run(command: list[str], folder: Path, env: Mapping[str, str] | None = None, stdin: bytes | None = None) -> bytes:
    done = subprocess.run(
        command, cwd=folder, env={**_BASE, **(env or {})}, input=stdin, capture_output=True, timeout=HANG, check=False
    )
    if done.returncode != 0 or done.stderr.strip():
        raise ReaderFailed(f"{command[0]} ended with {done.returncode}: {done.stderr.decode(errors='replace')[:400]}")
    return done.stdout


def _version(*command: str, line: int = 0) -> str | None:
    if not shutil.which(command[0], path=_BASE["PATH"]):
        return None
    done = subprocess.run(command, capture_output=True, timeout=HANG, check=False, env=_BASE, text=True)
    lines = (done.stdout + done.stderr).strip().split("\n")
    return lines[line][:60] if done.returncode == 0 else "version unknown"


def _variables(dump: bytes, own: frozenset[str] | set[str] = frozenset()) -> dict[str, str]:
    """Return the variables that `env -0` printed."""
    pairs = (item.partition(b"=") for item in dump.split(b"\0") if item)
    found = {name.decode(): value.decode("utf-8", "surrogateescape") for name, _, value in pairs}
    return {name: value for name, value in found.items() if name not in own}


# python-dotenv

_DOTENV_SCRIPT = """
import json, sys
import dotenv
print(json.dumps(dotenv.dotenv_values(sys.argv[1], interpolate=sys.argv[2] == "yes", encoding="utf-8")))
"""


def _find_python_dotenv(version: str) -> str | None:
    return version if (TOOLS / f"python-dotenv-{version}" / "dotenv").is_dir() else None


def _read_python_dotenv(data: bytes, folder: Path, *, version: str, interpolating: bool) -> Mapping[str, str]:
    (folder / "file.env").write_bytes(data)
    command = [sys.executable, "-S", "-c", _DOTENV_SCRIPT, "file.env", "yes" if interpolating else "no"]
    found: dict[str, str] = json.loads(_run(command, folder, {"PYTHONPATH": str(TOOLS / f"python-dotenv-{version}")}))
    return found


def _read_ourselves(data: bytes, folder: Path) -> Mapping[str, str]:
    """Read the text with SecretSync's own loader; a value that would be resolved is an error."""
    from secretsync.project.env_file import parse_env_file
    from secretsync.project.placeholders import Text, parse_value

    parsed = parse_env_file(data, file="file.env")
    if parsed.problems:
        raise ReaderFailed(str(parsed.problems[0]))
    found = {}
    for entry in parsed.entries:
        value = parse_value(entry.text)
        if not entry.literal and (value.faults or any(not isinstance(part, Text) for part in value.parts)):
            raise ReaderFailed(f"{entry.key} would be resolved")
        text = "".join(part.text for part in value.parts if isinstance(part, Text))
        found[entry.key] = entry.text if entry.literal else text
    return found


def _find_ourselves() -> str | None:
    try:
        import secretsync.project.env_file
        import secretsync.project.placeholders  # noqa: F401
    except ImportError:
        return None
    return "this version"


# shells

SHELLS: Mapping[str, tuple[str, ...]] = {
    "dash": ("dash",),
    "bash": ("bash", "--norc"),
    "bash --posix": ("bash", "--norc", "--posix"),
    "busybox ash": ("busybox", "ash"),
    "mksh": ("mksh",),
    "ksh": ("ksh93",),
    "zsh --emulate sh": ("zsh", "--emulate", "sh", "-f"),
    "zsh": ("zsh", "-f"),
}
_SHELL_VERSIONS: Mapping[str, Callable[[], str | None]] = {
    "dash": lambda: _dpkg_version("dash"),
    "bash": lambda: _version("bash", "--version"),
    "bash --posix": lambda: _version("bash", "--version"),
    "busybox ash": lambda: _version("busybox"),
    "mksh": lambda: _version("mksh", "-c", "echo $KSH_VERSION"),
    "ksh": lambda: _version("ksh93", "-c", "echo ${.sh.version}"),
    "zsh --emulate sh": lambda: _version("zsh", "--version"),
    "zsh": lambda: _version("zsh", "--version"),
}


def _dpkg_version(package: str) -> str | None:
    if not shutil.which(package, path=_BASE["PATH"]):
        return None
    done = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, check=False, text=True
    )
    return done.stdout or "version unknown"


def read_with_shell(data: bytes, folder: Path, *, shell: str, prologue: str = "") -> Mapping[str, str]:
    """Return what a shell exports after it has sourced the file."""
    (folder / "file.sh").write_bytes(data)
    script = f"{prologue}. ./file.sh\nexec /usr/bin/env -0"
    return _variables(_run([*SHELLS[shell], "-c", script], folder), _SHELL_OWN)


def read_with_fish(data: bytes, folder: Path, *, locale: str = "C.UTF-8", prologue: str = "") -> Mapping[str, str]:
    """Return what fish exports after it has sourced the file."""
    (folder / "file.fish").write_bytes(data)
    # fish writes its universal variables below HOME.
    env = {"HOME": str(folder), "LC_ALL": locale}
    dump = _run(["fish", "--no-config", "-c", f"{prologue}source ./file.fish; exec /usr/bin/env -0"], folder, env)
    return _variables(dump, _SHELL_OWN | {"USER"})


# docker, compose, systemd


def _read_docker(data: bytes, folder: Path) -> Mapping[str, str]:
    (folder / "file.env").write_bytes(data)
    with docker_api.serve(folder / "docker.sock") as created:
        _run(
            ["docker", "-H", f"unix://{folder}/docker.sock", "create", "--env-file", "file.env", "image"],
            folder,
            {"HOME": str(folder)},
        )
    pairs = (item.partition("=") for item in created[0]["Env"])
    return {name: value for name, _, value in pairs}


def find_compose() -> str | None:
    """Return the version of compose-go, or None if it is not here."""
    is_built = (COMPOSE_READER / "compose-reader").is_file()
    return (COMPOSE_READER / "VERSION").read_text().strip() if is_built else None


def _read_compose(data: bytes, folder: Path) -> Mapping[str, str]:
    found: dict[str, str] = json.loads(_run([str(COMPOSE_READER / "compose-reader")], folder, stdin=data))
    return found


def compose_values(environment: Mapping[str, str], values: Sequence[str], folder: Path) -> list[str | None]:
    """Return what each value becomes in a process with this environment; None if compose-go refuses it."""
    question = json.dumps({"environment": environment, "values": values}).encode()
    # Not by `_run`: compose-go logs a warning for each variable that is not set.
    command = [str(COMPOSE_READER / "compose-reader"), "values"]
    done = subprocess.run(command, cwd=folder, input=question, capture_output=True, check=True, timeout=120)
    found: list[str | None] = json.loads(done.stdout)
    return found


_SYSTEMD_SCRIPT = """
import ctypes, os, sys
library = ctypes.CDLL(sys.argv[1])
strings = ctypes.POINTER(ctypes.c_char_p)()
status = library.load_env_file(None, os.fsencode(sys.argv[2]), ctypes.byref(strings))
if status < 0:
    sys.exit(f"load_env_file: {os.strerror(-status)}")
index = 0
while strings and strings[index] is not None:
    sys.stdout.buffer.write(strings[index] + b"\\0")
    index += 1
"""


@functools.cache
def _systemd_library() -> Path | None:
    """Return the library with systemd's parser, where it exports that: an internal symbol, not in every version."""
    for folder in (*Path("/usr/lib").glob("*/systemd"), Path("/usr/lib/systemd"), Path("/lib/systemd")):
        for path in sorted(folder.glob("libsystemd-shared-*.so")):
            if b"load_env_file\0" in path.read_bytes():
                return path
    return None


def _find_systemd() -> str | None:
    library = _systemd_library()
    return library.name.removeprefix("libsystemd-shared-").removesuffix(".so") if library else None


def _read_systemd(data: bytes, folder: Path) -> Mapping[str, str]:
    (folder / "file.env").write_bytes(data)
    return _variables(_run([sys.executable, "-S", "-c", _SYSTEMD_SCRIPT, str(_systemd_library()), "file.env"], folder))


# Node.js and JSON

_PRINT_ENV = "process.stdout.write(JSON.stringify(process.env))"
_PRINT_JSON = "process.stdout.write(JSON.stringify(JSON.parse(require('fs').readFileSync(process.argv[1], 'utf8'))))"
_PRINT_NPM = """
const fs = require('fs')
process.stdout.write(JSON.stringify(require(process.argv[1]).parse(fs.readFileSync('file.env', 'utf8'))))
"""


def _find_node() -> str | None:
    """Return the version of a Node.js that has --env-file: 20.6 and newer."""
    help_text = (
        _version("node", "--help") and subprocess.run(["node", "--help"], capture_output=True, check=False).stdout
    )
    return _version("node", "--version") if help_text and b"--env-file" in help_text else None


def _read_node(data: bytes, folder: Path) -> Mapping[str, str]:
    (folder / "file.env").write_bytes(data)
    found: dict[str, str] = json.loads(_run(["node", "--env-file=file.env", "-e", _PRINT_ENV], folder))
    return {name: value for name, value in found.items() if name not in _BASE}


def _find_npm_dotenv() -> str | None:
    path = TOOLS / "npm" / "node_modules" / "dotenv" / "package.json"
    if not path.is_file() or not shutil.which("node", path=_BASE["PATH"]):
        return None
    return str(json.loads(path.read_text())["version"])


def _read_npm_dotenv(data: bytes, folder: Path) -> Mapping[str, str]:
    (folder / "file.env").write_bytes(data)
    package = str(TOOLS / "npm" / "node_modules" / "dotenv")
    found: dict[str, str] = json.loads(_run(["node", "-e", _PRINT_NPM, package], folder))
    return found


def _read_json_node(data: bytes, folder: Path) -> Mapping[str, str]:
    (folder / "file.json").write_bytes(data)
    found: dict[str, str] = json.loads(_run(["node", "-e", _PRINT_JSON, "file.json"], folder))
    return found


def _read_json_jq(data: bytes, folder: Path) -> Mapping[str, str]:
    program = r'to_entries[] | "\(.key)=\(.value)\u0000"'
    return _variables(_run(["jq", "-j", program], folder, stdin=data))


# YAML and Kubernetes


def _find_module(name: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _read_pyyaml(data: bytes, folder: Path) -> Mapping[str, Any]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found: Mapping[str, Any] = yaml.load(data, Loader=loader)
    return found


def _read_pyyaml_pure(data: bytes, folder: Path) -> Mapping[str, Any]:
    import yaml

    found: Mapping[str, Any] = yaml.safe_load(data)
    return found


def _read_ruamel(data: bytes, folder: Path, *, version: str) -> Mapping[str, Any]:
    import ruamel.yaml

    parser = ruamel.yaml.YAML(typ="safe", pure=True)
    parser.version = version
    found: Mapping[str, Any] = parser.load(data.decode())
    return found


def _secret_of(manifest: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the values of a Secret as a container gets them, after the checks that the API makes of its shape."""
    assert manifest["apiVersion"] == "v1"
    assert manifest["kind"] == "Secret"
    assert set(manifest) == {"apiVersion", "kind", "metadata", "type", "data"}
    return {key: base64.b64decode(value, validate=True).decode() for key, value in manifest["data"].items()}


# NUL

_READ_NULL = """while IFS= read -r -d '' pair; do printf '%s\\0' "$pair"; done"""


def _read_null_bash(data: bytes, folder: Path) -> Mapping[str, str]:
    return _variables(_run(["bash", "--norc", "-c", _READ_NULL], folder, stdin=data))


def _read_null_xargs(data: bytes, folder: Path) -> Mapping[str, str]:
    return _variables(_run(["xargs", "-0", "/usr/bin/env", "-i", "/usr/bin/env", "-0"], folder, stdin=data))


def all_readers() -> Iterator[Reader]:
    """Every reader that the tests know, here or not."""
    yield from _python_dotenv_readers()
    yield from _shell_readers()
    for locale in ("C.UTF-8", "C"):
        read = functools.partial(read_with_fish, locale=locale)
        yield Reader(f"fish LC_ALL={locale}", "fish", lambda: _version("fish", "--version"), read)
    for format_name in ("docker", "portable"):
        yield Reader("docker", format_name, lambda: _version("docker", "--version"), _read_docker)
    for format_name in ("compose", "portable"):
        yield Reader("compose-go", format_name, find_compose, _read_compose)
        yield Reader("model of compose", format_name, lambda: "a model", compose_model.read)
    for format_name in ("systemd", "portable"):
        yield Reader("systemd", format_name, _find_systemd, _read_systemd)
    for format_name in ("node", "portable"):
        yield Reader("node", format_name, _find_node, _read_node)
        yield Reader("npm dotenv", format_name, _find_npm_dotenv, _read_npm_dotenv)
    for format_name in ("github", "portable"):
        yield Reader("model of the runner", format_name, lambda: "a model", github_model.read)
    yield Reader("Python", "json", lambda: sys.version.split()[0], lambda data, _: json.loads(data))
    yield Reader("node", "json", lambda: _version("node", "--version"), _read_json_node)
    yield Reader("jq", "json", lambda: _version("jq", "--version"), _read_json_jq)
    yield from _yaml_readers()
    yield Reader("bash read -d", "null", lambda: _version("bash", "--version"), _read_null_bash)
    yield Reader("xargs", "null", lambda: _version("xargs", "--version"), _read_null_xargs)


def _python_dotenv_readers() -> Iterator[Reader]:
    for version in PYTHON_DOTENV_VERSIONS:
        find = functools.partial(_find_python_dotenv, version)
        for interpolating in (False, True):
            read = functools.partial(_read_python_dotenv, version=version, interpolating=interpolating)
            name = f"python-dotenv {version} interpolate={interpolating}"
            yield Reader(name, "dotenv", find, read, {"interpolating": interpolating})
            if version == PYTHON_DOTENV_VERSIONS[-1]:
                yield Reader(name, "portable", find, read)
    yield Reader("SecretSync", "dotenv", _find_ourselves, _read_ourselves)


def _shell_readers() -> Iterator[Reader]:
    for shell in SHELLS:
        yield Reader(shell, "shell", _SHELL_VERSIONS[shell], functools.partial(read_with_shell, shell=shell))
        with_export = functools.partial(read_with_shell, shell=shell, prologue="set -a\n")
        yield Reader(f"{shell} set -a", "portable", _SHELL_VERSIONS[shell], with_export)


def _yaml_readers() -> Iterator[Reader]:
    named = {"name": "app", "namespace": "test"}
    readers: list[tuple[str, str, Callable[[bytes, Path], Mapping[str, Any]]]] = [
        ("PyYAML", "PyYAML", _read_pyyaml),
        ("PyYAML pure", "PyYAML", _read_pyyaml_pure),
        ("ruamel.yaml 1.1", "ruamel.yaml", functools.partial(_read_ruamel, version="1.1")),
        ("ruamel.yaml 1.2", "ruamel.yaml", functools.partial(_read_ruamel, version="1.2")),
    ]
    for name, package, load in readers:
        yield Reader(name, "yaml", functools.partial(_find_module, package), load)
        as_secret = functools.partial(lambda data, folder, load: _secret_of(load(data, folder)), load=load)
        yield Reader(name, "kubernetes", functools.partial(_find_module, package), as_secret, named)
