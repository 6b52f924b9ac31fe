"""`run --supervise`: the supervisor forwards signals, reaps processes, and ends as the application ends."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.support.amounts import AMOUNTS
from tests.support.limits import HANG
from tests.support.pid1 import need_namespaces
from tests.support.processes import clean_environment, run_secretsync, secretsync_argv, signal_mask
from tests.support.projects import MakeProject, Project
from tests.support.supervised import (
    ACKNOWLEDGE,
    FORWARDED,
    PLACES,
    PYTHON,
    Supervised,
    name_of,
    state_of,
    supervised,
    wait_until,
)
from tests.support.tools import needs, needs_tool

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux, which is not here")

Start = Callable[..., AbstractContextManager[Supervised]]

# Ends only by a second signal or by SIGKILL.
STUBBORN = """
import os, signal
taken = {signal.SIGTERM, signal.SIGINT}
signal.pthread_sigmask(signal.SIG_BLOCK, taken)
os.write(1, b"%d ready\\n" % os.getpid())
while True:
    os.write(1, b"%d\\n" % signal.sigwait(taken))
"""


@pytest.fixture
def app(project: MakeProject) -> Project:
    """Return a project with one setting."""
    return project({"env/test/common.env": "A=1\n"})


@pytest.fixture(params=PLACES)
def start(request: pytest.FixtureRequest) -> Start:
    """Return the function that starts a supervisor in one kind of place."""
    if "process 1" in request.param:
        need_namespaces()
    found: Start = PLACES[request.param]
    return found


def without_end(process: Supervised) -> list[int]:
    """Return the signals that are forwarded and do not ask the application to end."""
    ending = {signal.SIGTERM, signal.SIGINT}
    of_tini = {signal.SIGABRT, signal.SIGTRAP, signal.SIGSYS} if process.is_child_of_tini else set()
    return [number for number in FORWARDED if number not in ending | of_tini]


def is_process(number: int) -> bool:
    """Return True if there is such a process, also if it is a zombie."""
    return Path(f"/proc/{number}").exists()


@pytest.mark.parametrize(
    ("program", "status"),
    [("exit 0", 0), ("exit 1", 1), ("exit 255", 255), ("kill -TERM $$", 143), ("kill -9 $$", 137)],
)
def test_the_status_is_that_of_the_application(app: Project, start: Start, program: str, status: int) -> None:
    """The supervisor ends with the exit status of the application, or with 128 and its signal."""
    with start(app, program=["sh", "-c", program]) as process:
        assert process.status() == status


@pytest.mark.parametrize(
    ("program", "status", "message"), [("no-such-program", 127, "no folder in PATH has it"), ("/etc", 126, "x bit")]
)
def test_a_command_that_cannot_start(app: Project, program: str, status: int, message: str) -> None:
    """The supervisor ends with the status of `run` if the application does not start. The message is printed once."""
    with supervised(app, program=[program]) as process:
        assert process.status() == status
        assert process.stderr().count(message) == 1


def test_a_failure_to_resolve_is_the_status(project: MakeProject) -> None:
    """A missing secret ends the supervisor with status 3."""
    made = project({"env/test/security.env": "A=$<env:NOT_SET>\n"})
    run = made.cli("run", "-e", "test", "--supervise", "--", "true")
    assert run.status == 3
    assert run.stderr.count("the variable NOT_SET is not set") == 1


def test_each_signal_is_forwarded(app: Project, start: Start) -> None:
    """Each signal that can be forwarded arrives once, and the application ends with its own status at SIGTERM."""
    with start(app, program=[*PYTHON, ACKNOWLEDGE]) as process:
        assert process.output.line().endswith("ready")
        for number in without_end(process):
            process.send(number)
            assert process.acknowledged() == number
        process.send(signal.SIGINT)
        assert process.acknowledged() == signal.SIGINT
    with start(app, program=[*PYTHON, ACKNOWLEDGE]) as process:
        assert process.output.line().endswith("ready")
        process.send(signal.SIGTERM)
        assert process.acknowledged() == signal.SIGTERM
        assert process.status() == 42


def test_many_signals_at_random_moments(app: Project, start: Start, pytestconfig: pytest.Config) -> None:
    """No signal is lost, doubled or exchanged if each is sent after the one before was acknowledged."""
    draw = random.Random(pytestconfig.option.hostile_seed)
    with start(app, program=[*PYTHON, ACKNOWLEDGE]) as process:
        numbers = without_end(process)
        process.output.until("ready\n")
        for _ in range(AMOUNTS[pytestconfig.option.amount].signals):
            number = draw.choice(numbers)
            for _ in range(draw.randrange(300)):
                os.sched_yield()
            process.send(number)
            assert process.acknowledged() == number
        process.send(signal.SIGTERM)
        assert process.acknowledged() == signal.SIGTERM
        assert process.status() == 42


def test_a_signal_before_the_application_starts(app: Project) -> None:
    """SIGTERM ends the start while SecretSync waits for input, and nothing is started."""
    os.mkfifo(app.root / "input.env")
    command = ["run", "--env-file", "input.env", "--timeout", "1h", "--supervise", "--", "touch", "started"]
    with subprocess.Popen(
        secretsync_argv(command), cwd=app.root, env=clean_environment(app.home), stderr=subprocess.PIPE
    ) as process:
        wait_until(lambda: Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text())
        process.terminate()
        assert process.wait(HANG) == 143
    assert not (app.root / "started").exists()


def test_signals_while_the_secrets_are_read(app: Project) -> None:
    """Each signal is forwarded during the start, also after one that does not end the start."""
    os.mkfifo(app.root / "input.env")
    with supervised(app, "--env-file", "input.env", "--timeout", "1h", program=["true"]) as process:
        wait_until(process.children)
        [child] = process.children()
        process.send(signal.SIGTSTP)
        wait_until(lambda: state_of(child) == "T")
        process.send(signal.SIGCONT)
        wait_until(lambda: state_of(child) != "T")
        process.send(signal.SIGTERM)
        assert process.status() == 143


def test_the_application_leads_a_group_of_its_own(app: Project) -> None:
    """Processes that the application started get the signals too."""
    child = f"{PYTHON[0]} -I -S -c '{ACKNOWLEDGE.replace(chr(39), chr(34))}'"
    with supervised(app, program=["sh", "-c", f"trap '' USR2; {child} & {child} & wait; wait"]) as process:
        for _ in range(2):
            process.output.until("ready\n")
        process.send(signal.SIGUSR2)
        assert {process.acknowledged(), process.acknowledged()} == {signal.SIGUSR2}


def test_orphans_are_reaped(app: Project, start: Start) -> None:
    """A process whose parent has ended becomes a child of the supervisor, and no zombie stays."""
    program = "(sleep 1000 & echo $!) ; read line < fifo"
    os.mkfifo(app.root / "fifo")
    with start(app, program=["sh", "-c", program]) as process:
        process.output.line()
        wait_until(lambda: [number for number in process_tree(process) if name_of(number) == "sleep"])
        (orphan,) = (number for number in process_tree(process) if name_of(number) == "sleep")
        os.kill(orphan, signal.SIGKILL)
        wait_until(lambda: not is_process(orphan))
        assert len(process_tree(process)) == 1
        (app.root / "fifo").write_text("end\n")
        assert process.status() == 0


def process_tree(process: Supervised) -> list[int]:
    """Return the children of the supervisor, which may have tini before it."""
    children = process.children()
    if process.is_child_of_tini:
        (supervisor,) = children
        children = list(map(int, Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()))
    return children


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_grace_period_ends_with_sigkill(app: Project, start: Start, number: signal.Signals) -> None:
    """An application that does not end is killed after the time of --grace."""
    with start(app, "--grace", "50ms", program=[*PYTHON, STUBBORN]) as process:
        process.output.until("ready\n")
        process.send(number)
        assert process.acknowledged() == number
        assert process.status() == 137


@pytest.mark.parametrize("grace", ["1h", "30d", "999999999w"])
def test_a_second_signal_ends_the_grace_period(app: Project, start: Start, grace: str) -> None:
    """SIGTERM after SIGINT or SIGTERM kills at once, however long --grace is."""
    for first in (signal.SIGINT, signal.SIGTERM):
        with start(app, "--grace", grace, program=[*PYTHON, STUBBORN]) as process:
            process.output.until("ready\n")
            process.send(first)
            assert process.acknowledged() == first
            process.send(signal.SIGTERM)
            assert process.status() == 137


def test_stop_and_continue_without_a_terminal(app: Project) -> None:
    """SIGTSTP stops the application, the supervisor stays awake, and SIGCONT continues the application."""
    program = [*PYTHON, ACKNOWLEDGE, str(int(signal.SIGTSTP))]
    with supervised(app, "--grace", "50ms", program=program) as process:
        process.output.until("ready\n")
        (number,) = process.children()
        process.send(signal.SIGTSTP)
        wait_until(lambda: state_of(number) == "T")
        process.send(signal.SIGUSR1)
        process.send(signal.SIGCONT)
        assert {process.acknowledged(), process.acknowledged()} == {signal.SIGUSR1, signal.SIGCONT}
        os.kill(number, signal.SIGSTOP)
        wait_until(lambda: state_of(number) == "T")
        process.send(signal.SIGTERM)
        assert process.status() == 137  # after the grace period, because a stopped process does not end


def test_the_kill_of_a_second_signal_is_reported(app: Project) -> None:
    """The message names the second signal and not the grace period, which is not over."""
    with supervised(app, "--grace", "1h", program=[*PYTHON, STUBBORN]) as process:
        process.output.until("ready\n")
        process.send(signal.SIGINT)
        assert process.acknowledged() == signal.SIGINT
        process.send(signal.SIGTERM)
        assert process.status() == 137
        assert process.stderr() == "secretsync: a second signal asked the command to end; SIGKILL ends it\n"


def test_the_kill_is_reported(app: Project) -> None:
    """The message names the grace period; --quiet prints nothing."""
    for quiet in ((), ("--quiet",)):
        with supervised(app, "--grace", "50ms", *quiet, program=[*PYTHON, STUBBORN]) as process:
            process.output.until("ready\n")
            process.send(signal.SIGTERM)
            assert process.status() == 137
            message = "secretsync: the command did not end within 0.05 s; SIGKILL ends it\n"
            assert process.stderr() == ("" if quiet else message)


@pytest.mark.parametrize("trap", ["", "trap '' TERM; "])
def test_nothing_is_left_behind(app: Project, trap: str) -> None:
    """The supervisor ends the processes of the group that the application left, also stubborn ones."""
    program = f"{trap}sleep 1000 & echo $!; exit 5"
    with supervised(app, "--grace", "50ms", program=["sh", "-c", program]) as process:
        left = int(process.output.line())
        assert process.status() == 5
        assert not is_process(left) or state_of(left) == "Z"


def test_an_ignored_interrupt_is_not_a_request_to_end(app: Project) -> None:
    """SIGINT starts no grace period if the parent of SecretSync ignored it, as shells do for background jobs."""
    command = ["run", "-e", "test", "--supervise", "--grace", "1h", "--", *PYTHON, ACKNOWLEDGE]
    with subprocess.Popen(
        ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *secretsync_argv(command)],
        cwd=app.root,
        env=clean_environment(app.home),
        stdout=subprocess.PIPE,
    ) as started:
        process = Supervised(started)
        process.output.until("ready\n")
        for number in (signal.SIGINT, signal.SIGINT, signal.SIGUSR1):
            process.send(number)
            assert process.acknowledged() == number
        process.send(signal.SIGTERM)
        assert process.status() == 42


def test_the_application_has_the_signals_of_the_parent(app: Project) -> None:
    """No signal is ignored or blocked in the application because of the supervisor."""
    shown = app.cli("run", "-e", "test", "--supervise", "--", needs_tool("cat"), "/proc/self/status").stdout
    masks = [line.split()[1] for line in shown.splitlines() if line.startswith(("SigIgn", "SigBlk", "SigCgt"))]
    assert list(map(signal_mask, masks)) == [0, 0, 0]


def test_the_supervisor_holds_nothing(app: Project) -> None:
    """The supervisor has only its own descriptors, its memory is hidden, and it has read no store and no env file."""
    with supervised(app, program=[*PYTHON, ACKNOWLEDGE]) as process:
        process.output.until("ready\n")
        links = [os.readlink(f"/proc/{process.pid}/fd/{number}") for number in os.listdir(f"/proc/{process.pid}/fd")]
        names = sorted(link.partition(":")[0] for link in links)
        # Standard error and the pipe of the signals; standard input and output are the null device.
        assert names == ["/dev/null", "/dev/null", "pipe", "pipe", "pipe"]
        status = Path(f"/proc/{process.pid}/status").read_text()
        assert "CoreDumping:\t0" in status
        limits = Path(f"/proc/{process.pid}/limits").read_text()
        assert next(line.split()[4] for line in limits.splitlines() if line.startswith("Max core")) == "0"


def test_the_memory_of_the_supervisor(app: Project, record_property: Callable[[str, object], None]) -> None:
    """The supervisor takes less than twice the memory of an interpreter that does nothing."""
    bare = "print(next(line for line in open('/proc/self/status') if line.startswith('VmRSS')).split()[1])"
    done = app.cli("run", "-e", "test", "--", sys.executable, "-I", "-c", bare)
    with supervised(app, program=[*PYTHON, ACKNOWLEDGE]) as process:
        process.output.until("ready\n")
        status = Path(f"/proc/{process.pid}/status").read_text()
        used = int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))
    record_property("KiB", used)
    assert used < 2 * int(done.stdout)


def test_the_supervisor_becomes_the_user_too(app: Project) -> None:
    """With --user the supervisor drops the privileges of root, without which it could not signal another user."""
    needs(os.geteuid() == 0, "root")
    limited = [needs_tool("setpriv"), "--bounding-set", "-all,+setuid,+setgid,+dac_override", "--"]
    program = ["sh", "-c", "trap 'echo got; exit 7' USR1; echo ready; while :; do sleep 1000 & wait; done"]
    with supervised(app, "--user", "65534:65534", program=program, init=limited) as process:
        assert process.output.line() == "ready"
        wait_until(lambda: identity_of(process.pid) == {"Uid": {"65534"}, "Gid": {"65534"}})
        process.send(signal.SIGUSR1)
        assert process.output.line() == "got"
        assert process.status() == 7


def identity_of(number: int) -> dict[str, set[str]]:
    """Return the real, effective, saved and file system ids of a process."""
    lines = Path(f"/proc/{number}/status").read_text().splitlines()
    return {line.partition(":")[0]: set(line.split()[1:]) for line in lines if line.startswith(("Uid:", "Gid:"))}


def test_grace_needs_supervision(app: Project) -> None:
    """--grace alone is a usage error, because it would have no effect."""
    run = run_secretsync(["run", "-e", "test", "--grace", "1s", "--", "true"], cwd=app.root, home=app.home)
    assert run.status == 2
    assert "--grace has no effect without --supervise" in run.stderr
