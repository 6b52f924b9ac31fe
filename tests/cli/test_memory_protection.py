"""While a command holds credentials or values, no core file and no other process of the user gets them."""

import os
import re
import resource
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from secretsync.cli.commands import COMMANDS
from tests.servers.faults import running
from tests.servers.loopback import LoopbackServer, Request, Response
from tests.support.canary import CanaryFactory
from tests.support.limits import HANG
from tests.support.processes import clean_environment, run_command, secretsync_argv
from tests.support.projects import MakeProject, Project
from tests.support.tools import needs, needs_tool

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux, which is not here")

# Each command that asks a store, with the arguments that make it ask.
ASKING = {
    "audit": ("-e", "production", "--online"),
    "check": ("-e", "production"),
    "check --fetch": ("-e", "production"),
    "check-rotation": ("-e", "production"),
    "diff": ("-e", "production"),
    "doctor": ("-e", "production"),
    "explain": ("-e", "production"),
    "get": ("-e", "production", "vault:secret/app#key"),
    "import": (".env", "-e", "staging", "--to", "vault:secret/app", "--write"),
    "render": ("-e", "production", "--format", "json"),
    "run": ("-e", "production", "--", "true"),
    "set": ("-e", "production", "vault:secret/app#key", "--generate", "32"),
    "track": ("-e", "production"),
}
# These read files only, and hold no credential and no value of a store.
SILENT = {
    *(
        "backup",
        "completion",
        "export",
        "init",
        "permissions",
        "providers",
        "restore",
        "rotation merge",
        "schema",
        "template",
    ),
}
# These read the variables of other processes, which have values.
READING = {"ps": (), "check-rotation": ("--running", "1")}


def test_every_command_is_here() -> None:
    """A new command is in one of the lists."""
    assert {name.partition(" --")[0] for name in ASKING} | SILENT | set(READING) == set(COMMANDS)


@pytest.mark.parametrize("name", READING)
def test_the_variables_of_other_processes_are_not_in_an_open_memory(
    name: str, project: MakeProject, tmp_path: Path
) -> None:
    """Before the first variable of another process is read, the kernel is told that nobody may trace this process."""
    trace = tmp_path / "trace"
    strace = [needs_tool("strace"), "-f", "-qq", "-e", "trace=prctl,openat", "-o", str(trace)]
    made = project({})
    argv = [*strace, *secretsync_argv((name, *READING[name]))]
    run_command(argv, cwd=made.root, env=clean_environment(made.home), timeout=HANG)
    calls = trace.read_text()
    hidden = re.search(r"prctl\(PR_SET_DUMPABLE, SUID_DUMP_DISABLE[^)]*\) += 0", calls)
    read = re.search(r'openat\([^"]*"/proc/\d+/environ"', calls)
    assert read, "no variables were read"
    assert hidden, "the memory is open"
    assert hidden.start() < read.start()


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """Yield a store that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture
def shop(project: MakeProject) -> Project:
    """Return a project with a secret in Vault."""
    return project({"env/production/security.env": "KEY=$<vault:secret/app#key>\n"})


@pytest.fixture
def environ(shop: Project, server: socket.socket, canary: CanaryFactory) -> dict[str, str]:
    """Return the environment of a process with a token for the store."""
    address = f"http://127.0.0.1:{server.getsockname()[1]}"
    return clean_environment(shop.home, {"VAULT_ADDR": address, "VAULT_TOKEN": canary()})


def command_line(name: str, shop: Project) -> list[str]:
    """Return the command line of a case; `diff` needs a record that it compares with, `import` a file."""
    if name == "import":
        shop.write(".env", "API_TOKEN=an old token\n")
    if name == "diff":
        shop.cli("track", "-e", "production", "--offline", expect=0)
    return secretsync_argv([*name.split(" "), *ASKING[name]])


def until_it_asks(process: subprocess.Popen[bytes], server: socket.socket) -> socket.socket:
    """Wait until the process has sent a request to the store; return the connection."""
    ready, _, _ = select.select([server], [], [], HANG)
    assert ready, "the command did not ask the store"
    connection, _ = server.accept()
    connection.settimeout(HANG)
    assert connection.recv(1)
    return connection


# Lets the command write a core file of any size that the tests' own limits allow.
CORE_ALLOWED = ("sh", "-c", 'ulimit -c "$(ulimit -H -c)"; exec "$@"', "sh")


@pytest.mark.parametrize("name", ASKING)
def test_no_core_file(name: str, shop: Project, environ: dict[str, str], server: socket.socket) -> None:
    """The kernel writes no core file of a command that crashes while it waits for a store."""
    command = [*CORE_ALLOWED, *command_line(name, shop)]
    process = subprocess.Popen(
        command, cwd=shop.root, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        with until_it_asks(process, server):
            limits = Path(f"/proc/{process.pid}/limits").read_text()
            process.send_signal(signal.SIGABRT)
            _, status = os.waitpid(process.pid, 0)
    finally:
        process.returncode = 0
    assert re.search(r"^Max core file size +0 ", limits, re.MULTILINE)
    assert os.WTERMSIG(status) == signal.SIGABRT
    assert not os.WCOREDUMP(status)
    assert not [path for path in shop.root.rglob("*core*") if path.is_file()]


def test_a_core_file_would_be_written(tmp_path: Path) -> None:
    """A process without the protection leaves a core file, so that the other test proves something."""
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    needs(hard != 0, "the right to write core files")
    code = "import os, signal; os.kill(os.getpid(), signal.SIGABRT)"
    process = subprocess.Popen([*CORE_ALLOWED, sys.executable, "-c", code], cwd=tmp_path)
    _, status = os.waitpid(process.pid, 0)
    process.returncode = 0
    assert os.WCOREDUMP(status)
    for path in tmp_path.glob("core*"):
        path.unlink()


class RefusingStore(LoopbackServer):
    """A store that refuses each request, so that a command ends at once and whatever its timeout is."""

    def answer(self, _: Request) -> Response:
        """Return the status of a missing right."""
        return Response(403, b'{"errors":["permission denied"]}')


@pytest.mark.parametrize("name", ASKING)
def test_no_other_process_reads_the_memory(name: str, shop: Project, environ: dict[str, str], tmp_path: Path) -> None:
    """Before the first connection to a store, the kernel is told that nobody may trace this process."""
    trace = tmp_path / "trace"
    strace = [needs_tool("strace"), "-f", "-qq", "-e", "trace=prctl,connect", "-o", str(trace)]
    store = RefusingStore()
    with running(store):
        command = [*strace, *command_line(name, shop)]
        run_command(command, cwd=shop.root, env={**environ, "VAULT_ADDR": store.url}, timeout=HANG)
    calls = trace.read_text()
    hidden = re.search(r"prctl\(PR_SET_DUMPABLE, SUID_DUMP_DISABLE[^)]*\) += 0", calls)
    asked = re.search(rf"connect\(.*htons\({store.port}\)", calls)
    assert asked, "the command did not ask the store"
    assert hidden, "the memory is open"
    assert hidden.start() < asked.start()
