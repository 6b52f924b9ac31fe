"""`check-rotation --running` and `ps`: real processes are compared with the stores before and after a rotation."""

import json
import os
import re
import select
import shlex
import socket
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from secretsync.cli.commands import ps
from secretsync.cli.parser import build_parser
from tests.servers.aws import REGION, AwsAccount
from tests.servers.azure import AzureWorld
from tests.servers.openbao import VaultSpace
from tests.support.applications import PROGRAM, WAIT, application
from tests.support.canary import CanaryFactory
from tests.support.pid1 import need_namespaces
from tests.support.processes import CommandResult, clean_environment, run_command, secretsync_argv
from tests.support.projects import MakeProject, Project

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux, which is not here")

LIMIT = 'max_age = "never", reason = "a test"'


@dataclass(frozen=True, slots=True)
class Kind:
    """A secret in one kind of store."""

    files: Mapping[str, str]
    rotate: Callable[[], object]
    versions: Callable[[], tuple[str | None, str | None]]  # before and after the rotation
    env: Mapping[str, str] = field(default_factory=dict)  # of the application
    check_env: Mapping[str, str] = field(default_factory=dict)  # of the check, which may read metadata alone


def files_of(reference: str, bindings: str) -> dict[str, str]:
    """Return a project with one secret and one setting."""
    return {
        "env/production/common.env": "LEVEL=info\n",
        "env/production/security.env": "KEY=$<KEY>\n",
        "providers/production.toml": f'{bindings}[secrets]\nKEY = {{ ref = "{reference}", {LIMIT} }}\n',
    }


def kv2(vault: VaultSpace, canary: CanaryFactory) -> Kind:
    """KV v2: the version is a number."""
    mount = vault.kv2()
    vault.write(mount, "app", {"key": canary()})
    reader = vault.environ(vault.token(vault.policy(f"{mount}/data/*", f"{mount}/metadata/*")))
    checker = vault.environ(vault.token(vault.policy(f"{mount}/metadata/*")))
    return Kind(
        files_of(f"vault:{mount}/app#key", ""),
        lambda: vault.write(mount, "app", {"key": canary()}),
        lambda: ("1", "2"),
        reader,
        checker,
    )


def secrets_manager(aws: AwsAccount, canary: CanaryFactory) -> Kind:
    """AWS: the version is a UUID."""
    aws.create("app", canary())
    ids: list[str] = [aws.client().list_secret_version_ids(SecretId=aws.name("app"))["Versions"][0]["VersionId"]]
    reader, checker = aws.environ(aws.principal()), aws.environ(aws.metadata_only())
    bindings = f'[stores.aws]\nregion = "{REGION}"\n'
    return Kind(
        files_of(f"aws:{aws.name('app')}", bindings),
        lambda: ids.append(aws.put("app", canary())),
        lambda: (ids[0], ids[-1]),
        reader,
        checker,
    )


def key_vault(azure: AzureWorld, canary: CanaryFactory) -> Kind:
    """Azure: the version is an id in hexadecimal."""
    vault = azure.vault()
    vault.set("key", canary(), created=1_700_000_000)
    env = azure.client_secret(azure.principal()) | azure.network
    checker = azure.client_secret(azure.principal(may=("list",))) | azure.network
    return Kind(
        files_of("azure:key", f'[stores.azure]\nvault_url = "{vault.url}"\n'),
        lambda: vault.set("key", canary()),
        lambda: (vault.secrets["key"][0].id, vault.secrets["key"][-1].id),
        env,
        checker,
    )


@pytest.fixture(params=["kv2", "aws", "azure", "file"])
def kind(request: pytest.FixtureRequest, canary: CanaryFactory, tmp_path: Path) -> Kind:
    """One kind of store after the other."""
    if request.param == "kv2":
        return kv2(request.getfixturevalue("vault"), canary)
    if request.param == "aws":
        return secrets_manager(request.getfixturevalue("aws"), canary)
    if request.param == "azure":
        return key_vault(request.getfixturevalue("azure"), canary)
    return file_kind(canary, tmp_path)


def file_kind(canary: CanaryFactory, tmp_path: Path) -> Kind:
    """Return a file: it has no version, so that its content is compared."""
    folder = tmp_path / "given"
    folder.mkdir()
    (folder / "key").write_text(canary())

    def rotate() -> None:
        (folder / "new").write_text(canary())
        (folder / "new").rename(folder / "key")

    return Kind(files_of("docker:key", f'[stores.docker]\ndir = "{folder}"\n'), rotate, lambda: (None, None))


def check(made: Project, kind: Kind, *arguments: str, expect: int = 0) -> CommandResult:
    """Compare processes, as an identity that may read metadata alone."""
    return made.cli("check-rotation", *arguments, env=dict(kind.check_env), expect=expect)


SHELL = ["sh", "-c", f'{sys.executable} -I -S -c "{WAIT}"; exit $?']
STARTS: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "plain": ((), PROGRAM),
    "supervised": (("--supervise",), PROGRAM),
    "in files": (("--files", "secrets", "--allow-disk"), PROGRAM),
    "supervised in files": (("--supervise", "--files", "secrets", "--allow-disk"), PROGRAM),
    "below a shell": ((), SHELL),
}


@pytest.mark.sink("secrets/*")
@pytest.mark.parametrize("start", STARTS)
def test_a_rotation_makes_a_process_stale(project: MakeProject, kind: Kind, start: str) -> None:
    """The process and its record are current before a rotation, and stale with both versions after it."""
    made = project(kind.files)
    options, program = STARTS[start]
    with application(made, "--record", "record.json", *options, program=program, env=kind.env) as app:
        names = (str(app.pid), "record.json")
        asked = [word for name in names for word in ("--running", name)]
        text = check(made, kind, *asked).stdout
        assert text.count("1 compared secret, none stale") == 2
        kind.rotate()
        before, after = kind.versions()
        found = json.loads(check(made, kind, *asked, "--format", "json", expect=1).stdout)
        (secret,) = found["secrets"]
        assert (secret["state"], found["summary"]["stale"]) == ("stale", 1)
        assert [(one["process"], one["version"], one["stale"]) for one in secret["running"]] == [
            (f"process {app.pid}", before, True),
            ("record.json", before, True),
        ]
        assert secret["version"] == after
        if after is not None:
            assert f"started with version {before}, and the store has version {after} since" in secret["hint"]
            assert secret["running"][0]["since"] == secret["created"]
        assert [(one["compared"], one["stale"]) for one in found["processes"]] == [(1, 1), (1, 1)]
        record = json.loads(made.read("record.json"))
        assert record["pid"] in (app.pid, app.first)
        assert made.read("record.json").count('"version"') == 1
    # The record is enough after the end of the process, except for files, whose key has gone with it.
    ended = check(made, kind, "--running", "record.json", expect=0 if after is None else 1)
    assert ("not compared: the key of its digests is in the process alone" in ended.stdout) is (after is None)


def test_every_format(project: MakeProject, vault: VaultSpace, canary: CanaryFactory) -> None:
    """Each format has the finding, and ends with the same status."""
    kind = kv2(vault, canary)
    made = project(kind.files)
    with application(made, env=kind.env) as app:
        kind.rotate()
        texts = {
            name: check(made, kind, "--running", str(app.pid), "--format", name, expect=1).stdout
            for name in ("table", "json", "junit", "sarif", "prometheus", "html", "github", "markdown")
        }
        # As a row of a merge of many projects.
        made.write("report.json", texts["json"])
        assert "stale" in made.cli("rotation", "merge", "report.json", expect=1).stdout
    sentence = f"process {app.pid}: started with version 1, and the store has version 2"
    for name, text in texts.items():
        if name == "prometheus":
            labels = f'project="{made.root.name}",environment="production"'
            assert f'secretsync_process_stale_secrets{{{labels},process="process {app.pid}"}} 1\n' in text
            assert f"secretsync_process_stale_since_timestamp_seconds{{{labels}" in text
            assert f'secretsync_secrets{{{labels},state="stale"}} 1\n' in text
        else:
            assert sentence in text.replace("\n", " "), name
    assert "rotation/stale" in texts["sarif"]
    assert ET.fromstring(texts["junit"]).find(".//failure").get("type") == "stale"  # type: ignore[union-attr]
    assert "::error" in texts["github"]


def test_a_worker_of_gunicorn(project: MakeProject, vault: VaultSpace, canary: CanaryFactory) -> None:
    """A worker has the variables that the main process was started with."""
    kind = kv2(vault, canary)
    made = project(kind.files)
    made.write(
        "site_.py", "import os\n\nos.write(1, b'%d\\n' % os.getpid())\n\n\ndef app(environ, start):\n    return []\n"
    )
    program = [sys.executable, "-m", "gunicorn", "--bind=127.0.0.1:0", "--no-control-socket", "--chdir", str(made.root)]
    with application(made, program=[*program, "site_:app"], env=kind.env) as app:
        assert app.pid != app.first
        kind.rotate()
        asked = ("--running", str(app.first), str(app.pid))
        found = json.loads(check(made, kind, *asked, "--format", "json", expect=1).stdout)
        assert [one["stale"] for one in found["processes"]] == [1, 1]
        (row,) = [one for one in processes(made, kind) if one["root"] == str(made.root)]
        assert (row["pid"], row["descendants"]) == (app.first, 1)


def processes(made: Project, kind: Kind) -> list[dict[str, object]]:
    """Return the processes of this project in the list of all."""
    done = made.cli("ps", "--format", "json", env=dict(kind.check_env), expect=0)
    rows: list[dict[str, object]] = json.loads(done.stdout)["processes"]
    return [row for row in rows if row["root"] == str(made.root)]


def in_namespace(made: Project, script: str, env: Mapping[str, str | None], expect: int = 0) -> CommandResult:
    """Run a script of sh in which /proc has its own processes alone. `$SECRETSYNC` is the command."""
    unshare = [need_namespaces(), "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "--"]
    environ = clean_environment(made.home, env)
    text = f'secretsync() {{ {shlex.join(secretsync_argv(()))} "$@"; }}\n{script}'
    return run_command([*unshare, "sh", "-euc", text], cwd=made.root, env=environ, expect=expect)


# Starts two applications, one of them below a shell, and waits until both have begun.
START_TWO = """
mkfifo one two
secretsync run -e production -- sh -c 'echo > one; sleep 1000' &
secretsync run -e production --supervise -- sh -c "sh -c 'echo > two; sleep 1000'; true" &
read x < one; read x < two
"""


def test_the_list_of_processes(project: MakeProject, canary: CanaryFactory, tmp_path: Path) -> None:
    """Each application is a row with its descendants; after a rotation both are stale, and the status is 1."""
    kind = file_kind(canary, tmp_path)
    made = project(kind.files)
    script = f"""{START_TWO}
    secretsync ps --check
    secretsync ps --check --format json
    printf new > {tmp_path}/given/key
    secretsync ps --check --format json || echo "status $?"
    secretsync ps --check --format prometheus || true
    secretsync ps --quiet
    """
    text = in_namespace(made, script, {}).stdout
    table, first, second, metrics = re.fullmatch(r"(?s)(PID.*?)(\{.*?\n\})\n(\{.*?\n\})\nstatus 1\n(.*)", text).groups()  # type: ignore[union-attr]
    assert table.count("current") == 2
    rows = [json.loads(one)["processes"] for one in (first, second)]
    assert [[(row["program"], row["descendants"], row["stale"]) for row in one] for one in rows] == [
        [("sh", 1, 0), ("sh", 2, 0)],
        [("sh", 1, 1), ("sh", 2, 1)],
    ]
    assert {row["environment"] for row in rows[0]} == {"production"}
    assert metrics.count("secretsync_process_stale_secrets{") == 2
    assert "STATE" not in metrics.partition("PID")[2]  # No store was asked, so no state is known.


def test_a_store_that_is_down(project: MakeProject, vault: VaultSpace, canary: CanaryFactory) -> None:
    """The list goes on without the answers, with the status of the failure."""
    kind = kv2(vault, canary)
    made = project(kind.files)
    script = f"""{START_TWO}
    export VAULT_ADDR=http://127.0.0.1:1
    secretsync ps --check --timeout 100ms
    """
    done = in_namespace(made, script, dict(kind.env), expect=5)
    assert done.stdout.count("no secret can be compared; vault:") == 2


def test_no_process(project: MakeProject) -> None:
    """An empty list is not an error."""
    done = in_namespace(project({}), "secretsync ps; secretsync ps --check --format json", {})
    assert done.stdout.startswith("no process that secretsync run started\n")
    assert '"processes": []' in done.stdout


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, which changes users")


# An application that another user could have started, in a project whose bindings name another store by now.
FOREIGN = """
mkfifo -m 666 {folder}/one
secretsync run -e production --user 65534:65534 --record {folder}/record.json \\
  -- sh -c 'echo $$ > {folder}/one; sleep 1000' &
read pid < {folder}/one
rm {folder}/one
cp evil.toml providers/production.toml
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Yield a folder that every user can write to, which those of pytest are not."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o777)
        yield path


@needs_root
def test_a_foreign_process_sends_no_credential(
    project: MakeProject, canary: CanaryFactory, tmp_path: Path, folder: Path
) -> None:
    """The stores that a process or a record of another user names get no request, unless the caller names them."""
    kind = file_kind(canary, tmp_path)
    made = project(kind.files)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        evil = files_of("vault:secret/app#key", f'[stores.vault]\naddress = "{address}"\n')
        made.write("evil.toml", evil["providers/production.toml"])
        script = f"""{FOREIGN.format(folder=folder)}
        export VAULT_TOKEN=the-token
        secretsync ps --check
        secretsync check-rotation --running $pid || echo "status $?"
        secretsync check-rotation --running {folder}/record.json || echo "status $?"
        """
        done = in_namespace(made, script, {})
        cause = "another user may have written what it was started with"
        assert f"not checked: {cause}" in " ".join(done.stdout.split())
        assert done.stdout.count("status 2") == 2
        assert done.stderr.count(f"{cause}; name the configuration with -e NAME and --root DIR") == 2
        assert not select.select([listener], [], [], 0)[0]
        # With a project that the caller names, the versions of the process are compared.
        named = f"""{FOREIGN.format(folder=folder).replace("evil.toml", "providers/production.toml.0")}
        secretsync check-rotation --running $pid -e production
        """
        made.write("providers/production.toml.0", kind.files["providers/production.toml"])
        made.write("providers/production.toml", kind.files["providers/production.toml"])
        assert "1 compared secret, none stale" in in_namespace(made, named, {}).stdout


@needs_root
def test_a_process_that_may_not_be_read(project: MakeProject, canary: CanaryFactory, tmp_path: Path) -> None:
    """The status is 4 for a process of another user, and those that the list does not have are counted."""
    made = project(file_kind(canary, tmp_path).files)
    # The modules are imported and used before, because the other user cannot read the files of Python.
    body = """
    import os, sys
    from secretsync.cli.running import applications, started_of
    from secretsync.core.errors import SecretSyncError
    def status(name):
        try:
            started_of(name)
        except SecretSyncError as error:
            return f"status {int(error.exit_status)}: {error}"
    print(status("999999999"), applications()[1])
    os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
    print(status(sys.argv[1]))
    print("denied", applications()[1] > 0)
    """
    with application(made) as app:
        argv = [sys.executable, "-c", textwrap.dedent(body), str(app.pid)]
        lines = run_command(argv, cwd=Path("/"), env=clean_environment(made.home), expect=0).stdout.splitlines()
    cause = "its variables cannot be read by this user; run this as that user or as root"
    assert lines[0].startswith("status 2: --running 999999999: there is no such process")
    assert lines[1].startswith(f"status 4: process {app.pid}: {cause}")
    assert lines[2] == "denied True"


def test_what_is_not_a_process_of_ours(project: MakeProject, canary: CanaryFactory, tmp_path: Path) -> None:
    """Ended processes, other processes, damaged variables and other files have a message and status 2."""
    kind = file_kind(canary, tmp_path)
    made = project({**kind.files, "other.json": "{}", "list.json": "[1]", "bytes": b"\xff\xfe"})
    with application(made) as app:
        pass
    with application(made, program=["env", "SECRETSYNC_RESOLVED={}", *PROGRAM]) as damaged:
        cases = {
            str(app.pid): "there is no such process; `secretsync ps` lists the processes",
            str(os.getpid()): "the process does not have the variables of `secretsync run`",
            str(damaged.pid): "the process does not have the variables of `secretsync run`",
            "0": "there is no such process",
            "99999999999999999999": "there is no such process",
            "absent.json": "it cannot be read: No such file or directory",
            "other.json": "it is not a record of this version of SecretSync",
            "list.json": "it is not a record of this version of SecretSync",
            "bytes": "it is not a record of this version of SecretSync",
            ".": "it is not a regular file but a folder",
        }
        for name, cause in cases.items():
            done = made.cli("check-rotation", "--running", name, expect=2)
            assert f"--running {name}: {cause}" in done.stderr, name
        refused = {"--at": "2030-01-01", "--from": "other.json"}
        for option, value in refused.items():
            assert option in made.cli("check-rotation", "--running", "1", option, value, expect=2).stderr
    assert "add --check" in made.cli("ps", "--format", "prometheus", expect=2).stderr


def test_the_environments_of_the_caller(project: MakeProject, canary: CanaryFactory, tmp_path: Path) -> None:
    """A process is compared below its own environment, and refused if only others are named."""
    kind = file_kind(canary, tmp_path)
    staging = {name.replace("production", "staging"): text for name, text in kind.files.items()}
    made = project({**kind.files, **staging})
    with application(made) as one, application(made, environment="staging") as two:
        asked = ("--running", str(one.pid), "--running", str(two.pid), "--format", "json")
        for named in ((), ("-e", "production", "-e", "staging"), ("--all",)):
            found = json.loads(made.cli("check-rotation", *asked, *named, expect=0).stdout)["environments"]
            assert [[row["pid"] for row in one["processes"]] for one in found] == [[one.pid], [two.pid]]
        done = made.cli("check-rotation", *asked, "-e", "production", expect=2)
        assert f"process {two.pid}: it was started for another environment than the named ones" in done.stderr


def test_a_record_from_a_pipe(project: MakeProject, canary: CanaryFactory, tmp_path: Path) -> None:
    """It is compared with the project that the caller names, and with no other."""
    kind = file_kind(canary, tmp_path)
    made = project(kind.files)
    with application(made, "--record", "record.json"):
        text = made.read("record.json")
        made.cli("check-rotation", "--running", "-", stdin=text, expect=2)
        done = made.cli("check-rotation", "--running", "-", "-e", "production", stdin=text, expect=0)
        assert "standard input, started" in done.stdout
        assert "1 compared secret, none stale" in done.stdout


def test_other_references(project: MakeProject, canary: CanaryFactory, tmp_path: Path) -> None:
    """An entry that leads to another secret by now is stale; one that is gone is named; a new one is not."""
    kind = file_kind(canary, tmp_path)
    made = project(kind.files)
    made.write("env/production/security.env", "KEY=$<KEY>\nGONE=$<docker:gone>\n")
    for name in ("gone", "other", "new"):
        (tmp_path / "given" / name).write_text(canary())
    with application(made) as app:
        made.write("env/production/security.env", "KEY=$<docker:other>\nNEW=$<docker:new>\n")
        text = made.cli("check-rotation", "--running", str(app.pid)).stdout
    assert f"process {app.pid}: started with docker:key in place of this secret" in text
    assert f"process {app.pid}: it does not use this secret" in text
    assert "the env files do not have docker:gone, docker:key any more" in text


def test_a_secret_that_was_missing(project: MakeProject, canary: CanaryFactory, tmp_path: Path) -> None:
    """A process that runs with a default is stale once the secret exists."""
    kind = file_kind(canary, tmp_path)
    made = project({**kind.files, "env/production/security.env": "KEY=$<KEY:-a-default>\n"})
    (tmp_path / "given/key").unlink()
    with application(made) as app:
        made.cli("check-rotation", "--running", str(app.pid), expect=0)
        (tmp_path / "given/key").write_text(canary())
        text = made.cli("check-rotation", "--running", str(app.pid), expect=1).stdout
    assert "started without this secret, and the store has it now" in text


def test_two_fields_of_one_file(project: MakeProject, canary: CanaryFactory, tmp_path: Path) -> None:
    """A change of any field that the process uses is found, and a change of another field is not."""
    kind = file_kind(canary, tmp_path)
    made = project({**kind.files, "env/production/security.env": "A=$<docker:key#a>\nB=$<docker:key#b>\n"})
    content = {"a": canary(), "b": canary(), "c": canary()}
    path = tmp_path / "given/key"
    path.write_text(json.dumps(content))
    with application(made) as app:
        for name, stale in (("c", False), ("b", True)):
            path.write_text(json.dumps({**content, name: canary()}))
            done = made.cli("check-rotation", "--running", str(app.pid), "--format", "json")
            assert json.loads(done.stdout)["secrets"][0]["running"][0]["stale"] is stale


def test_secrets_without_versions(project: MakeProject, vault: VaultSpace, canary: CanaryFactory) -> None:
    """KV v1, and the process environment, are named as not compared."""
    mount = vault.kv1()
    vault.write1(mount, "app", {"key": canary()})
    made = project({"env/production/security.env": f"KEY=$<vault:{mount}/app#key>\nENV=$<env:GIVEN>\n"})
    env = vault.environ(vault.token(vault.policy(f"{mount}/*")))
    with application(made, env={**env, "GIVEN": canary()}) as app:
        text = made.cli("check-rotation", "--running", str(app.pid), env={**env, "GIVEN": canary()}).stdout
    flat = " ".join(text.split())
    assert f"process {app.pid}: not compared: the store has no versions" in flat
    assert f"process {app.pid}: not compared: the process environment has no versions" in flat
    assert "0 compared secrets, none stale" in flat


def test_a_record_that_cannot_be_written(project: MakeProject, canary: CanaryFactory, tmp_path: Path) -> None:
    """Nothing is started, with status 6."""
    made = project(file_kind(canary, tmp_path).files)
    done = made.cli("run", "-e", "production", "--record", "absent/record", "--", "echo", "started", expect=6)
    assert done.stdout == ""
    assert "absent/record: it cannot be written" in done.stderr


def test_a_nested_run(project: MakeProject, canary: CanaryFactory, tmp_path: Path) -> None:
    """An inner `run`, which gets the values of the outer one, has its versions too."""
    kind = file_kind(canary, tmp_path)
    made = project(kind.files)
    program = [*secretsync_argv(("run", "--record", "record.json", "--", *PROGRAM))]
    with application(made, program=program) as app:
        kind.rotate()
        for name in (str(app.pid), "record.json"):
            assert "stale" in made.cli("check-rotation", "--running", name, expect=1).stdout


@pytest.mark.parametrize(("user", "words"), [(0, "cannot be read, not even by root"), (1000, "run this as root")])
def test_ps_advises_only_other_users_to_become_root(
    user: int, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Root gets no advice to become root if a process cannot be read."""
    monkeypatch.setattr(ps, "hide_memory", lambda _: None)
    monkeypatch.setattr(ps, "applications", lambda: ([], 1))
    monkeypatch.setattr("os.geteuid", lambda: user)
    assert ps.execute(build_parser("ps", ps).parse_args([])) == 0
    assert words in capsys.readouterr().err
