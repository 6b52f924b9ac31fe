"""Run commands in a terminal of a given width."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.canary import assert_clean
from tests.support.limits import HANG
from tests.support.processes import secretsync_argv


def run_in_terminal(
    arguments: Sequence[str], *, columns: int, cwd: Path, env: Mapping[str, str]
) -> tuple[int, list[str]]:
    """Return the exit status of SecretSync and the lines that it writes to a terminal, stdout and stderr together."""
    return run_program_in_terminal(secretsync_argv(arguments), columns=columns, cwd=cwd, env=env)


def run_program_in_terminal(
    argv: Sequence[str], *, columns: int, cwd: Path, env: Mapping[str, str]
) -> tuple[int, list[str]]:
    """Return the exit status of a program and the lines that it writes to a terminal, stdout and stderr together."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    try:
        process = subprocess.Popen(argv, cwd=cwd, env=dict(env), stdin=theirs, stdout=theirs, stderr=theirs)
    finally:
        os.close(theirs)
    written = b""
    try:
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux: the last process has closed the terminal
                break
            if not part:
                break
            written += part
    finally:
        os.close(ours)
    status = process.wait(HANG)
    assert_clean(written, f"the terminal of: {' '.join(argv)}")
    return status, written.decode().replace("\r\n", "\n").split("\n")


def answer_in_terminal(
    arguments: Sequence[str], answers: Sequence[tuple[str, str]], *, cwd: Path, env: Mapping[str, str]
) -> tuple[int, str]:
    """Return the exit status of SecretSync in a terminal, and all that the terminal shows.

    `answers`: prompts and what is typed at each; Ctrl-D is the end of the input.
    """
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            secretsync_argv(arguments),
            cwd=cwd,
            env=dict(env),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
    finally:
        os.close(theirs)
    shown, seen = b"", 0
    waiting = list(answers)
    try:
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux: the last process has closed the terminal
                break
            shown += part
            if waiting and (at := shown.find(waiting[0][0].encode(), seen)) >= 0:
                seen = at + len(waiting[0][0])
                os.write(ours, waiting.pop(0)[1].encode())
            if not part:
                break
    finally:
        os.close(ours)
    status = process.wait(HANG)
    assert not waiting, f"no such prompt: {waiting[0][0]}"
    assert_clean(shown, f"the terminal of: {' '.join(arguments)}")
    return status, shown.decode().replace("\r\n", "\n")


def without_colours(line: str) -> str:
    """Return a line without the escape sequences of colours."""
    return re.sub(r"\x1b\[[0-9]+m", "", line)
