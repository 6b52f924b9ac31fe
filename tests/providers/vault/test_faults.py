"""Vault that is down, slow, busy, sealed or not Vault: what is said, how long it takes, and what never shows."""

from __future__ import annotations

import http.client
import logging
import os
import socket
import time
import unittest.mock
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from secretsync.core.errors import ProblemKind, ResolutionError
from secretsync.core.model import Failed, Found, SecretRef
from secretsync.providers.interface import Deadline
from secretsync.providers.vault.provider import VaultProvider
from tests.providers.vault.helpers import describe, failed, fetch, fetch_all, field, make_provider
from tests.servers import faults
from tests.servers.faults import FaultProxy
from tests.servers.loopback import Fault, json_response
from tests.servers.openbao import OpenBao, VaultSpace
from tests.servers.postgresql import PostgreSql
from tests.support.canary import CanaryFactory
from tests.support.clock import StoppedClock
from tests.support.limits import HANG, STALL

Proxies = Callable[[str], FaultProxy]

UNAVAILABLE = ProblemKind.UNAVAILABLE


class Broken:
    """A secret behind a proxy that plays faults."""

    def __init__(self, vault: VaultSpace, proxy: FaultProxy, value: str) -> None:
        self.vault, self.proxy, self.value = vault, proxy, value
        self.mount = vault.kv2()
        self.path = f"{self.mount}/app"
        vault.write(self.mount, "app", {"key": value})
        self.read = f"GET /v1/{self.mount}/data/app"
        self.token = vault.token(vault.policy(f"{self.mount}/*"))

    def provider(self) -> VaultProvider:
        """Return a provider that goes through the proxy."""
        return make_provider(self.vault.environ(self.token, url=self.proxy.url))

    def fetch(self, *, seconds: float = HANG) -> object:
        """Return what a new provider answers."""
        return fetch(self.provider(), self.path, seconds=seconds)


@pytest.fixture
def broken(vault: VaultSpace, fault_proxy: Proxies, canary: CanaryFactory) -> Broken:
    """Return a secret behind a proxy."""
    return Broken(vault, fault_proxy(vault.url), canary())


def _refuse(proxy: FaultProxy) -> None:
    proxy.refuse()


def _mute(proxy: FaultProxy) -> None:
    proxy.mute()


def _black_hole(proxy: FaultProxy) -> None:
    proxy.black_hole()


def _always(fault: Fault) -> Callable[[FaultProxy], None]:
    return lambda proxy: proxy.fail(fault)


DOWN = {
    "refused": _refuse,
    "mute": _mute,
    "black hole": _black_hole,
    "silent": _always(faults.silence()),
    "dripping": _always(faults.drip(0.05)),
    "resetting": _always(faults.reset()),
    "cut": _always(faults.cut(10)),
    "html": _always(faults.html()),
    "empty": _always(faults.empty()),
    "500": _always(faults.vault_error(500, "internal error")),
    "502": _always(faults.html(502)),
    "503": _always(faults.vault_error(503, "no healthy upstream")),
    "404 page": _always(faults.html(404)),
    "429": _always(faults.vault_error(429, "quota", headers={"Retry-After": "1"})),
}


@pytest.mark.parametrize("how", DOWN)
def test_down_in_every_way(broken: Broken, how: str) -> None:
    """Whatever is wrong with the server: unavailable for each secret, by the deadline."""
    DOWN[how](broken.proxy)
    began = time.monotonic()
    provider, paths = broken.provider(), [f"{broken.mount}/app-{number}" for number in range(40)]
    outcomes = fetch_all(provider, *paths, seconds=1.0)
    assert time.monotonic() - began < 1.0 + STALL
    assert {failed(outcome).kind for outcome in outcomes} == {UNAVAILABLE}
    for outcome in outcomes:
        assert broken.value not in f"{outcome}"


@pytest.mark.parametrize("how", ["silent", "dripping", "resetting", "html"])
def test_down_after_the_mount_was_found(broken: Broken, how: str) -> None:
    """A server that goes down after a first read is unavailable, by the deadline."""
    provider = broken.provider()
    assert isinstance(fetch(provider, broken.path), Found)
    DOWN[how](broken.proxy)
    began = time.monotonic()
    outcome = failed(fetch(provider, broken.path, seconds=1.0))
    assert time.monotonic() - began < 1.0 + STALL
    assert outcome.kind is UNAVAILABLE


@pytest.mark.parametrize(
    "fault",
    [
        *(faults.vault_error(status) for status in (412, 429, 500, 503)),
        *(faults.html(502), faults.html(504), faults.reset(), faults.cut(10)),
    ],
)
def test_what_passes_is_asked_again(broken: Broken, fault: Fault) -> None:
    """Two failures and a success are a success, in three requests."""
    broken.proxy.fail(fault, broken.read, times=2)
    assert field(fetch(broken.provider(), broken.path), "key") == broken.value
    assert broken.proxy.requests.count(broken.read) == 3


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (faults.vault_error(429), "rate limited (429)"),
        (faults.vault_error(500), "it failed (500)"),
        (faults.vault_error(503, "Vault is sealed"), "(503)"),
        (faults.vault_error(473), "(473)"),
        (faults.html(502), "(502)"),
        (faults.reset(), "closed before the response"),
    ],
)
def test_what_may_pass_is_asked_until_the_deadline(broken: Broken, fault: Fault, words: str) -> None:
    """A request that keeps failing is made again up to the deadline, whose outcome names the last cause."""
    broken.proxy.fail(fault, broken.read)
    began = time.monotonic()
    outcome = failed(broken.fetch(seconds=2.0))
    assert 1.0 < time.monotonic() - began < 3.0
    assert outcome.kind is UNAVAILABLE
    assert words in outcome.cause
    assert broken.proxy.requests.count(broken.read) > 3


@pytest.mark.parametrize(
    "fault", [*(faults.vault_error(status) for status in (400, 403, 404, 405)), faults.html(), faults.empty()]
)
def test_what_stays_is_asked_once(broken: Broken, fault: Fault) -> None:
    """What no repetition fixes is asked once."""
    broken.proxy.fail(fault, broken.read)
    assert not isinstance(broken.fetch(), Found)
    assert broken.proxy.requests.count(broken.read) == 1


def test_an_unknown_host_is_asked_once(broken: Broken) -> None:
    """A host that does not exist ends it long before the deadline; the proxy is only there for the one name."""
    provider = make_provider({"VAULT_ADDR": "https://vault.invalid:8200", "VAULT_TOKEN": broken.token})
    with unittest.mock.patch("socket.getaddrinfo", side_effect=socket.gaierror(socket.EAI_NONAME, "unknown")):
        outcome = failed(fetch(provider, broken.path))
    assert "the server's name is not known" in outcome.cause
    assert provider.requests.total == 1


def test_a_failing_resolver_is_asked_again(broken: Broken) -> None:
    """A temporary failure of the name service is no end."""
    find, failures = socket.getaddrinfo, iter([socket.gaierror(socket.EAI_AGAIN, "temporary")] * 2)

    def flaky(*arguments: Any, **options: Any) -> Any:
        if (failure := next(failures, None)) is not None:
            raise failure
        return find(*arguments, **options)

    provider = broken.provider()
    with unittest.mock.patch("socket.getaddrinfo", flaky):
        assert field(fetch(provider, broken.path), "key") == broken.value
    assert provider.requests.total == 4  # one for the mount, in three tries, and one for the secret


def test_who_we_are_is_asked_once(broken: Broken) -> None:
    """`doctor` shows the state as it is now."""
    broken.proxy.fail(faults.vault_error(503))
    with pytest.raises(ResolutionError):
        broken.provider().identity()
    assert broken.proxy.requests.count("GET /v1/auth/token/lookup-self") == 1


@pytest.mark.parametrize(
    ("fault", "tries"),
    [
        (faults.reset(asked=True), 1),
        (faults.cut(10), 1),
        (faults.vault_error(500), 1),
        (faults.html(502), 1),
        (faults.html(503), 1),
        (faults.vault_error(429), 2),
        (faults.vault_error(503, "Vault is sealed"), 2),
    ],
    ids=["reset", "cut", "500", "502", "503 of a gateway", "429", "sealed"],
)
@pytest.mark.parametrize("is_wrapped", [False, True], ids=["login", "unwrapping"])
def test_a_secret_id_is_not_used_twice(broken: Broken, fault: Fault, *, tries: int, is_wrapped: bool) -> None:
    """A login with a secret_id, or its unwrapping, is only repeated if the server has turned the request away."""
    role = broken.vault.approle(broken.vault.policy(f"{broken.mount}/*"), wrap="60s" if is_wrapped else None)
    auth = {"method": "approle", "mount": role.mount, "role_id": role.role_id}
    environ = {**broken.vault.environ(url=broken.proxy.url), "VAULT_SECRET_ID": role.secret_id}
    provider = make_provider(environ, auth={**auth, "wrapped": True} if is_wrapped else auth)
    operation = "* /v1/sys/wrapping/unwrap" if is_wrapped else f"* /v1/auth/{role.mount}/login"
    broken.proxy.fail(fault, operation, times=1)
    outcome = fetch(provider, broken.path)
    assert broken.proxy.requests.count(operation) == tries
    assert isinstance(outcome, Found if tries == 2 else Failed)


def test_a_busy_server_says_when(broken: Broken) -> None:
    """Retry-After is waited for, more than twice where that fits; where it does not, we are told at once."""
    busy = faults.vault_error(429, "rate limit quota exceeded", headers={"Retry-After": "0"})
    broken.proxy.fail(busy, broken.read, times=4)
    assert field(fetch(broken.provider(), broken.path), "key") == broken.value
    asked = [request.at for request in broken.proxy.requests.log if request.operation == broken.read]
    assert len(asked) == 5
    broken.proxy.fail(faults.vault_error(429, headers={"Retry-After": "1"}), broken.read, times=1)
    assert field(fetch(broken.provider(), broken.path), "key") == broken.value
    asked = [request.at for request in broken.proxy.requests.log if request.operation == broken.read]
    assert asked[6] - asked[5] >= 1.0
    broken.proxy.fail(faults.vault_error(429, headers={"Retry-After": "60"}), broken.read)
    began = time.monotonic()
    outcome = failed(broken.fetch(seconds=50.0))
    assert time.monotonic() - began < 50.0
    assert outcome.kind is UNAVAILABLE
    assert "rate limited (429), for another 60 s" in outcome.cause


def test_a_quota_of_the_server(vault: VaultSpace, canary: CanaryFactory) -> None:
    """Forty secrets against a real quota of thirty in a second: all of them come."""
    mount = vault.kv2()
    for number in range(40):
        vault.write(mount, f"app-{number}", {"key": canary()})
    provider = make_provider(vault.environ(vault.token(vault.policy(f"{mount}/*"))))
    vault.rate_limit(f"{mount}/", 30)
    outcomes = fetch_all(provider, *(f"{mount}/app-{number}" for number in range(40)))
    assert all(isinstance(outcome, Found) for outcome in outcomes)


def test_sealed(openbao_sealed: OpenBao) -> None:
    """A sealed server is said to be sealed, for values, metadata and identity."""
    provider = make_provider({"VAULT_ADDR": openbao_sealed.url, "VAULT_TOKEN": "s.x"})
    for ask in (fetch, describe):
        outcome = failed(ask(provider, "secret/app", seconds=1.0))
        assert outcome.kind is UNAVAILABLE
        assert "it is sealed (503)" in outcome.cause


def test_uninitialised(openbao_uninitialised: OpenBao) -> None:
    """A server that was never initialised says "sealed" too; its health tells the difference."""
    provider = make_provider({"VAULT_ADDR": openbao_uninitialised.url, "VAULT_TOKEN": "s.x"})
    assert "it is not initialised (503)" in failed(fetch(provider, "secret/app", seconds=1.0)).cause


@pytest.mark.parametrize(
    ("status", "health", "words"),
    [
        (500, {"initialized": True, "sealed": False, "standby": True}, "a standby that reaches no leader (500)"),
        (472, {"initialized": True, "sealed": False, "replication_dr_mode": "secondary"}, "disaster recovery (472)"),
        (473, {"initialized": True, "sealed": False, "standby": True}, "a standby that reaches no leader (473)"),
        (503, {"initialized": True, "sealed": True}, "sealed (503)"),
        (500, {"initialized": True, "sealed": False, "standby": False}, "it failed (500)"),
    ],
)
def test_the_state_is_named(broken: Broken, status: int, health: dict[str, object], words: str) -> None:
    """The state of a server that does not answer is asked of its health, once, whatever the number of secrets."""
    broken.proxy.fail(faults.vault_error(status, "local node not active"), f"GET /v1/{broken.mount}/data/*")
    answer = json_response(health)
    broken.proxy.fail(faults.respond(200, answer.body, answer.headers), "GET /v1/sys/health")
    outcomes = fetch_all(broken.provider(), *(f"{broken.mount}/app-{number}" for number in range(5)), seconds=1.5)
    assert {failed(outcome).kind for outcome in outcomes} == {UNAVAILABLE}
    assert all(words in failed(outcome).cause for outcome in outcomes)
    assert broken.proxy.requests.count("GET /v1/sys/health") == 1
    asked = next(request for request in broken.proxy.requests.log if request.path == "/v1/sys/health")
    assert asked.headers["X-Vault-Token"] is None


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_do_not_take_the_token_along(broken: Broken, fault_proxy: Proxies, status: int) -> None:
    """A redirect is not followed; the message names the host it leads to."""
    elsewhere = fault_proxy(broken.vault.url)
    location = {"Location": f"{elsewhere.url}/v1/{broken.mount}/data/app"}
    broken.proxy.fail(faults.respond(status, b"{}", location), broken.read)
    outcome = failed(broken.fetch())
    assert outcome.kind is UNAVAILABLE
    assert f"sends us on to 127.0.0.1 ({status})" in outcome.cause
    assert elsewhere.requests.count() == 0


def test_one_bad_secret_spoils_no_other(broken: Broken, clock: StoppedClock) -> None:
    """Of thirty, one hangs and one is garbled: the others are there."""
    for number in range(30):
        broken.vault.write(broken.mount, f"app-{number}", {"key": broken.value})
    broken.proxy.fail(faults.silence(), f"GET /v1/{broken.mount}/data/app-3")
    broken.proxy.fail(faults.html(), f"GET /v1/{broken.mount}/data/app-7")
    refs = [SecretRef("vault", f"{broken.mount}/app-{number}") for number in range(30)]
    answers = broken.provider().fetch(refs, Deadline(HANG))
    outcomes = dict(next(answers) for _ in range(29))
    clock.advance(HANG)
    outcomes.update(answers)
    bad = {number for number, ref in enumerate(refs) if isinstance(outcomes[ref], Failed)}
    assert bad == {3, 7}


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_json_that_is_not_vaults(broken: Broken, status: int) -> None:
    """A gateway before the server says no in JSON of its own: nothing is missing then, and no right is lacking."""
    answer = json_response({"message": "no route matched"}, status)
    broken.proxy.fail(faults.respond(status, answer.body, answer.headers))
    for outcome in (broken.fetch(), describe(broken.provider(), broken.path)):
        assert failed(outcome).kind is UNAVAILABLE
        assert f"its answer is not Vault's ({status})" in failed(outcome).cause


@pytest.mark.parametrize("proxy", ["nonsense:::", "socks5://127.0.0.1:1"])
def test_a_proxy_that_is_none(broken: Broken, proxy: str) -> None:
    """A proxy that requests cannot use is a mistake in the configuration, and no connection that was closed."""
    environ = {**broken.vault.environ(broken.token, url=broken.proxy.url), "HTTP_PROXY": proxy}
    outcome = failed(fetch(make_provider(environ), broken.path))
    assert outcome.kind is ProblemKind.CONFIGURATION
    assert "HTTP_PROXY" in f"{outcome.hint}"
    assert broken.proxy.requests.count() == 0


# Discretion


def _bodies(value: str) -> Iterator[Fault]:
    for status in (200, 400, 403, 404, 405, 500, 503):
        yield faults.vault_error(status, f"failed with {value}")
        yield faults.respond(status, value.encode(), {"Content-Type": "text/plain"})
        yield faults.respond(status, f'{{"data": {{"data": "{value}"}}, "x": '.encode())
        answer = json_response(
            {"data": {"data": value, "metadata": value}, "warnings": value, "errors": [[value]]}, status
        )
        yield faults.respond(status, answer.body, {**answer.headers, "Retry-After": value, "Location": f"//{value}/"})


def test_no_answer_is_repeated_to_people(broken: Broken) -> None:
    """Bodies and headers with a value in them, under any status: no message has it."""
    provider = broken.provider()
    assert isinstance(fetch(provider, broken.path), Found)
    soon = 0.15  # seconds: too few for a second try
    for fault in _bodies(broken.value):
        broken.proxy.fail(fault, "*")
        for asked in (provider, broken.provider()):
            for outcome in (fetch(asked, broken.path, seconds=soon), describe(asked, broken.path, seconds=soon)):
                assert not isinstance(outcome, Found)
                assert broken.value not in f"{outcome!r}"
                assert "the provider raised" not in f"{outcome!r}"
        broken.proxy.heal()


def test_logs_at_debug_have_no_secret(
    broken: Broken, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The application's root logger at DEBUG and http.client's own printing: neither shows token or value."""
    user = broken.vault.userpass("default")
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    caplog.set_level(logging.DEBUG)
    for name in ("urllib3", "requests", "hvac"):
        caplog.set_level(logging.DEBUG, name)  # until the end of this test
    environ = {**broken.vault.environ(url=broken.proxy.url), "VAULT_PASSWORD": user.password}
    auth = {"method": "userpass", "mount": user.mount, "username": user.username}
    assert isinstance(broken.fetch(), Found)
    fetch(make_provider(environ, auth=auth), broken.path)
    broken.proxy.fail(faults.reset(), times=2)
    assert isinstance(broken.fetch(), Found)
    captured = capfd.readouterr()
    shown = caplog.text + captured.out + captured.err
    for secret in (broken.value, broken.token, user.password):
        assert secret not in shown


def test_a_lease_that_fails_shows_nothing_of_the_database(vault: VaultSpace, postgresql: PostgreSql) -> None:
    """An engine's error may hold what it was configured with; only its status is told."""
    roles = vault.database(postgresql)
    role = {"db_name": "pg", "creation_statements": "SELECT 'c4n4ryhe4d' FROM nowhere", "default_ttl": "1h"}
    vault.root.write_data(f"{roles.mount}/roles/app", data=role)
    outcome = failed(fetch(make_provider(vault.environ("root")), roles.creds))
    assert outcome.kind is UNAVAILABLE
    assert "it failed (500)" in outcome.cause
    assert "nowhere" not in f"{outcome}"


def test_a_fork_shares_no_connection(broken: Broken) -> None:
    """A child that goes on with its parent's provider opens connections of its own."""
    provider = broken.provider()
    assert isinstance(fetch(provider, broken.path), Found)
    before = broken.proxy.requests.connections
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads: that it works is the test
        child = os.fork()
    if child == 0:
        is_found = False
        try:
            is_found = isinstance(fetch(provider, broken.path), Found)
        finally:
            os._exit(0 if is_found else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert broken.proxy.requests.connections == before + 1
    assert isinstance(fetch(provider, broken.path), Found)
    assert broken.proxy.requests.connections == before + 1


def test_closed_while_in_use(broken: Broken) -> None:
    """`close` gives back the connections; a provider that is used all the same opens new ones."""
    provider = broken.provider()
    refs = (SecretRef("vault", broken.path),)
    assert isinstance(dict(provider.fetch(refs, Deadline(HANG)))[refs[0]], Found)
    provider.close()
    provider.close()
    assert isinstance(dict(provider.fetch(refs, Deadline(HANG)))[refs[0]], Found)


@pytest.mark.parametrize("version", ["1", "2"])
def test_an_answer_about_another_version(broken: Broken, version: str) -> None:
    """An answer about a version that was not requested is not taken."""
    broken.vault.write(broken.mount, "app", {"key": broken.value})
    answer = json_response({"data": {"data": {"key": broken.value}, "metadata": {"version": 99}}})
    broken.proxy.fail(faults.respond(200, answer.body, answer.headers), broken.read)
    outcome = failed(fetch(broken.provider(), broken.path, version))
    assert outcome.kind is UNAVAILABLE
    assert f"version {version} of {broken.path} was requested, and the answer is about 99" in outcome.cause


@pytest.mark.parametrize("metadata", [{}, {"version": None}, {"version": "latest"}, {"version": -1}, {"version": [1]}])
def test_an_answer_without_a_version(broken: Broken, metadata: dict[str, object]) -> None:
    """An answer that does not say which version it is about is not taken."""
    answer = json_response({"data": {"data": {"key": broken.value}, "metadata": metadata}})
    broken.proxy.fail(faults.respond(200, answer.body, answer.headers), broken.read)
    outcome = failed(broken.fetch())
    assert (outcome.kind, outcome.cause) == (UNAVAILABLE, "its answer does not have the version of the secret")


@pytest.mark.parametrize(
    "metadata",
    [
        {"current_version": 9, "versions": {"1": {"created_time": "2026-11-24T08:00:00Z"}}},
        {"current_version": "newest", "versions": {"1": {"created_time": "2026-11-24T08:00:00Z"}}},
        {"current_version": 1, "versions": ["1"]},
        {"current_version": 1},
    ],
)
def test_metadata_without_the_current_version(broken: Broken, metadata: dict[str, object]) -> None:
    """Metadata without the version that they call current have failed: the secret does not count as missing."""
    answer = json_response({"data": metadata})
    broken.proxy.fail(faults.respond(200, answer.body, answer.headers), f"GET /v1/{broken.mount}/metadata/app")
    assert failed(describe(broken.provider(), broken.path)).kind is UNAVAILABLE


@pytest.mark.parametrize("lease", ["database/creds/other/7b2", "{path}2/7b2", "{path}", "x/{path}/7b2"])
def test_a_lease_of_another_secret(vault: VaultSpace, fault_proxy: Proxies, canary: CanaryFactory, lease: str) -> None:
    """The lease in an answer begins with the path that was requested; another one is not taken."""
    mount = vault.kv1()
    vault.write1(mount, "app", {"key": canary()})
    proxy, path = fault_proxy(vault.url), f"{mount}/app"
    provider = make_provider(vault.environ(vault.token(vault.policy(f"{mount}/*")), url=proxy.url))
    for lease_id, is_taken in ((lease.replace("{path}", path), False), (f"{path}/7b2", True), ("", True)):
        answer = json_response({"lease_id": lease_id, "data": {"key": canary()}})
        proxy.fail(faults.respond(200, answer.body, answer.headers), f"GET /v1/{path}", times=1)
        assert isinstance(fetch(provider, path), Found) is is_taken
