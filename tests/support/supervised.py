"""Start `run --supervise` with an application that acknowledges each signal, in each kind of place."""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.limits import HANG
from tests.support.pid1 import Process1, need_namespaces, start_secretsync
from tests.support.processes import clean_environment, secretsync_argv
from tests.support.projects import Project
from tests.support.tools import needs_tool

PYTHON = [sys.executable, "-I", "-S", "-c"]

# Those that the application below acknowledges. The rest ends or stops it, or is for its own errors.
_OTHERS = {
    *(signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL),
    *(signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTTIN, signal.SIGTTOU, signal.SIGCHLD),
}
FORWARDED = sorted(signal.valid_signals() - _OTHERS)

# Writes its number and "ready", then the number of each signal, and ends with 42 at SIGTERM.
ACKNOWLEDGE = f"""
import os, signal, sys
taken = signal.valid_signals() - {{{", ".join(str(int(number)) for number in sorted(_OTHERS))}}}
taken -= set(map(int, sys.argv[1:]))
signal.pthread_sigmask(signal.SIG_BLOCK, taken)
os.write(1, b"%d ready\\n" % os.getpid())
while True:
    number = signal.sigwait(taken)
    os.write(1, b"%d\\n" % number)
    if number == signal.SIGTERM:
        sys.exit(42)
"""

# Makes standard input the controlling terminal of its session, then becomes the command.
_TAKE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)


class Lines:
    """The lines that arrive at a descriptor."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._read = b""

    def until(self, pattern: str) -> re.Match[str]:
        """Wait until the text since the last call has `pattern`, and return the match."""
        while not (found := re.search(pattern, self._read.decode("utf-8", "replace"))):
            assert select.select([self.descriptor], [], [], HANG)[0], f"no {pattern!r} in {self._read!r}"
            data = os.read(self.descriptor, 65536)
            assert data, f"no {pattern!r} in {self._read!r}"
            self._read += data
        self._read = self._read[len(found.string[: found.end()].encode()) :]
        return found

    def line(self) -> str:
        """Return the next line."""
        return self.until(r"(?s)(.*?)\r?\n")[1]


class Supervised:
    """A running supervisor, with an application that writes lines."""

    def __init__(self, process: subprocess.Popen[bytes], *, inside: Process1 | None = None, terminal: int = -1) -> None:
        """`inside`: the supervisor, if `process` is another one. `terminal`: the other side of its terminal."""
        assert process.stdout is not None
        self.process = process
        self.terminal = terminal
        self._inside = inside
        self.output = Lines(process.stdout.fileno())

    @property
    def pid(self) -> int:
        """Return the process id of the supervisor."""
        return self.process.pid if self._inside is None else self._inside.pid

    @property
    def is_child_of_tini(self) -> bool:
        """Return True if signals go to tini, which does not forward all of them."""
        return Path(str(self.process.args[0])).name == "tini"  # type: ignore[index]

    def send(self, number: int) -> None:
        """Send a signal to the supervisor."""
        os.kill(self.pid, number)

    def acknowledged(self) -> int:
        """Return the signal that the application acknowledges next."""
        return int(self.output.line())

    def children(self) -> list[int]:
        """Return the children of the supervisor, also those that nobody has waited for."""
        return [int(text) for text in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def status(self) -> int:
        """Return the exit status, after the end."""
        return self.process.wait(HANG)

    def stderr(self) -> str:
        """Return what was written to stderr, after the end."""
        assert self.process.stderr is not None
        return self.process.stderr.read().decode()


def command_of(*options: str, program: Sequence[str]) -> tuple[str, ...]:
    """Return the arguments of SecretSync."""
    return ("run", "-e", "test", "--supervise", *options, "--", *program)


@contextmanager
def supervised(made: Project, *options: str, program: Sequence[str], init: Sequence[str] = ()) -> Iterator[Supervised]:
    """Start the supervisor without a terminal. `init`: the command line of a parent process of the supervisor."""
    with subprocess.Popen(
        [*init, *secretsync_argv(command_of(*options, program=program))],
        cwd=made.root,
        env=clean_environment(made.home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        yield from _end(process, Supervised(process))


@contextmanager
def supervised_in_terminal(made: Project, *options: str, program: Sequence[str]) -> Iterator[Supervised]:
    """Start the supervisor as the leader of a session with a terminal. Only standard output is a pipe."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*PYTHON, _TAKE_TERMINAL, *secretsync_argv(command_of(*options, program=program))],
        cwd=made.root,
        env=clean_environment(made.home),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        try:
            yield from _end(process, Supervised(process, terminal=ours))
        finally:
            os.close(ours)


@contextmanager
def supervised_in_terminal_as_process1(made: Project, *options: str, program: Sequence[str]) -> Iterator[Supervised]:
    """Start the supervisor as process 1 that leads a session with a terminal, as `docker run -it` does."""
    ours, theirs = pty.openpty()
    unshare = [need_namespaces(), "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "--"]
    with subprocess.Popen(
        [*unshare, needs_tool("setsid"), "--ctty", *secretsync_argv(command_of(*options, program=program))],
        cwd=made.root,
        env=clean_environment(made.home),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        try:
            yield from _end(process, Supervised(process, inside=Process1(process), terminal=ours))
        finally:
            os.close(ours)


@contextmanager
def supervised_as_process1(made: Project, *options: str, program: Sequence[str]) -> Iterator[Supervised]:
    """Start the supervisor as process 1 of a namespace."""
    one: Process1 = start_secretsync(
        command_of(*options, program=program), cwd=made.root, env=clean_environment(made.home), secrets=made.home
    )
    with one.outside as process:
        yield from _end(process, Supervised(process, inside=one))


@contextmanager
def supervised_by_tini(made: Project, *options: str, program: Sequence[str]) -> Iterator[Supervised]:
    """Start the supervisor as the child of tini. Signals are sent to tini."""
    with supervised(made, *options, program=program, init=[needs_tool("tini"), "-s", "--"]) as process:
        yield process


PLACES = {
    "plain": supervised,
    "terminal": supervised_in_terminal,
    "process 1": supervised_as_process1,
    "terminal of process 1": supervised_in_terminal_as_process1,
    "tini": supervised_by_tini,
}


def _end(process: subprocess.Popen[bytes], found: Supervised) -> Iterator[Supervised]:
    try:
        yield found
    finally:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError, IndexError):
                found.send(signal.SIGTERM)
                found.send(signal.SIGTERM)  # The second one kills the application.
        try:
            process.wait(HANG)
        finally:
            process.kill()


class Shell:
    """An interactive shell with job control in a terminal."""

    def __init__(self, made: Project) -> None:
        self.terminal, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 200, 0, 0))
        self.fifo = made.root / "fifo"
        os.mkfifo(self.fifo)
        # Open for both, so that neither side waits for the other, and the end of a writer is not an end of file.
        self.application = Lines(os.open(self.fifo, os.O_RDWR))
        self.screen = Lines(self.terminal)
        self.process = subprocess.Popen(
            [*PYTHON, _TAKE_TERMINAL, needs_tool("bash"), "--norc", "--noprofile", "-i"],
            cwd=made.root,
            env={**clean_environment(made.home), "PS1": "ready$ "},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self.prompt()

    def prompt(self) -> None:
        """Wait until the shell prints its prompt."""
        self.screen.until(r"ready\$ ")

    def type(self, text: str) -> None:
        """Type a line, or a control character such as Ctrl-Z."""
        os.write(self.terminal, text.encode() + (b"" if len(text) == 1 else b"\n"))

    def foreground(self) -> int:
        """Return the foreground process group of the terminal."""
        return os.tcgetpgrp(self.terminal)

    def close(self) -> None:
        """End the shell, and with it the terminal."""
        self.process.kill()
        self.process.wait(HANG)
        os.close(self.terminal)
        os.close(self.application.descriptor)


def wait_until(condition: Callable[[], Any]) -> None:
    """Return once the condition is true."""
    end = time.monotonic() + HANG
    while not condition():
        assert time.monotonic() < end
        os.sched_yield()


def state_of(process: int) -> str:
    """Return the state of a process: T is stopped."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]


def name_of(number: int) -> str:
    """Return the name of a process."""
    return Path(f"/proc/{number}/comm").read_text().rstrip("\n")
