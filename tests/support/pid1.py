"""A command as process 1 without an image: namespaces of its own, with /run/secrets in memory."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tests.support.canary import assert_clean
from tests.support.limits import HANG
from tests.support.processes import secretsync_argv
from tests.support.tools import needs, needs_tool

# Runs in the new namespaces: prepares /run, takes on the state that the test asks for, becomes the command.
# What Python changed of itself (ignored signals, LC_CTYPE) is put back: the command sees what the test began with.
_SETUP = """
import json, os, signal, subprocess, sys
wish = json.loads(sys.argv[1])
environment = dict(entry.split(b"=", 1) for entry in open("/proc/self/environ", "rb").read().split(b"\\0") if entry)
subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "secretsync-test", "/run"], check=True)
os.mkdir("/run/secrets", 0o755)
for name in os.listdir(wish["secrets"]):
    with open(os.path.join(wish["secrets"], name), "rb") as source, open("/run/secrets/" + name, "wb") as target:
        target.write(source.read())
for number in (signal.SIGPIPE, signal.SIGXFSZ):
    signal.signal(number, signal.SIG_IGN if number in wish["ignored"] else signal.SIG_DFL)
os.umask(wish["umask"])
if wish["nice"]:
    os.nice(wish["nice"])
for number in wish["closed"]:
    os.close(number)
os.execvpe(sys.argv[2], sys.argv[2:], environment)
"""


@dataclass(frozen=True, slots=True)
class State:
    """The state of a started process that it must hand on unchanged."""

    umask: int = 0o022
    nice: int = 0
    closed: tuple[int, ...] = ()  # of its standard descriptors
    open: tuple[int, ...] = ()  # descriptors that it inherits beside those
    ignored: tuple[int, ...] = ()  # SIGPIPE or SIGXFSZ


@dataclass(frozen=True, slots=True)
class Ended:
    """The exit status of a process, and its output."""

    status: int
    stdout: bytes = field(repr=False)
    stderr: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Process1:
    """A process that is number 1 to itself."""

    outside: subprocess.Popen[bytes] = field(repr=False)

    @property
    def pid(self) -> int:
        """Its number on the outside, to send it signals: unshare itself would not pass them on."""
        children = Path(f"/proc/{self.outside.pid}/task/{self.outside.pid}/children").read_text().split()
        return int(children[0])

    @property
    def stdout(self) -> IO[bytes]:
        """Return the pipe of its output."""
        assert self.outside.stdout is not None
        return self.outside.stdout

    def finish(self) -> Ended:
        """Wait for the end and return the result."""
        stdout, stderr = self.outside.communicate(timeout=HANG)
        assert_clean(stderr, "stderr")
        return Ended(self.outside.returncode, stdout, stderr)

    def kill(self) -> None:
        """End it surely."""
        with contextlib.suppress(ProcessLookupError):
            self.outside.kill()
        self.outside.communicate()


def need_namespaces() -> str:
    """Return the path of `unshare`; the test is skipped where it may not make namespaces."""
    unshare = needs_tool("unshare")
    probe = [unshare, "--mount", "--pid", "--fork", "--mount-proc", "mount", "-t", "tmpfs", "probe", "/run"]
    done = subprocess.run(probe, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    needs(done.returncode == 0, "the right to make process namespaces")
    return unshare


def start_secretsync(
    arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], secrets: Path, state: State | None = None
) -> Process1:
    """`secretsync ARGUMENTS` as process 1, with exactly `env`, and the files of `secrets` in its /run/secrets."""
    state = state or State()
    wish = {
        "secrets": str(secrets),
        "umask": state.umask,
        "nice": state.nice,
        "closed": state.closed,
        "ignored": state.ignored,
    }
    setup = [sys.executable, "-I", "-S", "-c", _SETUP, json.dumps(wish)]
    unshare = [need_namespaces(), "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
    return Process1(
        subprocess.Popen(
            [*unshare, *setup, *secretsync_argv(arguments)],
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=state.open,
        )
    )


def environment_of(*entries: str) -> dict[str, str]:
    """PATH and `NAME=value` entries: enough to begin with."""
    return {"PATH": os.environ["PATH"]} | dict(entry.split("=", 1) for entry in entries)


def read_fields(text: str) -> dict[str, str]:
    """Return the lines `NAME: VALUE` of a file in /proc, as a dictionary."""
    lines = (line.partition(":") for line in text.split("\n"))
    return {name: value.strip() for name, _, value in lines if value}
