"""Providers are kept for the next resolution of a process: with their login and connections, until one is outdated."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from secretsync import Config, ResolutionError, check_rotation, close_stores, resolve_config
from secretsync.core.errors import ConfigurationError
from secretsync.resolving.requests import kept_stores
from tests.servers.faults import Gate, hold, running, silence, vault_error
from tests.servers.loopback import LoopbackServer, Request, Response, json_response
from tests.support.amounts import AMOUNTS
from tests.support.canary import CanaryFactory
from tests.support.limits import HANG
from tests.support.processes import clean_environment
from tests.support.projects import MakeProject, Project

LOGIN, MOUNT, READ = "POST /v1/auth/approle/login", "GET /v1/sys/internal/ui/mounts/*", "GET /v1/kv/*"
ENV = "KEY=$<vault:kv/app#key>\n"
BINDINGS = "[stores.vault]\nauth = { method = 'approle', role_id = 'app', secret_id_file = 'secret-id' }\n"


class Vault(LoopbackServer):
    """A server with one secret, one way to log in and one mount, which may be of either version."""

    def __init__(self, value: str) -> None:
        self.value, self.version, self.logins = value, "2", 0
        super().__init__()

    def answer(self, request: Request) -> Response:
        """Return what Vault would."""
        if request.path.startswith("/v1/auth/"):
            self.logins += 1
            return json_response({"auth": {"client_token": f"s.{self.logins}", "lease_duration": 3600}})
        if request.path.startswith("/v1/sys/internal/ui/mounts/"):
            return json_response({"data": {"path": "kv/", "type": "kv", "options": {"version": self.version}}})
        secret = {"key": self.value}
        metadata = {"version": 1, "created_time": "2026-11-24T08:00:00Z", "deletion_time": "", "destroyed": False}
        if self.version == "1" and request.path == "/v1/kv/app":
            return json_response({"data": secret})
        if self.version == "2" and request.path == "/v1/kv/data/app":
            return json_response({"data": {"data": secret, "metadata": metadata}})
        if self.version == "2" and request.path == "/v1/kv/metadata/app":
            return json_response({"data": {"current_version": 1, "versions": {"1": metadata}}})
        return json_response({"errors": []}, 404)

    def counts(self) -> tuple[int, int, int]:
        """Return the numbers of logins, questions about mounts, and reads since the last time."""
        found = (self.requests.count(LOGIN), self.requests.count(MOUNT), self.requests.count(READ))
        self.requests.clear()
        return found


class Shop:
    """A project with a secret in Vault."""

    def __init__(self, server: Vault, project: Project) -> None:
        self.server, self.project = server, project
        self.environ = {"VAULT_ADDR": server.url, "VAULT_ROLE_ID": "app", "HOME": str(project.home)}

    def resolve(self, **environ: str) -> Config:
        """Return the configuration."""
        return resolve_config("test", root=self.project.root, environ={**self.environ, **environ}, timeout=HANG)


@pytest.fixture
def shop(canary: CanaryFactory, project: MakeProject) -> Iterator[Shop]:
    """Yield the project and its server."""
    files = {"env/test/security.env": ENV, "providers/test.toml": BINDINGS, "secret-id": "id-1"}
    server = Vault(canary())
    with running(server):
        yield Shop(server, project(files))


def test_second_call_only_reads(shop: Shop) -> None:
    """The next call, a refresh and a check of ages log in no more, and a value that changed is found."""
    config = shop.resolve()
    assert shop.server.counts() == (1, 1, 1)
    connections = shop.server.requests.connections
    shop.resolve()
    assert shop.server.counts() == (0, 0, 1)
    shop.server.value = shop.server.value[::-1]
    newer = config.refresh().config
    assert (newer["KEY"], shop.server.counts()) == (shop.server.value, (0, 0, 1))
    check_rotation("test", root=shop.project.root, environ=shop.environ, timeout=HANG)
    assert shop.server.counts() == (0, 0, 1)
    assert shop.server.requests.connections == connections == 0


def test_close_stores(shop: Shop) -> None:
    """The connections end, and the next call logs in. A second call has nothing to close."""
    shop.resolve()
    assert len(sockets()) == 1
    close_stores()
    close_stores()
    assert sockets() == []
    shop.resolve()
    assert shop.server.counts() == (2, 2, 2)


@pytest.mark.parametrize("name", ["VAULT_NAMESPACE", "vault_x", "HTTPS_PROXY", "no_proxy", "SSL_CERT_FILE", "HOME"])
def test_changed_variables(shop: Shop, name: str, tmp_path: Path) -> None:
    """A variable that the provider reads gives another provider; the former one serves its own variables."""
    shop.resolve()
    shop.resolve(**{name: str(tmp_path)})
    assert shop.server.counts()[0] == 2
    shop.resolve()
    assert shop.server.counts()[0] == 0


def test_variables_of_the_process_count_too(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """SDKs read some variables from the process, also if the caller gives an environment."""
    shop.resolve()
    monkeypatch.setenv("VAULT_MAX_RETRIES", "1")
    shop.resolve()
    assert shop.server.counts()[0] == 2


def test_other_variables_do_not_count(shop: Shop) -> None:
    """A variable that the provider does not read changes nothing."""
    shop.resolve()
    shop.resolve(REQUEST_ID="1", MY_HOME="x")
    assert shop.server.counts()[0] == 1


@pytest.mark.parametrize(
    "line", ["namespace = 'a'", "plain_http = true", "kv_version = 2", "kv_version = 2\nplain_http = false"]
)
def test_changed_settings(shop: Shop, line: str) -> None:
    """A setting that changed gives another provider."""
    shop.resolve()
    shop.project.write("providers/test.toml", f"{BINDINGS}{line}\n")
    shop.resolve()
    assert shop.server.counts()[0] == 2


def test_another_environment_has_its_own(shop: Shop) -> None:
    """Two environments with equal settings do not share a login."""
    shop.project.write_all({"env/dev/security.env": ENV, "providers/dev.toml": BINDINGS})
    shop.resolve()
    resolve_config("dev", root=shop.project.root, environ=shop.environ, timeout=HANG)
    assert shop.server.counts()[0] == 2


@pytest.mark.parametrize("change", ["rewritten", "replaced", "link"])
def test_changed_file_of_a_credential(shop: Shop, change: str) -> None:
    """The file is read again after it was written, replaced, or behind a link that was moved; the old login ends."""
    file = shop.project.root / "secret-id"
    if change == "link":
        shop.project.write_all({"..1": "id-1", "..2": "id-2"})
        file.unlink()
        file.symlink_to("..1")
    shop.resolve()
    if change == "rewritten":
        file.write_text("id-2")
    else:
        other = shop.project.root / "other"
        other.symlink_to("..2") if change == "link" else other.write_text("id-2")
        other.replace(file)
    shop.resolve()
    logins = [request.json["secret_id"] for request in shop.server.requests.log if request.operation == LOGIN]
    assert logins == ["id-1", "id-2"]
    assert len(sockets()) == 1


@pytest.mark.parametrize("name", ["~/.vault-token", "$VAULT_CACERT", "$SSL_CERT_FILE"])
def test_changed_file_of_a_variable(shop: Shop, name: str, tmp_path: Path) -> None:
    """Files that no setting names are watched too, also if they do not exist at first."""
    path = tmp_path / "file"
    environ = {name[1:]: str(path)} if name.startswith("$") else {"HOME": str(tmp_path)}
    if name.startswith("~"):
        path = tmp_path / name[2:]
    shop.resolve(**environ)
    path.write_text("1")
    shop.resolve(**environ)
    shop.resolve(**environ)
    assert shop.server.counts()[0] == 2


@pytest.mark.parametrize("status", [401, 403])
def test_denied(shop: Shop, status: int) -> None:
    """After a denied request the next call logs in again, because the rights of a login may be those of its time."""
    shop.resolve()
    shop.server.fail(vault_error(status, "permission denied"), "GET /v1/kv/*")
    with pytest.raises(ResolutionError, match="may not read"):
        shop.resolve()
    shop.server.heal()
    shop.server.counts()
    shop.resolve()
    assert shop.server.counts() == (1, 1, 1)


def test_denied_login(shop: Shop) -> None:
    """A refused login is not kept either."""
    shop.server.fail(vault_error(400, "invalid secret id"), LOGIN)
    with pytest.raises(ResolutionError, match="login"):
        shop.resolve()
    shop.server.heal()
    assert shop.resolve()["KEY"] == shop.server.value


@pytest.mark.parametrize("words", ["", "none"])
def test_mount_of_another_version(shop: Shop, words: str) -> None:
    """A mount that was replaced since is noticed: its secret is neither missing nor replaced by a default."""
    shop.project.write("env/test/security.env", f'KEY="$<vault:kv/app#key:-{words}>"\n' if words else ENV)
    for version in ("2", "1", "2"):
        shop.server.version = version
        assert shop.resolve()["KEY"] == shop.server.value


def test_missing_secret_is_asked_twice_at_the_most(shop: Shop) -> None:
    """A missing secret of a kept mount costs one question about the mount, and no second read if it is the same."""
    shop.project.write("env/test/security.env", "A=$<vault:kv/a#x:-1>\nB=$<vault:kv/b#x:-2>\n")
    assert dict(shop.resolve()) == {"A": "1", "B": "2"}
    assert shop.server.counts() == (1, 1, 2)
    assert dict(shop.resolve()) == {"A": "1", "B": "2"}
    assert shop.server.counts() == (0, 1, 2)


def test_threads_share_a_login(shop: Shop) -> None:
    """Calls at the same time share one provider, and log in once; a wrapped secret_id can be opened only once."""
    gate = Gate()
    shop.server.fail(hold(gate), LOGIN)
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(shop.resolve()["KEY"])) for _ in range(8)]
    for thread in threads:
        thread.start()
    shop.server.requests.wait_for(1, LOGIN)
    gate.open()
    for thread in threads:
        thread.join(HANG)
    assert found == [shop.server.value] * 8
    assert shop.server.counts()[0] == 1


def test_wrapped_secret_id(shop: Shop) -> None:
    """A login that this process cannot repeat is kept after a denied request."""
    shop.project.write("providers/test.toml", BINDINGS.replace("method", "wrapped = true, method"))
    unwrapped = json.dumps({"data": {"secret_id": "id"}}).encode()
    shop.server.fail(lambda connection, _: connection.send(Response(200, unwrapped).to_bytes()) or True, "*unwrap")  # type: ignore[func-returns-value]
    shop.resolve()
    shop.server.fail(vault_error(403, "permission denied"), "GET /v1/kv/*", times=1)
    with pytest.raises(ResolutionError, match="may not read"):
        shop.resolve()
    shop.resolve()
    assert (shop.server.requests.count("*unwrap"), shop.server.counts()[0]) == (1, 1)


def test_close_while_a_thread_reads(shop: Shop) -> None:
    """`close_stores` does not disturb a call that is at work; its connection is closed after it."""
    gate = Gate()
    shop.server.fail(hold(gate), READ)
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(shop.resolve()["KEY"]))
    thread.start()
    shop.server.requests.wait_for(1, READ)
    close_stores()
    gate.open()
    thread.join(HANG)
    assert found == [shop.server.value]
    assert sockets() == []


def test_store_that_hangs_is_not_kept(shop: Shop) -> None:
    """After a call that did not return by the deadline, the next call has a provider of its own."""
    shop.server.fail(silence(), READ)
    with pytest.raises(ResolutionError, match="no answer"):
        resolve_config("test", root=shop.project.root, environ=shop.environ, timeout=0.3)
    shop.server.heal()
    assert shop.resolve()["KEY"] == shop.server.value


def test_store_that_cannot_be_built(shop: Shop) -> None:
    """A store with wrong settings is an error each time, and the others are given back."""
    shop.project.write("providers/test.toml", f"{BINDINGS}[stores.other]\nprovider = 'vault'\nkv_version = 3\n")
    shop.project.write("env/test/security.env", f"{ENV}X=$<other:kv/app#key>\n")
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="kv_version"):
            shop.resolve()
    assert [kept.users for kept in kept_stores._pool.kept.values()] == [0]


def test_many_environments_do_not_keep_many_providers(shop: Shop) -> None:
    """The number of kept providers is bounded; those that were used last are kept."""
    for number in range(40):
        shop.resolve(VAULT_NUMBER=str(number))
    assert len(kept_stores._pool.kept) == len(sockets()) == 16
    shop.server.counts()
    shop.resolve(VAULT_NUMBER="39")
    shop.resolve(VAULT_NUMBER="24")
    assert shop.server.counts()[0] == 0


def test_plug_in_is_not_kept(shop: Shop) -> None:
    """A provider that does not name the variables that it reads is built for each call, like files and variables."""
    shop.project.write("env/test/security.env", "KEY=$<env:TOKEN>\n")
    assert [shop.resolve(TOKEN=text)["KEY"] for text in "ab"] == ["a", "b"]
    assert not kept_stores._pool.kept


def _fork_and_resolve(shop: Shop) -> int:
    """Return the process id of a child that resolves. Its exit status is 0 if it gets the value."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads: that it works is the test
        child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if shop.resolve()["KEY"] == shop.server.value else 2
            close_stores()
        finally:
            os._exit(status)
    return child


def test_a_fork_has_its_own(shop: Shop) -> None:
    """The child logs in by itself and leaves the connections of the parent alone, which go on."""
    shop.resolve()
    shop.server.counts()
    child = _fork_and_resolve(shop)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert shop.server.counts() == (1, 1, 1)
    shop.resolve()
    assert shop.server.counts() == (0, 0, 1)
    assert shop.server.requests.connections == 0


def test_fork_while_the_pool_is_locked(shop: Shop) -> None:
    """A child does not wait for a lock that a thread of its parent held."""
    shop.resolve()
    with kept_stores._pool.lock:
        child = _fork_and_resolve(shop)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_end_of_the_process(shop: Shop) -> None:
    """Nothing is left open for Python to warn of at the end."""
    program = f"from secretsync import resolve_config\nresolve_config('test', root={str(shop.project.root)!r})\n"
    environ = clean_environment(shop.project.home, shop.environ)
    argv = [sys.executable, "-X", "dev", "-W", "error", "-c", program]
    ended = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.slow
def test_nothing_grows(shop: Shop, pytestconfig: pytest.Config) -> None:
    """After many calls there are as many sockets, threads and objects as after a few."""
    calls = AMOUNTS[pytestconfig.option.amount].calls
    config = shop.resolve()

    def call(number: int) -> None:
        config.refresh() if number % 2 else shop.resolve()

    def sizes() -> tuple[int, int, int]:
        gc.collect()
        return len(sockets()), len(os.listdir("/proc/self/fd")), len(gc.get_objects())

    for number in range(50):
        call(number)
    before, kinds = sizes(), Counter(type(one).__name__ for one in gc.get_objects())
    shop.server.requests.clear()
    for number in range(calls):
        call(number)
        if number % 50 == 0:
            assert shop.server.counts()[:2] == (0, 0)  # also empties the list of the server
    shop.server.requests.clear()
    after = sizes()
    grown = Counter(type(one).__name__ for one in gc.get_objects()) - kinds
    # Something else in this process may open a file meanwhile; each call would add one.
    assert all(now < then + 20 for now, then in zip(after[:2], before[:2], strict=True))
    # A leak of one object a call would be more than a quarter of this.
    assert after[2] - before[2] < max(calls // 4, 50), grown.most_common(10)


def sockets() -> list[Any]:
    """Return the idle connections of the kept providers, after unused objects are gone."""
    gc.collect()
    stores = [kept.provider for kept in kept_stores._pool.kept.values()]
    return [connection for store in stores for connection in store._session.get().http._idle]  # type: ignore[attr-defined]
