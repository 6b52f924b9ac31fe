"""`run` as process 1: it becomes the application and leaves no trace of itself."""

import contextlib
import json
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from secretsync.core.errors import OutputError
from secretsync.running.environment import refuse_too_large
from tests.support.canary import make_canary
from tests.support.limits import HANG
from tests.support.pid1 import (
    Ended,
    Process1,
    State,
    environment_of,
    need_namespaces,
    read_fields,
    start_secretsync,
)
from tests.support.processes import clean_environment, secretsync_argv, signal_mask
from tests.support.projects import MakeProject, Project

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux, which is not here")

RUN = ("run", "-e", "production", "--")

Start = Callable[..., Process1]
Run = Callable[..., Ended]


@pytest.fixture
def secret() -> str:
    """Return the content of /run/secrets/db_password."""
    return make_canary(after=" $<X> ${HOME} ü")


@pytest.fixture
def app(project: MakeProject, tmp_path: Path, secret: str) -> Project:
    """Return a project with one secret file, one setting and one variable taken from the environment."""
    need_namespaces()
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "db_password").write_text(f"{secret}\n")
    return project(
        {
            "env/production/common.env": "LOG_LEVEL=INFO\n",
            "env/production/security.env": "DB_PASSWORD=$<docker:db_password>\nREGION=$<env:HERE:-nowhere>\n",
        }
    )


@pytest.fixture
def start(app: Project, tmp_path: Path) -> Iterator[Start]:
    """`start(*command, arguments=..., env=..., state=...)` begins `run` as process 1."""
    started: list[Process1] = []

    def begin(
        *command: str, arguments: Sequence[str] = RUN, env: dict[str, str] | None = None, state: State | None = None
    ) -> Process1:
        process = start_secretsync(
            [*arguments, *command],
            cwd=app.root,
            env=environment_of() if env is None else env,
            secrets=tmp_path / "secrets",
            state=state,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()


@pytest.fixture
def run(start: Start) -> Run:
    """`run(*command, ...)` is how that ended."""

    def to_the_end(*command: str, status: int | None = 0, **options: object) -> Ended:
        ended = start(*command, **options).finish()
        assert status is None or ended.status == status, ended.stderr.decode()
        return ended

    return to_the_end


def wait_for(process: Process1, text: bytes) -> None:
    """Return once the process has written `text`; fail after a while."""
    seen = b""
    descriptor = process.stdout.fileno()
    while text not in seen:
        assert select.select([descriptor], [], [], HANG)[0], f"{text!r} did not come, but {seen!r}"
        piece = os.read(descriptor, 4096)
        assert piece, f"the end came before {text!r}, after {seen!r}"
        seen += piece


def read_status(ended: Ended) -> dict[str, str]:
    """/proc/self/status as a dictionary."""
    return read_fields(ended.stdout.decode())


def test_application_is_process_1(run: Run) -> None:
    """The number was ours, and no other process is there."""
    code = "import os; print(os.getpid(), os.getppid(), sorted(int(n) for n in os.listdir('/proc') if n.isdigit()))"
    assert run(sys.executable, "-I", "-c", code).stdout == b"1 0 [1]\n"


def test_command_line_is_the_applications(run: Run) -> None:
    """Nothing in it is ours."""
    assert run("cat", "/proc/1/cmdline").stdout == b"cat\0/proc/1/cmdline\0"


@pytest.mark.parametrize("status", [0, 1, 42, 255])
def test_exit_status_is_the_applications(run: Run, status: int) -> None:
    """The exit status of the application is passed on unchanged."""
    run("sh", "-c", f"exit {status}", status=status)


def test_signals_reach_the_application(start: Start) -> None:
    """Each signal that a supervisor sends, once the application has a handler for it."""
    names = ("SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGQUIT", "SIGWINCH", "SIGTERM")
    code = f"""
import os, signal, sys
def tell(number, frame):  # os.write: print may not be entered a second time
    os.write(1, signal.Signals(number).name.encode() + b"\\n")
    if number == signal.SIGTERM:
        sys.exit(7)
for name in {names}:
    signal.signal(signal.Signals[name], tell)
os.write(1, b"ready\\n")
while True:
    signal.pause()
"""
    process = start(sys.executable, "-I", "-c", code)
    wait_for(process, b"ready\n")
    for name in names:
        os.kill(process.pid, signal.Signals[name])
        wait_for(process, f"{name}\n".encode())
    assert process.finish().status == 7


def test_environment_is_what_was_inherited_and_resolved(run: Run, secret: str) -> None:
    """The environment has the inherited and resolved bytes, the handover's names, and its random key."""
    inherited = environment_of("HERE=north", "EMPTY=", "ODD=a=b=c", "LOG_LEVEL=DEBUG", "LATIN=\udce9")
    ended = run("cat", "/proc/self/environ", env=inherited)
    found = dict(entry.split(b"=", 1) for entry in ended.stdout.split(b"\0") if entry)
    told = found.pop(b"SECRETSYNC_RESOLVED")
    assert b"DB_PASSWORD" in told
    assert secret.encode() not in told
    assert len(found.pop(b"SECRETSYNC_RESOLVED_KEY")) == 64
    expected = inherited | {"LOG_LEVEL": "INFO", "DB_PASSWORD": secret, "REGION": "north"}
    assert found == {name.encode(): os.fsencode(value) for name, value in expected.items()}


@pytest.mark.parametrize("entries", [[], ["LANG=C"], ["LC_ALL=C"], ["LC_CTYPE=C"], ["LC_CTYPE=POSIX", "LANG=de_DE"]])
def test_language_is_what_was_inherited(run: Run, entries: list[str]) -> None:
    """Python puts LC_CTYPE into its own environment where the language is C, and over one that says C."""
    ended = run("cat", "/proc/self/environ", env=environment_of(*entries))
    found = {entry.decode() for entry in ended.stdout.split(b"\0") if entry.startswith((b"LANG=", b"LC_"))}
    assert found == set(entries)


def test_clean_keeps_the_basics_alone(run: Run) -> None:
    """`--clean` keeps basic variables and those of --pass-env."""
    inherited = environment_of("HOME=/h", "TZ=UTC", "LC_TIME=C", "OTHER=1", "APP_A=2", "APP_B=3", "KEPT=4")
    arguments = ("run", "-e", "production", "--clean", "--pass-env", "APP_*", "--pass-env", "KEPT", "--")
    ended = run("cat", "/proc/self/environ", arguments=arguments, env=inherited)
    names = {entry.partition(b"=")[0].decode() for entry in ended.stdout.split(b"\0") if entry}
    basics = {"PATH", "HOME", "TZ", "LC_TIME"}
    own = {"SECRETSYNC_RESOLVED", "SECRETSYNC_RESOLVED_KEY"}
    assert names == basics | own | {"APP_A", "APP_B", "KEPT", "LOG_LEVEL", "DB_PASSWORD", "REGION"}


def test_signals_are_as_in_a_fresh_process(run: Run) -> None:
    """Nothing ignored, nothing blocked, nothing caught."""
    status = read_status(run("cat", "/proc/self/status"))
    assert {name: signal_mask(status[name]) for name in ("SigIgn", "SigBlk", "SigCgt", "SigPnd")} == {
        "SigIgn": 0,
        "SigBlk": 0,
        "SigCgt": 0,
        "SigPnd": 0,
    }


def test_no_descriptor_is_handed_over(run: Run) -> None:
    """No descriptor above 2 is handed over, including inherited ones."""
    reading, writing = os.pipe()
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, reading)
        stack.callback(os.close, writing)
        ended = run("ls", "/proc/self/fd", state=State(open=(reading, writing)))
    # 3 is the folder that ls itself reads.
    assert ended.stdout.split() == [b"0", b"1", b"2", b"3"]


@pytest.mark.parametrize(
    ("variables", "handed_over"),
    [
        ("LISTEN_FDS=2 LISTEN_PID=$$", "34"),
        ("LISTEN_FDS=1 LISTEN_PID=$$", "3"),
        ("LISTEN_FDS=2 LISTEN_PID=1", ""),
        ("LISTEN_FDS=2", ""),
        ("LISTEN_FDS=x LISTEN_PID=$$", ""),
    ],
)
def test_sockets_of_systemd_are_handed_over(project: MakeProject, variables: str, handed_over: str) -> None:
    """The descriptors of LISTEN_FDS reach the program if LISTEN_PID is this process."""
    made = project({"env/test/common.env": "A=1\n", "3": "3", "4": "4", "5": "5"})
    opened = f'exec env {variables} "$@" 3<3 4<4 5<5'
    program = ["sh", "-c", "for number in 3 4 5; do cat <&$number; done 2>/dev/null; :"]
    argv = ["sh", "-c", opened, "sh", *secretsync_argv(["run", "-e", "test", "--", *program])]
    ended = subprocess.run(
        argv, cwd=made.root, env=clean_environment(made.home), capture_output=True, text=True, check=False, timeout=HANG
    )
    assert (ended.returncode, ended.stdout) == (0, handed_over), ended.stderr


def test_closed_stdin_stays_closed(run: Run) -> None:
    """A closed stdin is not replaced by a file that SecretSync opens."""
    ended = run("ls", "-l", "/proc/self/fd", state=State(closed=(0,)))
    # The folder that ls reads takes the free number.
    (first,) = [line for line in ended.stdout.decode().split("\n") if " 0 -> " in line]
    assert first.endswith("/fd")


def test_place_in_the_system_is_unchanged(run: Run, app: Project) -> None:
    """umask, niceness, limits, working directory, session and group of processes."""
    ours = Path("/proc/self/limits").read_text()
    state = State(umask=0o027, nice=5)
    assert read_status(run("cat", "/proc/self/status", state=state))["Umask"] == "0027"
    assert run("nice", state=state).stdout == f"{5 + os.nice(0)}\n".encode()
    assert run("cat", "/proc/self/limits").stdout.decode() == ours
    assert run("pwd", "-P").stdout.decode() == f"{app.root.resolve()}\n"
    assert run("cat", "/proc/self/oom_score_adj").stdout.decode() == Path("/proc/self/oom_score_adj").read_text()


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("no-such-program", 127),
        ("./no-such-program", 127),
        ("./text", 126),
        ("./broken", 126),
        ("/usr", 126),
        ("", 2),
    ],
)
def test_command_that_cannot_be_run(run: Run, app: Project, command: str, status: int) -> None:
    """127 where there is none, 126 where it is no program, 2 where it is empty; the message names it."""
    app.write("text", "just text\n", mode=0o644)
    app.write("broken", b"\x7fELF nothing more", mode=0o755)
    ended = run(command, status=status)
    assert command.encode() in ended.stderr
    assert ended.stdout == b""


def test_no_command_is_a_usage_error(run: Run) -> None:
    """Before anything is asked."""
    assert b"--" in run(status=2).stderr


def test_variable_that_is_too_large_is_refused_before_exec(run: Run, app: Project) -> None:
    """A variable of 131,072 bytes is refused before exec; one byte less is accepted."""
    for size, status in ((131_071, 0), (131_072, 6)):
        app.write("env/production/common.env", f"BIG={'x' * (size - len('BIG='))}\n")
        ended = run("true", status=status)
        assert (b"BIG" in ended.stderr) == (status == 6)
    assert b"keep it in a file, and set the path of the file" in ended.stderr
    app.write("env/production/common.env", "")
    app.write("env/production/security.env", f"BIG_KEY={'x' * 131_072}$<env:PATH>\n")
    assert (
        b"BIG_KEY: KEY=value is over 131071 bytes, the most for one variable; pass it in a file: --files DIR"
        in run("true", status=6).stderr
    )


def test_environment_that_is_too_large_is_refused(run: Run, app: Project) -> None:
    """All of it together: the kernel's limit, with no application started; the message names the largest."""
    sizes = {f"BIG_{number:02}": 100_000 - number for number in range(40)}
    app.write("env/production/common.env", "".join(f"{name}={'x' * size}\n" for name, size in sizes.items()))
    ended = run("echo", "started", status=6)
    assert ended.stdout == b""
    assert b": BIG_00, BIG_01, BIG_02, BIG_03, BIG_04\n" in ended.stderr
    assert b"BIG_05" not in ended.stderr


def test_environment_just_below_the_limit_is_handed_over(tmp_path: Path) -> None:
    """The kernel takes each environment that is let through, and none that leaves room for one page more is refused."""
    program = shutil.which("true")
    assert program
    names = [b"BIG_%02d" % number for number in range(80)]
    largest = None
    for rest in range(0, 131_000, 1_000):
        environment = dict.fromkeys(names[: _filled()], b"x" * 100_000) | {b"REST": b"x" * rest}
        try:
            refuse_too_large(program, [program], environment)
        except OutputError:
            break
        largest = environment
    assert largest
    subprocess.run([program], env=largest, cwd=tmp_path, check=True)
    with pytest.raises(OSError, match="too long"):
        subprocess.run([program], env=largest | {b"MORE": b"x" * 5_000}, cwd=tmp_path, check=True)


def _filled() -> int:
    """Return how many variables of 100,000 bytes surely fit."""
    soft = resource.getrlimit(resource.RLIMIT_STACK)[0]
    limit = 6 * 1024 * 1024 if soft == resource.RLIM_INFINITY else min(max(soft // 4, 131_072), 6 * 1024 * 1024)
    return (limit - 2_000) // 100_020


def test_arguments_arrive_unchanged(run: Run) -> None:
    """No shell is involved, and what is behind the first -- is not ours."""
    arguments = ["--", "-e", "--help", "a b", "$(id)", "$HOME", "'", '"', "", "*", "ü", "--output=x"]
    code = "import json, sys; print(json.dumps(sys.argv[1:]))"
    ended = run(sys.executable, "-I", "-c", code, *arguments)
    assert json.loads(ended.stdout) == arguments


def test_command_is_found_on_the_path_that_we_were_given(run: Run, app: Project) -> None:
    """The command is looked up in the inherited PATH; the application gets the configured one."""
    app.write("bin/tool", '#!/bin/sh\nexec /bin/echo "$PATH"\n', mode=0o755)
    app.write("env/production/common.env", "PATH=/nowhere\n")
    env = environment_of() | {"PATH": f"{app.root}/bin:{os.environ['PATH']}"}
    assert run("tool", env=env).stdout == b"/nowhere\n"


def test_nothing_of_ours_is_in_the_applications_output(run: Run) -> None:
    """Standard output belongs to the application from the first byte."""
    ended = run("echo", "hello")
    assert ended.stdout == b"hello\n"
    assert ended.stderr == b""


def test_application_never_starts_when_a_secret_is_missing(run: Run, app: Project) -> None:
    """Status 3, and no trace of the application."""
    app.write("env/production/app.env", "OTHER=$<docker:not_there>\n")
    ended = run("touch", "started", status=3)
    assert b"not_there" in ended.stderr
    assert not (app.root / "started").exists()


def test_hostile_python_variables_reach_the_application_unchanged(run: Run, app: Project) -> None:
    """PYTHON* variables run no code in SecretSync and reach the application unchanged."""
    app.write("evil/sitecustomize.py", "print('evil')\n")
    app.write("evil/secretsync/__init__.py", "print('evil')\n")
    hostile = {
        "PYTHONPATH": str(app.root / "evil"),
        "PYTHONSTARTUP": str(app.root / "evil/sitecustomize.py"),
        "PYTHONHOME": str(app.root / "evil"),
        "PYTHONWARNINGS": "error",
    }
    ended = run("env", "-0", env=environment_of() | hostile)
    assert b"evil\n" not in ended.stdout
    found = dict(entry.split(b"=", 1) for entry in ended.stdout.split(b"\0") if entry)
    assert {name: found[name.encode()].decode() for name in hostile} == hostile


def test_works_without_home_and_temporary_folder(run: Run) -> None:
    """A container may have neither."""
    assert run("echo", "hello", env=environment_of("TMPDIR=/nowhere", "HOME=/nowhere")).stdout == b"hello\n"
    assert run("echo", "hello").stdout == b"hello\n"
