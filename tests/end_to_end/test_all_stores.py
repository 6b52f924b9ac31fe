"""One environment on all five stores: all of it, or a report of all that is wrong, in the time of the slowest."""

import contextlib
import json
import os
import pty
import re
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers.all_stores import REMOTE, AllStores, fill, work
from tests.servers.aws import REGION, AwsAccount
from tests.servers.azure import AzureWorld, forbidden
from tests.servers.faults import FaultProxy, Gate, hold, html, reset, silence, vault_error
from tests.servers.loopback import Fault, LoopbackServer, Response
from tests.servers.ministack import Ministack, start_ministack
from tests.servers.openbao import VaultSpace, start_openbao
from tests.servers.process import ServerProcess
from tests.support.limits import STALL
from tests.support.processes import clean_environment, secretsync_argv
from tests.support.projects import MakeProject

RENDER = ("render", "-e", "production", "--format", "json", "-v")
DEADLINE = 4.0  # seconds, for a run that a server is to spoil
UNAVAILABLE = 5
# A machine that is no virtual machine of Azure, and has no CLI: nothing listens where the metadata service would.
NO_IDENTITY = {
    "AZURE_CLIENT_SECRET": None,
    "AZURE_POD_IDENTITY_AUTHORITY_HOST": "http://127.0.0.1:1",
    "PATH": "/nowhere",
}


@dataclass
class World:
    """All stores, each behind something that counts and breaks."""

    stores: AllStores
    before: dict[str, LoopbackServer]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Return a folder for secrets files."""
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


@pytest.fixture
def world(
    project: MakeProject,
    aws: AwsAccount,
    vault: VaultSpace,
    azure: AzureWorld,
    files: Path,
    fault_proxy: Callable[[str], FaultProxy],
) -> World:
    """Sixty references to five stores."""
    proxies = {aws.url: fault_proxy(aws.url), vault.url: fault_proxy(vault.url)}
    stores = fill(project, aws, vault, azure, files, url=lambda url: proxies[url].url)
    return World(stores, {"aws": proxies[aws.url], "vault": proxies[vault.url], "azure": azure.keyvault})


def test_sixty_references(world: World) -> None:
    """All arrive byte for byte; what -v says of requests is what the servers saw, one read a secret."""
    done = world.stores.cli(*RENDER, reveals=True, expect=0)
    assert len(world.stores.values) == 60
    assert json.loads(done.stdout) == world.stores.values
    told = work(done.stderr)
    assert {name: one.secrets for name, one in told.items()} == {
        "aws": 10,
        "vault": 10,
        "azure": 10,
        "docker": 5,
        "env": 5,
    }
    at_vaults = [name for name in world.before["azure"].requests.operations if name not in ("token", "discovery")]
    seen = {
        "aws": world.before["aws"].requests.count(),
        "vault": world.before["vault"].requests.count(),
        "azure": sum(world.before["azure"].requests.count(name) for name in at_vaults),
    }
    assert {name: told[name].requests for name in REMOTE} == seen
    assert world.before["aws"].requests.operations == {"BatchGetSecretValue": 1}
    assert world.before["vault"].requests.count(f"GET /v1/{world.stores.mount}/data/*") == 10
    assert world.before["azure"].requests.count("get") == 10
    assert told["docker"].requests is None


def test_run(world: World) -> None:
    """The application has all of them too, and none of the credentials that they were read with."""
    done = world.stores.cli("run", "-e", "production", "--", "env", "-0", reveals=True, expect=0)
    got = dict(entry.split("=", 1) for entry in done.stdout.split("\0") if entry)
    assert {key: got[key] for key in world.stores.values} == world.stores.values
    used = {"AWS_SECRET_ACCESS_KEY", "VAULT_TOKEN", "AZURE_CLIENT_SECRET"}
    assert used <= set(world.stores.environ)
    assert not used & set(got)


def test_stores_are_asked_at_the_same_time(world: World) -> None:
    """No server answers anything before all three were asked: one after the other would never end."""
    gate = Gate()
    for server in world.before.values():
        server.fail(hold(gate))
    with ThreadPoolExecutor() as pool:
        running = pool.submit(world.stores.cli, *RENDER, reveals=True)
        try:
            for server in world.before.values():
                server.requests.wait_for(1)
        finally:
            gate.open()
        assert running.result().status == 0


@pytest.mark.parametrize("slow", REMOTE)
def test_time_is_that_of_the_slowest(world: World, slow: str) -> None:
    """One store answers nothing before the others have answered everything: they do not wait for it."""
    gate = Gate()
    world.before[slow].fail(hold(gate))
    everything = {"aws": ("BatchGetSecretValue", 1), "vault": ("GET /v1/*/data/*", 10), "azure": ("get", 10)}
    with ThreadPoolExecutor() as pool:
        running = pool.submit(world.stores.cli, *RENDER, reveals=True)
        try:
            for other in set(REMOTE) - {slow}:
                operation, count = everything[other]
                world.before[other].requests.wait_for(count, operation)
            assert not running.done()
        finally:
            gate.open()
        assert running.result().status == 0


def refuse(server: LoopbackServer) -> None:
    """Nothing listens any more."""
    server.refuse()


def mute(server: LoopbackServer) -> None:
    """Accept connections, and never read from them."""
    server.mute()


def play(fault: Fault) -> Callable[[LoopbackServer], None]:
    """Every request gets `fault`."""
    return lambda server: server.fail(fault)


WAYS = {
    "refused": refuse,
    "muted": mute,
    "silent": play(silence()),
    "reset": play(reset()),
    "garbled": play(html()),
}


def spoil_another(stores: AllStores, down: str, vault_proxy: LoopbackServer | None = None) -> set[str]:
    """Make one secret of a store that is up fail as well: the keys that it was for."""
    if down == "vault" or vault_proxy is None:
        stores.keyvault.refusals["key-3"] = Response(503, b"{}")
        return {"AZURE_3"}
    vault_proxy.fail(vault_error(500, "internal"), f"GET /v1/{stores.mount}/data/app/3")
    return {"VAULT_3_USER", "VAULT_3_PASSWORD"}


def assert_down(stores: AllStores, down: str, others: set[str]) -> None:
    """Status 5 by the deadline; each entry of `down`, and `others`, in the report; nothing written."""
    output = stores.project.write("out.json", "as it was\n")
    argv = (*RENDER, "--output", "out.json", "--timeout", f"{DEADLINE:g}s")
    done = stores.cli(*argv, expect=UNAVAILABLE)
    assert output.read_text() == "as it was\n"
    # A busy machine may not get to all of the other stores by the deadline either. That they do not wait for the one
    # that is down is a test of its own, without a deadline.
    assert reported(done.stderr) >= {*stores.keys[down], *others}
    assert work(done.stderr)[down].seconds <= DEADLINE + STALL


def reported(stderr: str) -> set[str]:
    """Return the keys that the report names, each with its file and line."""
    return set(re.findall(r"^  env/production/security\.env:\d+:\d+: (\w+): ", stderr, re.MULTILINE))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("down", REMOTE)
def test_one_server_is_down(world: World, down: str, way: str) -> None:
    """However it goes down; what another store fails with is in the same report."""
    others = spoil_another(world.stores, down, world.before["vault"])
    WAYS[way](world.before[down])
    assert_down(world.stores, down, others)


@pytest.fixture
def own(
    project: MakeProject, azure: AzureWorld, files: Path, tmp_path: Path, ministack: Ministack
) -> Iterator[tuple[AllStores, dict[str, ServerProcess]]]:
    """All stores, without a proxy, on servers of this test's own; `ministack` skips it where there can be none."""
    with contextlib.ExitStack() as stack:
        aws, vault = start_ministack(tmp_path / "ministack"), start_openbao(tmp_path / "openbao")
        servers = {"aws": aws.process, "vault": vault.process}
        for process in servers.values():
            stack.callback(process.stop)
        yield fill(project, aws.account(), vault.space(), azure, files), servers


@pytest.mark.parametrize("way", ["killed", "stopped"])
@pytest.mark.parametrize("down", ["aws", "vault"])
def test_a_server_dies(own: tuple[AllStores, dict[str, ServerProcess]], down: str, way: str) -> None:
    """A process that is killed, or hangs with its port open, is no worse."""
    stores, servers = own
    others = spoil_another(stores, down)
    if way == "killed":
        servers[down].process.kill()
        servers[down].process.wait()
    else:
        servers[down].pause()
    assert_down(stores, down, others)


def test_failures_of_every_kind(world: World) -> None:
    """One report has them all; the status is that of what no retry can mend, and nothing is started."""
    stores = world.stores
    stores.aws.delete("app/2")
    stores.keyvault.refusals["key-4"] = forbidden("ForbiddenByRbac")
    stores.keyvault.delete("key-5")
    world.before["vault"].refuse()
    done = stores.cli("run", "-e", "production", "-v", "--timeout", "15s", "--", "touch", "started", expect=3)
    assert reported(done.stderr) == {*stores.keys["vault"], "AWS_2_USER", "AWS_2_PASSWORD", "AZURE_4", "AZURE_5"}
    for words in ("scheduled for deletion", "Key Vault Secrets User", "no such secret", "refuses connections"):
        assert words in done.stderr
    assert not (stores.project.root / "started").exists()


def test_doctor(world: World) -> None:
    """The command prints the identity at each store by ids only, and the seconds of each; it reads no secret."""
    done = world.stores.cli("doctor", "-e", "production", "--format", "json", expect=0)
    stores = {row["store"]: row for row in json.loads(done.stdout)["stores"]}
    assert set(stores) == {"aws", "azure", "docker", "env", "vault"}
    assert all(row["status"] == "ok" and row["milliseconds"] >= 0 for row in stores.values())
    assert ":user/" in stores["aws"]["principal"]
    assert stores["aws"]["details"]["region"] == REGION
    assert stores["vault"]["endpoint"] == world.stores.environ["VAULT_ADDR"]
    assert stores["azure"]["details"]["client id"] == world.stores.environ["AZURE_CLIENT_ID"]
    for name in ("VAULT_TOKEN", "AWS_SECRET_ACCESS_KEY", "AZURE_CLIENT_SECRET"):
        assert world.stores.environ[name] not in done.stdout
    assert world.before["aws"].requests.operations == {"GetCallerIdentity": 1}
    assert world.before["vault"].requests.count("*/data/*") == 0
    assert world.before["azure"].requests.count("get*") == 0


def test_doctor_with_what_is_wrong(world: World) -> None:
    """A dead server and a dead token: each in its row with a next step, the rest as ever; the status is the lower."""
    world.before["aws"].refuse()
    done = world.stores.cli("doctor", "-e", "production", env={"VAULT_TOKEN": "s.dead"}, expect=4)
    rows = {line.split()[0]: line for line in done.stdout.split("\n") if line}
    assert "UNAVAILABLE" in rows["aws"]
    assert "DENIED" in rows["vault"]
    assert " ok " in rows["azure"]
    assert "s.dead" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("reference", "key"),
    [
        ("aws:app/1#password", "AWS_1_PASSWORD"),
        ("vault:{mount}/app/1#password", "VAULT_1_PASSWORD"),
        ("azure:key-1", "AZURE_1"),
        ("docker:key_1", "DOCKER_1"),
        ("env:GIVEN_1", "ENV_1"),
    ],
)
def test_get(world: World, reference: str, key: str) -> None:
    """Exactly the value, no line end; one read of one store, the others are not asked."""
    reference = reference.replace("{mount}", world.stores.mount)
    done = world.stores.cli("get", reference, "-e", "production", "-v", reveals=True, expect=0)
    assert done.stdout == world.stores.values[key]
    store = reference.partition(":")[0]
    assert {name: one.secrets for name, one in work(done.stderr).items()} == {store: 1}
    assert {name for name, server in world.before.items() if server.requests.log} == {store} & set(REMOTE)


@pytest.mark.parametrize(
    ("reference", "status", "words"),
    [
        ("aws:app/1#nothing", 3, "no such field"),
        ("vault:{mount}/nothing#x", 3, "there is no {mount}/nothing"),
        ("azure:nothing", 3, "no such secret"),
        ("azure:not_a_name", 2, "Key Vault names do not have underscores"),
        ("gcp:x", 2, "there is no store of this name; there are: aws, azure, docker, env, ssm, vault"),
    ],
)
def test_get_without_a_value(world: World, reference: str, status: int, words: str) -> None:
    """A failed `get` writes nothing to stdout and the cause to stderr."""
    reference, words = (text.replace("{mount}", world.stores.mount) for text in (reference, words))
    done = world.stores.cli("get", reference, "-e", "production", expect=status)
    assert done.stdout == ""
    assert words in done.stderr


def test_get_of_a_name_that_no_store_has(world: World) -> None:
    """Each place that was looked at is named."""
    done = world.stores.cli("get", "SOMETHING", "-e", "production", expect=3)
    assert re.search(r"SOMETHING: no store has it: docker:something( \(.*\))?, env:SOMETHING; ", done.stderr)


@pytest.mark.parametrize(
    ("store", "environ", "status", "words"),
    [
        ("vault", {"VAULT_TOKEN": "hvs.wrong"}, 4, "the token is not valid, or not any more; it has expired, "),
        ("vault", {"VAULT_TOKEN": None}, 4, "there is no token to log in with; set VAULT_TOKEN, "),
        ("vault", {"VAULT_ADDR": None}, 2, "it has no address; set address in the bindings, or VAULT_ADDR"),
        ("vault", {"VAULT_ADDR": "http://127.0.0.1:1"}, 5, "the server refuses connections; is 127.0.0.1:1 "),
        ("aws", {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}, 4, "no credentials were found"),
        (
            "aws",
            {"AWS_PROFILE": "nobody"},
            2,
            "there is no profile of this name in ~/.aws (ProfileNotFound); profile, or AWS_PROFILE, ",
        ),
        ("aws", {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, 5, "is 127.0.0.1:1 the right address"),
        ("azure", {"AZURE_CLIENT_SECRET": "wrong"}, 4, "AZURE_CLIENT_SECRET must be the secret's value, not its id"),
        (
            "azure",
            NO_IDENTITY,
            5,
            "set AZURE_CLIENT_SECRET, AZURE_CLIENT_CERTIFICATE_PATH or AZURE_FEDERATED_TOKEN_FILE too",
        ),
    ],
)
def test_what_is_often_wrong(world: World, store: str, environ: dict[str, str | None], status: int, words: str) -> None:
    """One store's failure alone, with the next step, for every secret of it; nothing else is wrong."""
    limit = ("--timeout", "10s") if status == 5 else ()  # a store that refuses connections is asked until then
    done = world.stores.cli(*RENDER, *limit, env=environ, expect=status)
    assert words in done.stderr
    assert reported(done.stderr) == (set(world.stores.keys[store]) if status != 2 or store != "vault" else set())


@pytest.mark.parametrize(
    ("region", "status", "words"),
    [
        ("us-east-1", 3, "there is no such secret in this account and region (ResourceNotFoundException); `secretsync"),
        ("eu_west", 2, "there is no region of that name (InvalidRegionError); region, or AWS_REGION, "),
    ],
)
def test_a_wrong_region(world: World, region: str, status: int, words: str) -> None:
    """Another region has none of the secrets; one that there is not is a mistake of the configuration."""
    path = world.stores.project.root / "providers/production.toml"
    path.write_text(path.read_text().replace(f'"{REGION}"', f'"{region}"'))
    done = world.stores.cli(*RENDER, expect=status)
    assert words in done.stderr
    assert reported(done.stderr) == set(world.stores.keys["aws"])


def test_get_on_a_terminal(world: World) -> None:
    """A terminal is shown a value with --reveal alone, and with a line end."""
    for options, status, shown in (((), 2, ""), (("--reveal",), 0, f"{world.stores.values['DOCKER_1']}\n")):
        with pseudo_terminal() as (ours, theirs):
            argv = secretsync_argv(("get", "docker:key_1", "-e", "production", *options))
            environ = clean_environment(world.stores.project.home, world.stores.environ)
            ended = subprocess.run(
                argv, cwd=world.stores.project.root, env=environ, stdout=theirs, stderr=subprocess.PIPE, check=False
            )
            os.write(theirs, b"\0")  # where it ends: a terminal hands out what it has, piece by piece
            data = b""
            while not data.endswith(b"\0"):
                data += os.read(ours, 4096)
        assert (ended.returncode, data.decode().replace("\r\n", "\n")) == (status, f"{shown}\0")
        assert b"--reveal" in ended.stderr or status == 0


@contextlib.contextmanager
def pseudo_terminal() -> Iterator[tuple[int, int]]:
    """Both ends of a terminal."""
    ours, theirs = pty.openpty()
    try:
        yield ours, theirs
    finally:
        os.close(ours)
        os.close(theirs)
