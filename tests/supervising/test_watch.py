"""`run --watch`: a rotation restarts or informs the application, and a failure does neither."""

import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers.aws import AwsAccount
from tests.servers.faults import FaultProxy, html
from tests.servers.openbao import VaultSpace
from tests.support.canary import CanaryFactory
from tests.support.pid1 import need_namespaces
from tests.support.processes import clean_environment
from tests.support.projects import MakeProject, Project
from tests.support.supervised import PLACES, PYTHON, Lines, Supervised, state_of, supervised, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux, which is not here")

# Writes its process id and the digest of its secret, then each SIGHUP.
SHOW = """
import hashlib, os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
os.write(1, b"%d %s\\n" % (os.getpid(), hashlib.sha256(os.environb[b"KEY"]).hexdigest()[:8].encode()))
while True:
    signal.sigwait({signal.SIGHUP})
    os.write(1, b"hangup\\n")
"""
FAST = ("--watch", "--interval", "50ms", "--settle", "0s")


@pytest.fixture
def app(project: MakeProject, canary: CanaryFactory) -> Project:
    """Return a project with a secret in a file."""
    return project(
        {
            "env/test/security.env": "KEY=$<docker:key>\n",
            "providers/test.toml": '[stores.docker]\ndir = "files"\n',
            "files/key": canary(),
        }
    )


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> str:
    """Return the name of a kind of place."""
    if "process 1" in request.param:
        need_namespaces()
    return str(request.param)


def shown(value: str) -> str:
    """Return what the application writes for a secret."""
    return hashlib.sha256(value.encode()).hexdigest()[:8]


@contextmanager
def watched(made: Project, *options: str, program: str = SHOW) -> Iterator[tuple[Supervised, Lines]]:
    """Start the application, and return the lines of standard error too."""
    with supervised(made, *FAST, *options, program=[*PYTHON, program]) as process:
        assert process.process.stderr is not None
        yield process, Lines(process.process.stderr.fileno())


def rotate(made: Project, value: str) -> None:
    """Replace the secret as a rotation does: the file has the old or the new content."""
    made.write("new", value).replace(made.root / "files/key")


def started(process: Supervised) -> tuple[int, str]:
    """Wait for the start of an application; return its process id and the digest of its secret."""
    number, digest = process.output.line().split()
    return int(number), digest


def test_each_rotation_restarts_the_application(app: Project, canary: CanaryFactory) -> None:
    """The old application has ended before the next one starts, and nothing is left behind at the end."""
    with watched(app) as (process, errors):
        first, digest = started(process)
        assert digest == shown(app.read("files/key"))
        wait_until(lambda: len(process.children()) == 2)
        descriptors = os.listdir(f"/proc/{process.pid}/fd")
        for _ in range(5):
            new = canary()
            rotate(app, new)
            second, digest = started(process)
            assert digest == shown(new)
            assert not Path(f"/proc/{first}").exists()
            errors.until("docker:key: other content; the command is restarted\n")
            first = second
        wait_until(lambda: len(process.children()) == 2)
        assert sorted(os.listdir(f"/proc/{process.pid}/fd")) == sorted(descriptors)
        children = process.children()
        process.send(signal.SIGTERM)
        assert process.status() == 143
        assert not any(Path(f"/proc/{number}").exists() for number in children)


def test_the_supervisor_has_no_secret(app: Project, canary: CanaryFactory) -> None:
    """The memory of the supervisor and of the watcher does not have the values, after a restart too."""
    old, new = app.read("files/key"), canary()
    with watched(app) as (process, _):
        started(process)
        rotate(app, new)
        application, _ = started(process)
        wait_until(lambda: len(process.children()) == 2)
        assert not any(value.encode() in memory_of(process.pid) for value in (old, new))
        assert application in process.children()


def memory_of(process: int) -> bytes:
    """Return the writable memory of a process."""
    found = []
    with Path(f"/proc/{process}/mem").open("rb") as memory:
        for line in Path(f"/proc/{process}/maps").read_text().splitlines():
            span, mode, *_ = line.split()
            if not mode.startswith("rw") or line.endswith(("[vvar]", "[vsyscall]")):
                continue
            start, end = (int(number, 16) for number in span.split("-"))
            memory.seek(start)
            found.append(memory.read(end - start))
    return b"".join(found)


def test_an_invalid_configuration_does_not_restart(app: Project, canary: CanaryFactory) -> None:
    """The old application goes on with a warning, and is restarted as soon as the secret is valid again."""
    with watched(app) as (process, errors):
        first, _ = started(process)
        (app.root / "files/key").unlink()
        errors.until("there is no file .*/files/key")
        errors.until(r"content -> missing; the new configuration cannot be used \(status 3\); the application goes on")
        errors.until("goes on")  # the next attempt
        assert Path(f"/proc/{first}").exists()
        new = canary()
        rotate(app, new)
        assert started(process)[1] == shown(new)


def test_policy_errors_do_not_restart(app: Project, canary: CanaryFactory) -> None:
    """A value that the policy refuses does not reach the application."""
    app.write("providers/test.toml", 'strict = true\n[stores.docker]\ndir = "files"\n')
    app.write("env/test/policy.toml", "[checks.KEY]\nmin_length = 8\n")
    with watched(app) as (process, errors):
        started(process)
        rotate(app, "short")
        errors.until(r"the new configuration cannot be used \(status 2\)")
        new = canary()
        rotate(app, new)
        assert started(process)[1] == shown(new)


def test_a_signal(app: Project, canary: CanaryFactory) -> None:
    """The same application gets the signal, once for each rotation."""
    with watched(app, "--on-change", "signal:HUP") as (process, errors):
        first, _ = started(process)
        for _ in range(3):
            rotate(app, canary())
            assert process.output.line() == "hangup"
            errors.until("docker:key: other content; sent signal 1\n")
        assert first in process.children()


# Writes the digest of each file, at the start and at each SIGHUP.
READ_FILES = """
import hashlib, os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
while True:
    values = [open(os.environ[name], "rb").read() for name in ("KEY_FILE", "OTHER_FILE")]
    os.write(1, b" ".join(hashlib.sha256(value).hexdigest()[:8].encode() for value in values) + b"\\n")
    signal.sigwait({signal.SIGHUP})
"""


@pytest.mark.sink("secrets/*")
@pytest.mark.parametrize("reaction", ["signal:HUP", "restart"])
def test_files_are_switched(app: Project, canary: CanaryFactory, reaction: str) -> None:
    """The application finds the new files at the same paths. A later start without --watch writes plain files."""
    app.write("env/test/security.env", "KEY=$<docker:key>\nOTHER=$<docker:other>\n")
    app.write("files/other", canary())
    files = ("--files", "secrets", "--allow-disk")
    with watched(app, *files, "--on-change", reaction, program=READ_FILES) as (process, _):
        for _ in range(3):
            expected = " ".join(shown(app.read(f"files/{name}")) for name in ("key", "other"))
            assert process.output.line() == expected
            rotate(app, canary())
        process.output.line()
        folder = app.root / "secrets"
        assert os.readlink(folder / "KEY") == ".secretsync-data/KEY"
        wait_until(lambda: len(list(folder.glob(".secretsync-data-*"))) == 1)
    app.cli("run", "-e", "test", *files, "--", "true", expect=0)
    assert sorted(path.name for path in folder.iterdir()) == [".secretsync-files", "KEY", "OTHER"]
    assert not any(path.is_symlink() for path in folder.iterdir())


def test_workers_do_not_get_the_signal(app: Project, canary: CanaryFactory) -> None:
    """Only the main process gets the signal, because workers of gunicorn end at SIGHUP."""
    worker = """
import os, signal
if os.fork() == 0:
    os.write(1, b"%d worker\\n" % os.getpid())
    while True:
        signal.pause()
os.waitid(os.P_ALL, 0, os.WNOHANG | os.WEXITED)
"""
    with watched(app, "--on-change", "signal:HUP", program=worker + SHOW) as (process, _):
        lines = [process.output.line().split() for _ in range(2)]
        (worker_id,) = [int(line[0]) for line in lines if line[1] == "worker"]
        rotate(app, canary())
        assert process.output.line() == "hangup"
        assert state_of(worker_id) != "Z"


def test_in_each_place(app: Project, canary: CanaryFactory, place: str) -> None:
    """A restart works in a terminal, where the next application is in the foreground, and as process 1."""
    program = SHOW.replace("%d %s\\n", "%d %s %d\\n").replace(".encode()))", ".encode(), in_front()))", 1)
    front = """
def in_front():
    try:
        return os.tcgetpgrp(os.open("/dev/tty", os.O_RDWR)) == os.getpgrp()
    except OSError:
        return 2
"""
    with PLACES[place](app, *FAST, program=[*PYTHON, f"import os{front}{program}"]) as process:
        expected = "1" if "terminal" in place else "2"
        for value in (app.read("files/key"), canary(), canary()):
            if value != app.read("files/key"):
                rotate(app, value)
            _, digest, is_in_front = process.output.line().split()
            assert (digest, is_in_front) == (shown(value), expected)
        process.send(signal.SIGTERM)
        assert process.status() == 143


def test_a_command(app: Project, canary: CanaryFactory) -> None:
    """The command has the new value in its environment, and a failure is tried again."""
    command = 'command:printf %s "$KEY" | sha256sum | head -c 8; echo; test -e done || { touch done; exit 3; }'
    with watched(app, "--on-change", command) as (process, errors):
        started(process)
        new = canary()
        rotate(app, new)
        assert process.output.line() == shown(new)
        errors.until(r"the command of --on-change failed \(status 3\)")
        assert process.output.line() == shown(new)
        errors.until("the command of --on-change was run\n")


def test_nothing_is_done(app: Project, canary: CanaryFactory) -> None:
    """`none` only prints the change."""
    with watched(app, "--on-change", "none") as (process, errors):
        first, _ = started(process)
        rotate(app, canary())
        errors.until("docker:key: other content; valid, and nothing is done\n")
        assert first in process.children()


def test_a_stubborn_application_is_killed(app: Project, canary: CanaryFactory) -> None:
    """A restart sends SIGKILL after the grace period."""
    program = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)" + SHOW
    with watched(app, "--grace", "100ms", program=program) as (process, errors):
        started(process)
        new = canary()
        rotate(app, new)
        errors.until("SIGKILL ends it")
        assert started(process)[1] == shown(new)


def test_the_end_during_a_restart(app: Project, canary: CanaryFactory) -> None:
    """SIGTERM while the old application ends: the next one is not started, and a second signal cuts the grace."""
    program = SHOW.replace("{signal.SIGHUP}", "{signal.SIGHUP, signal.SIGTERM}")
    with watched(app, "--grace", "1h", program=program) as (process, errors):
        first, _ = started(process)
        rotate(app, canary())
        errors.until("the command is restarted")
        assert process.output.line() == "hangup"
        process.send(signal.SIGTERM)
        assert process.output.line() == "hangup"
        assert Path(f"/proc/{first}").exists()
        process.send(signal.SIGTERM)
        assert process.status() == 137
        assert process.process.stdout is not None
        assert process.process.stdout.read() == b""


def test_the_status_is_that_of_the_application(app: Project) -> None:
    """If the application ends by itself, it is not started again."""
    with supervised(app, *FAST, program=["sh", "-c", "exit 7"]) as process:
        assert process.status() == 7


def test_the_watcher_is_started_again(app: Project, canary: CanaryFactory) -> None:
    """If the watcher is killed, another one goes on."""
    with watched(app) as (process, errors):
        first, _ = started(process)
        wait_until(lambda: len(process.children()) == 2)
        (watcher,) = set(process.children()) - {first}
        os.kill(watcher, signal.SIGKILL)
        errors.until("the process that watches the versions has ended; it is started again")
        new = canary()
        rotate(app, new)
        assert started(process)[1] == shown(new)


def test_secrets_that_cannot_be_watched_are_named(project: MakeProject, canary: CanaryFactory) -> None:
    """The process environment has no versions."""
    made = project({"env/test/security.env": "KEY=$<env:SOURCE>\n"})
    run = made.cli("run", "-e", "test", "--watch", "--", "true", env={"SOURCE": canary()}, expect=0)
    assert run.stderr.count("not watched, because there are no versions: env:SOURCE") == 1


# Writes its secret, at the start and at each SIGHUP, in a line of its own.
PRINT = """
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
while True:
    name = os.environ.get("KEY_FILE")
    value = open(name, "rb").read() if name else os.environb[b"KEY"]
    for descriptor in (1, 2):
        os.write(descriptor, b"<%s>\\n" % value)
    signal.sigwait({signal.SIGHUP})
"""


@pytest.mark.sink("secrets/*", "secrets/*/KEY")
@pytest.mark.parametrize("reaction", ["restart", "signal:HUP"])
@pytest.mark.parametrize("size", [1, 3000])
def test_masked_output(app: Project, canary: CanaryFactory, reaction: str, size: int) -> None:
    """Each new secret is masked too, in both streams, also if it is larger than a pipe."""
    files = ("--files", "secrets", "--allow-disk") if reaction == "signal:HUP" else ()
    with watched(app, "--mask-output", "--on-change", reaction, *files, program=PRINT) as (process, errors):
        for _ in range(3):
            assert process.output.line() == "<********>"
            errors.until(r"<\*{8}>\n")
            rotate(app, canary() * size)
        assert process.output.line() == "<********>"
        process.send(signal.SIGTERM)
        assert process.status() == 143


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--interval", "1s"], "--interval has no effect without --watch"),
        (["--watch-values"], "--watch-values has no effect without --watch"),
        (["--watch", "--on-change", "signal:NOPE"], "--on-change signal: its name is not known"),
        (["--watch", "--on-change", "signal:"], "--on-change signal: its name is not known"),
        (["--watch", "--on-change", "reload"], "--on-change: its action is not known"),
        (["--watch", "--on-change", "command:"], "--on-change: its action is not known"),
        (["--watch", "--env-file", "/dev/fd/3"], "a pipe has its content only once"),
        (["--watch", "--env-file", "-"], "a pipe has its content only once"),
    ],
)
def test_options_that_exclude_each_other(app: Project, options: list[str], message: str) -> None:
    """The message names the option, and nothing is started."""
    run = app.cli("run", "-e", "test", *options, "--", "touch", "started", expect=2)
    assert message in run.stderr
    assert not (app.root / "started").exists()


class VaultApp:
    """A project with a secret in KV v2."""

    def __init__(self, vault: VaultSpace, make: MakeProject, canary: CanaryFactory) -> None:
        self.vault, self.canary, self.mount = vault, canary, vault.kv2()
        self.project = make({"env/test/security.env": f"KEY=$<vault:{self.mount}/app#key>\n"})
        self.rotate()

    def rotate(self) -> str:
        """Store a new version, and return its value."""
        value = self.canary()
        self.vault.write(self.mount, "app", {"key": value})
        return value


@pytest.fixture
def in_vault(vault: VaultSpace, project: MakeProject, canary: CanaryFactory) -> VaultApp:
    """Return the project with its store."""
    return VaultApp(vault, project, canary)


def test_versions_of_vault(in_vault: VaultApp, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new version restarts the application; the message has both versions."""
    token = in_vault.vault.token(in_vault.vault.policy(f"{in_vault.mount}/data/*", f"{in_vault.mount}/metadata/*"))
    extended = {**clean_environment(in_vault.project.home), **in_vault.vault.environ(token)}
    monkeypatch.setattr("tests.support.supervised.clean_environment", lambda _: extended)
    with watched(in_vault.project) as (process, errors):
        started(process)
        new = in_vault.rotate()
        assert started(process)[1] == shown(new)
        errors.until("version 1 -> version 2; the command is restarted")


def test_a_store_that_is_down(
    in_vault: VaultApp,
    monkeypatch: pytest.MonkeyPatch,
    fault_proxy: Callable[[str], FaultProxy],
    record_property: Callable[[str, object], None],
) -> None:
    """The application goes on with few requests for each interval; the rotation behind it is one restart."""
    made, interval = in_vault.project, 0.05  # of FAST
    token = in_vault.vault.token(in_vault.vault.policy(f"{in_vault.mount}/data/*", f"{in_vault.mount}/metadata/*"))
    proxy = fault_proxy(in_vault.vault.url)
    extended = {**clean_environment(made.home), **in_vault.vault.environ(token, url=proxy.url)}
    monkeypatch.setattr("tests.support.supervised.clean_environment", lambda _: extended)
    with watched(made) as (process, errors):
        first, _ = started(process)
        begin = time.monotonic()
        proxy.fail(html())
        proxy.requests.clear()
        errors.until("cannot be read: ")
        proxy.requests.wait_for(40)  # A page in place of an answer is not asked for again before the next interval.
        intervals = (time.monotonic() - begin) / interval
        asked = proxy.requests.count()
        record_property("intervals", round(intervals))
        record_property("requests", asked)
        assert intervals >= 10
        assert asked <= 4 * (intervals + 2)
        new = in_vault.rotate()
        proxy.heal()
        second, digest = started(process)
        assert (digest, second != first) == (shown(new), True)
        errors.until("version 1 -> version 2; the command is restarted")
        # The watcher of the second start has compared again, and found nothing.
        proxy.requests.clear()
        proxy.requests.wait_for(6)
        assert second in process.children()


def test_denied_metadata_ends_the_start(in_vault: VaultApp) -> None:
    """A token that may read the value and not the metadata ends the start with status 4 and the missing permission."""
    token = in_vault.vault.token(in_vault.vault.policy(f"{in_vault.mount}/data/*"))
    arguments = ("run", "-e", "test", "--watch", "--", "touch", "started")
    run = in_vault.project.cli(*arguments, env=in_vault.vault.environ(token), expect=4)
    assert f"{in_vault.mount}/metadata/app" in run.stderr
    assert "--watch reads the metadata of each secret" in run.stderr
    assert not (in_vault.project.root / "started").exists()


def test_versions_of_aws(
    aws: AwsAccount, project: MakeProject, canary: CanaryFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The version ids of AWS: a new version restarts the application."""
    aws.create("app", canary())
    made = project({"env/test/security.env": f"KEY=$<aws:{aws.name('app')}>\n"})
    extended = {**clean_environment(made.home), **aws.environ()}
    monkeypatch.setattr("tests.support.supervised.clean_environment", lambda _: extended)
    with watched(made) as (process, errors):
        started(process)
        new = canary()
        aws.put("app", new)
        assert started(process)[1] == shown(new)
        errors.until("version .* -> version .*; the command is restarted")


def test_denied_metadata_of_aws_ends_the_start(aws: AwsAccount, project: MakeProject, canary: CanaryFactory) -> None:
    """An identity that may read the value and not the versions ends the start with status 4 and the missing action."""
    aws.create("app", canary())
    reader = aws.principal(["GetSecretValue", "BatchGetSecretValue"])
    made = project({"env/test/security.env": f"KEY=$<aws:{aws.name('app')}>\n"})
    run = made.cli("run", "-e", "test", "--watch", "--", "touch", "started", env=aws.environ(reader), expect=4)
    assert "secretsmanager:ListSecretVersionIds" in run.stderr
    assert not (made.root / "started").exists()


def test_the_record_follows_each_restart(app: Project, canary: CanaryFactory) -> None:
    """It has the process and the content of each start, and its digests can be compared after each of them."""
    with watched(app, "--record", "record.json") as (process, _):
        for _ in range(3):
            number, _ = started(process)
            record = json.loads(app.read("record.json"))
            assert record["pid"] == number
            for name in ("record.json", str(number)):
                assert is_stale(app, name) is False
            rotate(app, canary())


@pytest.mark.sink("secrets/*")
@pytest.mark.parametrize(
    ("reaction", "message", "follows"),
    [
        ("signal:HUP", "sent signal 1", True),
        ("command:true", "was run", True),
        ("command:false", "failed", False),
        ("none", "nothing is done", False),
    ],
)
def test_the_record_follows_what_informs_the_application(
    app: Project, canary: CanaryFactory, reaction: str, message: str, *, follows: bool
) -> None:
    """After a signal or a command the same process counts as current, and after a failure or no reaction as stale."""
    with watched(app, "--record", "record.json", "--on-change", reaction) as (process, errors):
        number, _ = started(process)
        rotate(app, canary())
        errors.until(f"{message}.*\n")
        for name in ("record.json", str(number)):
            assert is_stale(app, name) is not follows
        assert json.loads(app.read("record.json"))["pid"] == number


def is_stale(made: Project, name: str) -> bool:
    """Return True if a process has another version than the store."""
    done = made.cli("check-rotation", "--running", name, "--format", "json")
    (secret,) = json.loads(done.stdout)["secrets"]
    (found,) = secret["running"]
    return bool(found["stale"])
