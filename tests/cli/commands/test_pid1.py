"""`secretsync run` as process 1 of a namespace of its own, as in a container: the application takes its place."""

import json
import os
import resource
import select
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.providers.plugin.fixtures import RequestLog
from tests.support.canary import CanaryFactory, assert_clean
from tests.support.limits import HANG
from tests.support.processes import clean_environment, secretsync_argv, signal_mask
from tests.support.projects import MakeProject, Project
from tests.support.tools import needs, needs_tool

Start = Callable[..., Any]

# What the application finds itself to be, as JSON.
PROBE = """
import json, os, resource, sys
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().split("\\n") if ":\\t" in line)
def is_open(n):
    try:
        os.fstat(n)
    except OSError:
        return False
    return True
print(json.dumps({
    "pid": os.getpid(), "parent": os.getppid(), "group": os.getpgid(0), "session": os.getsid(0),
    "cmdline": open("/proc/1/cmdline").read().split("\\0")[:-1],
    "environ": sorted(open("/proc/1/environ").read().split("\\0")[:-1]),
    "signals": {name: status[name].strip() for name in ("SigIgn", "SigBlk", "SigCgt")},
    "open": [n for n in range(256) if is_open(n)],
    "umask": status["Umask"].strip(), "cwd": os.getcwd(), "nice": os.nice(0), "uid": os.getuid(),
    "limits": [resource.getrlimit(n) for n in (resource.RLIMIT_NOFILE, resource.RLIMIT_CORE, resource.RLIMIT_STACK)],
    "oom": open("/proc/self/oom_score_adj").read().strip(), "children": open("/proc/1/task/1/children").read(),
}))
"""
# `-S -E`: as little of an interpreter as there is between exec and the look at the signals.
PYTHON = [sys.executable, "-I", "-S"]

# Says that it is ready, then the name of each signal that reaches it, until SIGTERM.
LISTEN = """
import signal, sys, os
def say(number, frame):
    os.write(1, (signal.Signals(number).name + "\\n").encode())
    if number == signal.SIGTERM:
        os._exit(42)
for name in ("TERM", "INT", "HUP", "USR1", "USR2", "QUIT", "WINCH"):
    signal.signal(getattr(signal, "SIG" + name), say)
os.write(1, b"ready\\n")
while True:
    signal.pause()
"""


@pytest.fixture(scope="module")
def bwrap() -> str:
    """Bubblewrap, where this machine lets it make namespaces."""
    path = needs_tool("bwrap")
    tried = subprocess.run([path, "--ro-bind", "/", "/", "--unshare-pid", "true"], capture_output=True, check=False)
    needs(tried.returncode == 0, "the right to make process namespaces")
    return path


@pytest.fixture
def shop(project: MakeProject, canary: CanaryFactory) -> Project:
    """Return a setting and a secrets file."""
    return project(
        {
            "env/test/common.env": "PORT=8000\n",
            "env/test/security.env": "SECRET_KEY=$<docker:key>\n",
            "providers/test.toml": '[stores.docker]\ndir = "files"\n',
            "files/key": canary(),
            "probe.py": PROBE,
            "listen.py": LISTEN,
        }
    )


@pytest.fixture
def start(bwrap: str) -> Start:
    """Yield a way to run SecretSync as process 1, in a `with` block; the rest goes to `subprocess.Popen`."""

    @contextmanager
    def started(
        made: Project,
        *arguments: str,
        env: Mapping[str, str | None] | None = None,
        options: tuple[str, ...] = (),
        shell: str = "exec",
        sys_path: Path | None = None,
        **more: Any,
    ) -> Iterator[subprocess.Popen[bytes]]:
        environment = clean_environment(made.home, env)
        if sys_path is not None:
            environment["PYTHONPATH"] = str(sys_path)
        argv = secretsync_argv(arguments, isolated=sys_path is None)
        # A shell before us sets what is to be kept; by `exec` we are process 1 ourselves.
        inner = ["sh", "-c", f'{shell} "$@"', "sh", *argv]
        place = ["--dev-bind", "/", "/", "--proc", "/proc", "--unshare-pid", "--as-pid-1", "--die-with-parent"]
        command = [bwrap, *place, *options, "--chdir", str(made.root), "--", *inner]
        piped: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(command, env=environment, **{**piped, **more})
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    return started


def finish(process: subprocess.Popen[bytes], status: int = 0) -> bytes:
    """Return the standard output of a process that ends with `status`. Its stderr holds no secret."""
    stdout, stderr = process.communicate(timeout=HANG)
    assert_clean(stderr, "stderr")
    assert process.returncode == status, stderr.decode()
    return stdout


def process_one(process: subprocess.Popen[bytes]) -> int:
    """Return the number, out here, of the namespace's process 1: the wrapper's only child."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert len(children) == 1
    return int(children[0])


def read_line(process: subprocess.Popen[bytes]) -> str:
    """Return the next line that the application writes."""
    assert process.stdout is not None
    if not select.select([process.stdout], [], [], HANG)[0]:
        pytest.fail("the application says nothing")
    line = bytearray()
    while not line.endswith(b"\n") and (byte := os.read(process.stdout.fileno(), 1)):
        line += byte
    return line.decode().rstrip("\n")


def look(start: Start, made: Project, *run_options: str, **more: Any) -> dict[str, Any]:
    """Return the state in which the application finds itself."""
    command = ["run", "-e", "test", *run_options, "--", *PYTHON, "probe.py"]
    with start(made, *command, **more) as process:
        found: dict[str, Any] = json.loads(finish(process))
    return found


def test_the_application_is_process_one(start: Start, shop: Project) -> None:
    """Our process became it: same number, no parent, no child of ours, its own command line without a value."""
    found = look(start, shop)
    assert (found["pid"], found["parent"], found["children"]) == (1, 0, "")
    assert found["cmdline"] == [*PYTHON, "probe.py"]


def test_its_environment_is_exact(start: Start, shop: Project) -> None:
    """/proc shows exactly the bytes that were inherited and resolved."""
    found = look(start, shop, env={"KEPT": "x y"})
    told = [pair for pair in found["environ"] if pair.startswith("SECRETSYNC_RESOLVED")]
    assert [pair.partition("=")[0] for pair in sorted(told)] == ["SECRETSYNC_RESOLVED", "SECRETSYNC_RESOLVED_KEY"]
    assert_clean("\n".join(told), "what the application is told")
    expected = {**clean_environment(shop.home), "KEPT": "x y", "PORT": "8000", "SECRET_KEY": shop.read("files/key")}
    # PWD: the shell that set things up, and bubblewrap for its --chdir.
    pairs = {pair for pair in found["environ"] if not pair.startswith(("PWD=", "OLDPWD=", "_="))}
    assert pairs - set(told) == {f"{name}={value}" for name, value in expected.items()}


def test_signals_are_as_a_fresh_process_has_them(start: Start, shop: Project) -> None:
    """None ignored, none blocked, none caught: Python had ignored SIGPIPE, and we had caught SIGTERM."""
    # The probe's own interpreter ignores SIGPIPE and SIGXFSZ and catches SIGINT, and shells catch some too.
    with start(shop, "run", "-e", "test", "--", needs_tool("cat"), "/proc/self/status") as process:
        found = dict(line.split(":\t") for line in finish(process).decode().split("\n") if line.startswith("Sig"))
    assert {name: signal_mask(found[name]) for name in ("SigIgn", "SigBlk", "SigCgt")} == {
        "SigIgn": 0,
        "SigBlk": 0,
        "SigCgt": 0,
    }


def test_what_the_parent_ignored_stays_ignored(start: Start, shop: Project) -> None:
    """Signals that the parent ignored (nohup) stay ignored."""
    command = ["run", "-e", "test", "--", needs_tool("grep"), "SigIgn", "/proc/self/status"]
    with start(shop, *command, shell="trap '' HUP INT; exec") as process:
        ignored = signal_mask(finish(process).decode().split(":\t")[1])
    assert ignored == 1 << (signal.SIGHUP - 1) | 1 << (signal.SIGINT - 1)


def test_no_descriptor_but_the_three(start: Start, shop: Project) -> None:
    """The application has descriptors 0, 1 and 2 only."""
    assert look(start, shop, shell="exec 5</dev/null 9</dev/null; exec")["open"] == [0, 1, 2]


def test_a_closed_stdin_stays_closed(start: Start, shop: Project) -> None:
    """No file and no socket takes its place."""
    assert look(start, shop, shell="exec 0<&-; exec")["open"] == [1, 2]


def test_limits_and_place_are_kept(start: Start, shop: Project) -> None:
    """Umask, working directory, niceness, resource limits, OOM score, process group and session."""
    shell = "umask 027; ulimit -n 123; ulimit -c 0; ulimit -s 4096; exec nice -n 5"
    found = look(start, shop, shell=shell)
    assert (found["umask"], found["nice"], found["cwd"]) == ("0027", 5 + os.nice(0), str(shop.root))
    assert found["limits"] == [[123, 123], [0, 0], [4096 * 1024, 4096 * 1024]]
    assert found["oom"] == Path("/proc/self/oom_score_adj").read_text().strip()
    untouched = look(start, shop)
    assert untouched["limits"][0] == list(resource.getrlimit(resource.RLIMIT_NOFILE))
    assert untouched["group"] == untouched["session"] or untouched["session"] == 0


@pytest.mark.parametrize("status", [0, 1, 42, 255])
def test_exit_statuses_pass(start: Start, shop: Project, status: int) -> None:
    """The exit status of the application is that of the container."""
    with start(shop, "run", "-e", "test", "--", "sh", "-c", f"exit {status}") as process:
        finish(process, status)


def test_signals_reach_the_application(start: Start, shop: Project) -> None:
    """Each that it handles, and its own exit status after SIGTERM."""
    with start(shop, "run", "-e", "test", "--", *PYTHON, "listen.py") as process:
        assert read_line(process) == "ready"
        number = process_one(process)
        for name in ("SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGQUIT", "SIGWINCH", "SIGTERM"):
            os.kill(number, signal.Signals[name])
            assert read_line(process) == name
        assert finish(process, 42) == b""


def test_a_signal_that_kills_the_application(start: Start, shop: Project) -> None:
    """SIGKILL is for process 1 too: whoever waits for the container sees that signal, and no status of ours."""
    with start(shop, "run", "-e", "test", "--", *PYTHON, "listen.py") as process:
        assert read_line(process) == "ready"
        os.kill(process_one(process), signal.SIGKILL)
        finish(process, 128 + signal.SIGKILL)


def test_with_an_init_in_front(start: Start, shop: Project) -> None:
    """An application without a handler ignores SIGTERM as process 1, and ends at once, with 143, behind an init."""
    tini, sleep = needs_tool("tini"), (needs_tool("sleep"), "300")
    with start(shop, "run", "-e", "test", "--", "sh", "-c", 'echo ready; exec "$@"', "sh", *sleep) as process:
        assert read_line(process) == "ready"
        one = process_one(process)
        wait_for_name(one, "sleep")
        os.kill(one, signal.SIGTERM)
        os.kill(one, signal.SIGKILL)
        finish(process, 128 + signal.SIGKILL)
    command = ["run", "-e", "test", "--", "sh", "-c", 'echo ready; exec "$@"', "sh", *sleep]
    with start(shop, *command, shell=f"exec {tini} --") as process:
        assert read_line(process) == "ready"
        os.kill(process_one(process), signal.SIGTERM)
        finish(process, 128 + signal.SIGTERM)  # `sleep` would have ended with 0


def wait_for_name(number: int, name: str) -> None:
    """Return once the process is the program `name`."""
    end = time.monotonic() + HANG
    while Path(f"/proc/{number}/comm").read_text() != f"{name}\n":
        assert time.monotonic() < end
        os.sched_yield()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signals_while_a_store_hangs(
    start: Start,
    project: MakeProject,
    plugin: Path,
    requests: RequestLog,
    number: signal.Signals,
    status: int,
    record_property: Callable[[str, object], None],
) -> None:
    """Process 1 has no default for them: without our handler a rollout would wait for the kill."""
    made = project(
        {
            "env/test/security.env": "A=$<probe:hang/a>\n",
            "providers/test.toml": f'[stores.probe]\nlog = "{requests.path}"\n',
        }
    )
    with start(made, "run", "-e", "test", "--", "touch", "started", sys_path=plugin) as process:
        assert requests.wait() == "fetch probe:hang/a\n"
        one, begin = process_one(process), time.monotonic()
        os.kill(one, number)
        finish(process, status)  # at the deadline it would have been 5
        took = time.monotonic() - begin
    record_property("milliseconds", round(took * 1000, 1))
    # Shown with -s, and where it fails.
    print(f"{number.name} while a store hangs: ended after {took * 1000:.1f} ms")  # noqa: T201
    assert not (made.root / "started").exists()


def test_a_failure_starts_nothing(start: Start, shop: Project) -> None:
    """Status 3, the report on stderr, and stdout is untouched."""
    (shop.root / "files/key").unlink()
    with start(shop, "run", "-e", "test", "--", "touch", "started") as process:
        stdout, stderr = process.communicate(timeout=HANG)
    assert (process.returncode, stdout) == (3, b"")
    assert b"env/test/security.env:1:12: SECRET_KEY: docker:key: there is no file" in stderr
    assert not (shop.root / "started").exists()


def test_stdout_is_the_applications_alone(start: Start, shop: Project) -> None:
    """Messages go to stderr before the application starts; stdout belongs to the application."""
    command = ["run", "-e", "test", "-v", "--", "sh", "-c", "echo out; echo err >&2"]
    with start(shop, *command) as process:
        stdout, stderr = process.communicate(timeout=HANG)
    assert stdout == b"out\n"
    assert stderr.endswith(b"\nerr\n")
    assert stderr.count(b"secretsync: ") == 3  # the plan, the store, the start


def test_a_hostile_python_environment(start: Start, shop: Project, tmp_path: Path) -> None:
    """With `-I` no variable and no file beside the project runs code in our process; they are handed over."""
    marker = tmp_path / "ran"
    for name in ("secretsync", "argparse", "dotenv", "sitecustomize", "usercustomize", "evil"):
        shop.write(f"{name}.py", f"open({str(marker)!r}, 'a').write({name!r})\n")
    env = {
        "PYTHONPATH": str(shop.root),
        "PYTHONSTARTUP": str(shop.root / "evil.py"),
        "PYTHONHOME": "/no/such",
        "PYTHONINSPECT": "1",
        "PYTHONBREAKPOINT": "evil.main",
        "PYTHONWARNINGS": "error",
        "PYTHONIOENCODING": "utf-16",
        "PYTHONUSERBASE": str(shop.root),
    }
    found = look(start, shop, env=env)
    assert not marker.exists()
    assert set(found["environ"]) >= {f"{name}={value}" for name, value in env.items()}


def test_a_read_only_root_and_nobody_at_home(start: Start, shop: Project) -> None:
    """No HOME, no writable folder, an unknown user id without an entry in passwd, no network."""
    options = ("--remount-ro", "/", "--unshare-user", "--uid", "71234", "--gid", "71234", "--unshare-net")
    found = look(start, shop, env={"HOME": None, "TMPDIR": "/no/such"}, options=options)
    assert found["uid"] == 71234
    assert f"SECRET_KEY={shop.read('files/key')}" in found["environ"]
    assert not any(pair.startswith("HOME=") for pair in found["environ"])


def test_twenty_failing_starts_leave_nothing(start: Start, shop: Project) -> None:
    """A restart loop writes no file and keeps no state."""
    (shop.root / "files/key").unlink()
    before = sorted(path for path in shop.root.rglob("*"))
    for _ in range(20):
        with start(shop, "run", "-e", "test", "--", "true") as process:
            process.communicate(timeout=HANG)
            assert process.returncode == 3
    assert sorted(path for path in shop.root.rglob("*")) == before
    assert not list(shop.home.iterdir())


def test_a_command_of_a_shell_needs_no_shell(start: Start, shop: Project) -> None:
    """Arguments with quotes and expansions arrive in process 1's own command line as they were."""
    arguments = ["a b", "$(touch ran)", "'", shlex.quote("x y")]
    with start(shop, "run", "-e", "test", "--", "sh", "-c", "tr '\\0' '\\n' < /proc/1/cmdline", *arguments) as process:
        assert finish(process).decode().split("\n")[3:] == [*arguments, ""]
    assert not (shop.root / "ran").exists()
