"""`run --mask-output`: the application's output without its secrets."""

import os
import signal
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from secretsync.core.secret import MASK
from tests.support.canary import CanaryFactory, assert_clean
from tests.support.limits import HANG
from tests.support.processes import clean_environment, secretsync_argv
from tests.support.projects import MakeProject, Project
from tests.support.supervised import PYTHON, Lines, supervised_in_terminal, wait_until
from tests.support.tools import needs

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux, which is not here")

MASKED = ("run", "-e", "test", "--mask-output", "--")


# Leaves a process that holds standard output until standard input ends.
LEAVE_PROCESS = """
import os
reader, writer = os.pipe()
if os.fork() == 0:
    os.setsid()
    os.write(writer, b"x")
    os.read(0, 1)
    os._exit(0)
os.read(reader, 1)
os.write(1, bytes(100_000) + b"end\\n")
"""


@pytest.fixture
def app(project: MakeProject, canary: CanaryFactory) -> Project:
    """Return a project with a setting, a secret, a secret of several lines and a value that holds a secret."""
    return project(
        {
            "env/test/common.env": "A=1\n",
            "env/test/security.env": "KEY=$<docker:key>\nPEM=$<docker:pem>\nURL=https://u:${KEY}@host\n",
            "providers/test.toml": '[stores.docker]\ndir = "files"\n',
            "files/key": canary(),
            "files/pem": f"{canary()}\n{canary()}\n",
        }
    )


@contextmanager
def masked(made: Project, *program: str, **more: object) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program whose output is masked, and end it."""
    piped = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
    with subprocess.Popen(  # type: ignore[call-overload]
        secretsync_argv([*MASKED, *program]),
        cwd=made.root,
        env=clean_environment(made.home),
        start_new_session=True,
        **piped,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                process.terminate()
                process.wait(HANG)


def test_both_streams_are_masked(app: Project) -> None:
    """Standard output and error show masks, also for the lines of a secret, and the status is that of the program."""
    run = app.cli(*MASKED, "sh", "-c", 'echo "$A $KEY"; echo "$PEM"; echo "error $URL" >&2; exit 3', expect=3)
    assert run.stdout == f"1 {MASK}\n{MASK}\n{MASK}\n"
    assert run.stderr == f"error {MASK}\n"


def test_encoded_secrets(app: Project) -> None:
    """The forms of the log masking are masked: base64, hexadecimal, JSON."""
    show = (
        "import os, base64, json; v = os.environb[b'KEY']; print(base64.b64encode(v), v.hex(), json.dumps(v.decode()))"
    )
    run = app.cli(*MASKED, *PYTHON, show, expect=0)
    assert_clean(run.stdout, "stdout")
    assert run.stdout.count(MASK) == 3


def test_one_file_keeps_the_order(app: Project) -> None:
    """Output and errors that go to the same pipe keep their order."""
    with masked(
        app, "sh", "-c", "for i in 1 2 3; do echo o$i; echo e$i >&2; done", stderr=subprocess.STDOUT
    ) as process:
        assert process.communicate(timeout=HANG)[0] == b"o1\ne1\no2\ne2\no3\ne3\n"


def test_binary_output(app: Project) -> None:
    """A megabyte of any bytes passes unchanged, without a line end too."""
    data = bytes(range(256)) * 4096 + b"\xff" * 100_000
    (app.root / "data").write_bytes(data)
    run = app.cli(*MASKED, "cat", "data", expect=0)
    assert run.stdout_bytes == data


def test_a_prompt_without_a_line_end(app: Project) -> None:
    """The beginning of a line is written before the line ends, because somebody may wait for it."""
    with masked(app, "sh", "-c", 'printf "Name: "; read name; echo "hello $name"') as process:
        assert process.stdin is not None
        assert process.stdout is not None
        output = Lines(process.stdout.fileno())
        output.until("^Name: ")
        process.stdin.write(b"x\n")
        process.stdin.flush()
        assert output.line() == "hello x"


def test_a_slow_reader_slows_the_program_down(app: Project) -> None:
    """The program waits if nobody reads, the process that masks does not take it all into memory, nothing is lost."""
    needs(os.geteuid() == 0, "root")  # to see the threads of the process
    show = "import os; os.write(2, b'%d\\n' % os.getpid()); [os.write(1, b'x' * 65536) for _ in range(1024)]"
    with masked(app, *PYTHON, show) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        program = int(Lines(process.stderr.fileno()).line())
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        (masking,) = {int(number) for number in children} - {program}
        wait_until(lambda: all(is_writing_output(number) for number in (program, masking)))
        status = Path(f"/proc/{masking}/status").read_text()
        assert int(next(line.split()[1] for line in status.splitlines() if line.startswith("RssAnon"))) < 32 * 1024
        assert len(process.stdout.read()) == 1024 * 65536
        assert process.wait(HANG) == 0


def is_writing_output(number: int) -> bool:
    """Return True if a thread of the process waits in a system call on standard output."""
    calls = [path.read_text().split() for path in Path(f"/proc/{number}/task").glob("*/syscall")]
    return any(call[1:2] == ["0x1"] for call in calls)


def test_nobody_reads(app: Project) -> None:
    """A program whose reader has ended gets SIGPIPE, as without a supervisor."""
    with masked(app, "yes") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(HANG) == 128 + signal.SIGPIPE


def test_a_process_that_keeps_the_pipe(app: Project) -> None:
    """The supervisor does not wait for a process of another session that holds the pipe, and no output is lost."""
    with masked(app, *PYTHON, LEAVE_PROCESS) as process:
        assert process.stdout is not None
        assert process.stdout.read() == b"\0" * 100_000 + b"end\n"
        assert process.wait(HANG) == 0


def test_a_terminal_is_not_masked(app: Project) -> None:
    """The application writes to a terminal itself, so that it stays interactive."""
    show = "import os, sys; os.write(1, b'%d %d\\n' % (sys.stdout.isatty(), sys.stderr.isatty()))"
    with supervised_in_terminal(app, "--mask-output", program=[*PYTHON, show]) as process:
        assert process.output.line() == "0 1"
        assert process.status() == 0


def test_the_message_of_a_failure(app: Project) -> None:
    """A message of SecretSync about the command is not lost."""
    run = app.cli(*MASKED, "no-such-program", expect=127)
    assert "no folder in PATH has it" in run.stderr
    script = app.root / "script"
    script.write_text("#!/no/interpreter\n")
    script.chmod(0o755)
    run = app.cli(*MASKED, "./script", expect=127)
    assert "the interpreter in its first line" in run.stderr


def test_no_secret_is_in_the_environment_of_the_supervisor(app: Project) -> None:
    """Only the application has the secrets in its environment."""
    key = app.read("files/key")
    show = "import os; e = open(f'/proc/{os.getppid()}/environ', 'rb').read(); print(os.environb[b'KEY'] in e)"
    assert b64encode(key.encode())  # the value is not empty
    assert app.cli(*MASKED, *PYTHON, show, expect=0).stdout == "False\n"
