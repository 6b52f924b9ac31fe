"""`run --supervise` in a terminal: the application is the foreground process group, and a shell can stop it."""

import fcntl
import os
import signal
import struct
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.support.pid1 import need_namespaces
from tests.support.processes import secretsync_argv
from tests.support.projects import MakeProject, Project
from tests.support.supervised import (
    ACKNOWLEDGE,
    PLACES,
    PYTHON,
    Shell,
    Supervised,
    command_of,
    name_of,
    state_of,
    wait_until,
)
from tests.support.tools import needs_tool

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux, which is not here")

Start = Callable[..., AbstractContextManager[Supervised]]

# Reads a line of the terminal, also if its standard input is another file.
READ = 'import os; os.write(1, b"started\\n"); line = open("/dev/tty").readline(); os.write(1, line.encode())'


@pytest.fixture
def app(project: MakeProject) -> Project:
    """Return a project with one setting, and the programs as files, because a shell reads their names."""
    return project(
        {"env/test/common.env": "A=1\n", "read.py": READ, "app.py": ACKNOWLEDGE, "leave.py": "print('left')\n"}
    )


@pytest.fixture
def shell(app: Project) -> Iterator[Shell]:
    """Yield an interactive shell in the project's folder."""
    made = Shell(app)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(params=["terminal", "terminal of process 1"])
def start(request: pytest.FixtureRequest) -> Start:
    """Return the function that starts a supervisor as the leader of a session with a terminal."""
    if "process 1" in request.param:
        need_namespaces()
    found: Start = PLACES[request.param]
    return found


def line_for(program: str, *options: str) -> str:
    """Return the line to type for a supervised program that writes to the named pipe."""
    python = " ".join(PYTHON[:-1])
    return " ".join(secretsync_argv(command_of(*options, program=[*python.split(), program]))) + " > fifo"


def test_the_application_is_in_the_foreground(app: Project, start: Start) -> None:
    """The application's group has the terminal, so that signals of the keyboard go to it alone, once."""
    with start(app, program=[*PYTHON, ACKNOWLEDGE]) as process:
        process.output.until("ready\n")
        (number,) = process.children()
        assert os.tcgetpgrp(process.terminal) == number == os.getpgid(number)
        for character, expected in ((b"\x03", signal.SIGINT), (b"\x1c", signal.SIGQUIT)):
            os.write(process.terminal, character)
            assert process.acknowledged() == expected
        fcntl.ioctl(process.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 100, 0, 0))
        assert process.acknowledged() == signal.SIGWINCH
        process.send(signal.SIGUSR1)
        assert process.acknowledged() == signal.SIGUSR1
        # SIGINT went past the supervisor, so that this is the first request to end, and the application decides.
        process.send(signal.SIGTERM)
        assert process.acknowledged() == signal.SIGTERM
        assert process.status() == 42


def test_a_stop_without_a_shell_is_undone(app: Project, start: Start) -> None:
    """Ctrl-Z continues the application if no shell could do that, as the kernel ignores it for a single process."""
    with start(app, program=[*PYTHON, ACKNOWLEDGE, str(int(signal.SIGTSTP))]) as process:
        process.output.until("ready\n")
        os.write(process.terminal, b"\x1a")
        assert process.acknowledged() == signal.SIGCONT
        process.send(signal.SIGUSR1)
        assert process.acknowledged() == signal.SIGUSR1


def test_the_terminal_goes_away(app: Project, start: Start) -> None:
    """A terminal that hangs up sends SIGHUP to the application."""
    with start(app, program=[*PYTHON, ACKNOWLEDGE]) as process:
        process.output.until("ready\n")
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, process.terminal)  # closes the other side
        os.close(null)
        process.output.until(r"\b(1|18)\n")
        process.send(signal.SIGTERM)
        process.output.until(r"\b15\n")
        assert process.status() == 42


def test_job_control(shell: Shell) -> None:
    """Ctrl-Z stops supervisor and application, `fg` and `bg` continue both, and Ctrl-C reaches the application."""
    shell.type(f"{line_for('app.py')}")
    bash = shell.process.pid
    # The application takes SIGTSTP itself at first.
    number = int(shell.application.until(r"(\d+) ready\n")[1])
    shell.type("\x1a")
    assert shell.application.line() == str(int(signal.SIGTSTP))
    os.kill(number, signal.SIGSTOP)
    shell.screen.until("Stopped")
    shell.prompt()
    assert state_of(number) == "T"
    assert shell.foreground() == bash
    shell.type("fg")
    assert shell.application.line() == str(int(signal.SIGCONT))
    assert shell.foreground() == number
    shell.type("\x03")
    assert shell.application.line() == str(int(signal.SIGINT))
    os.kill(number, signal.SIGTERM)
    assert shell.application.line() == str(int(signal.SIGTERM))
    shell.prompt()
    assert shell.foreground() == bash
    shell.type('echo "status=$?"')
    shell.screen.until(r"status=42")


def test_background_and_foreground(shell: Shell) -> None:
    """`bg` leaves the terminal to the shell, and `fg` of a running job gives it to the application at the next key."""
    shell.type(f"{line_for('app.py')}".replace("app.py", f"app.py {int(signal.SIGTSTP)}"))
    number = int(shell.application.until(r"(\d+) ready\n")[1])
    shell.type("\x1a")
    shell.screen.until("Stopped")
    shell.prompt()
    assert state_of(number) == "T"
    shell.type("bg")
    assert shell.application.line() == str(int(signal.SIGCONT))
    shell.prompt()
    assert shell.foreground() == shell.process.pid
    shell.type("fg")
    shell.screen.until(r"\n")
    shell.screen.until("secretsync")
    wait_until(lambda: shell.foreground() != shell.process.pid)
    shell.type("\x03")
    assert shell.application.line() == str(int(signal.SIGINT))
    assert shell.foreground() == number
    os.kill(number, signal.SIGTERM)
    assert shell.application.line() == str(int(signal.SIGTERM))
    shell.prompt()


def test_reading_from_the_background(shell: Shell) -> None:
    """An application in the background that reads the terminal is stopped, and reads after `fg`."""
    shell.type(f"set -b; {line_for('read.py')} < /dev/null &")
    assert shell.application.line() == "started"
    shell.screen.until("Stopped")
    shell.type("fg")
    wait_until(lambda: shell.foreground() != shell.process.pid)
    shell.type("some text")
    assert shell.application.line() == "some text"
    shell.prompt()
    shell.type('echo "status=$?"')
    shell.screen.until(r"status=0")


def test_a_script_gets_the_terminal_back(shell: Shell) -> None:
    """A script without job control can read the terminal after the supervisor, and Ctrl-Z stops the script too."""
    command = line_for("leave.py")
    shell.type(f"sh -c '{command}; read line < /dev/tty; echo \"got=$line\"'")
    assert shell.application.line() == "left"
    shell.type("more")
    shell.screen.until("got=more")
    shell.prompt()
    command = line_for("app.py").replace("app.py", f"app.py {int(signal.SIGTSTP)}")
    shell.type(f"sh -c '{command}; echo after'")
    number = int(shell.application.until(r"(\d+) ready\n")[1])
    shell.type("\x1a")
    shell.screen.until("Stopped")
    shell.prompt()
    shell.type("fg")
    assert shell.application.line() == str(int(signal.SIGCONT))
    os.kill(number, signal.SIGTERM)
    shell.screen.until("after")
    shell.prompt()


def test_a_shell_under_supervision(shell: Shell) -> None:
    """An interactive shell has its own job control as a supervised application, and can stop itself."""
    outer = shell.process.pid
    bash = [needs_tool("bash"), "--norc", "--noprofile", "-i"]
    shell.type(" ".join(secretsync_argv(command_of(program=bash))))
    shell.prompt()
    inner = shell.foreground()
    assert inner != outer
    shell.type("sleep 1000")
    # Before its exec the process still ignores SIGTSTP, as the shell does.
    wait_until(lambda: shell.foreground() != inner and name_of(shell.foreground()) == "sleep")
    shell.type("\x1a")
    shell.screen.until("Stopped")
    shell.prompt()
    assert shell.foreground() == inner
    shell.type("kill -KILL %1; wait; suspend")
    shell.screen.until(r"Stopped.*secretsync")
    shell.prompt()
    assert shell.foreground() == outer
    shell.type("fg")
    shell.screen.until("secretsync")
    wait_until(lambda: shell.foreground() == inner)
    shell.type("exit 9")
    shell.prompt()
    shell.type('echo "status=$?"')
    shell.screen.until("status=9")
    assert shell.foreground() == outer
