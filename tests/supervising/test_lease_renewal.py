"""`run --supervise` with leased logins of a database: they are renewed, read again, and revoked."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.servers import faults
from tests.servers.faults import FaultProxy
from tests.servers.openbao import AppRole, VaultSpace
from tests.servers.postgresql import PostgreSql
from tests.support.limits import HANG
from tests.support.pid1 import need_namespaces
from tests.support.processes import clean_environment
from tests.support.projects import MakeProject, Project
from tests.support.supervised import PLACES, PYTHON, Lines, Supervised, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux, which is not here")

# Writes its process id, its user of the database, and each SIGHUP.
SHOW = """
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
os.write(1, b"%d %s\\n" % (os.getpid(), os.environb[b"DB_USER"]))
while True:
    signal.sigwait({signal.SIGHUP})
    os.write(1, b"hangup\\n")
"""
RENEWALS, LOGIN_RENEWALS = "* /v1/sys/leases/renew", "* /v1/auth/token/renew-self"


class LeasedApp:
    """A project with a leased login of PostgreSQL, by a login that SecretSync makes."""

    def __init__(
        self, vault: VaultSpace, postgresql: PostgreSql, make: MakeProject, proxy: FaultProxy, patch: pytest.MonkeyPatch
    ) -> None:
        self.vault, self.postgresql, self.proxy, self._patch = vault, postgresql, proxy, patch
        self.roles = vault.database(postgresql)
        self.role: AppRole = vault.approle(vault.policy(self.roles.creds), ttl="1h")
        fields = {"DB_USER": "username", "DB_PASSWORD": "password"}
        text = "".join(f"{key}=$<vault:{self.roles.creds}#{field}>\n" for key, field in fields.items())
        self.project: Project = make({"env/test/security.env": text})
        self.log_in_by_approle()

    def log_in_by_approle(self) -> None:
        """Let SecretSync log in."""
        auth = f'{{ method = "approle", mount = "{self.role.mount}" }}'
        self.project.write("providers/test.toml", f'[stores.vault]\naddress = "{self.proxy.url}"\nauth = {auth}\n')
        self._use({"VAULT_ROLE_ID": self.role.role_id, "VAULT_SECRET_ID": self.role.secret_id})

    def log_in_by_token(self, token: str) -> None:
        """Use a given token."""
        self.project.write("providers/test.toml", f'[stores.vault]\naddress = "{self.proxy.url}"\n')
        self._use({"VAULT_TOKEN": token})

    def _use(self, variables: dict[str, str]) -> None:
        environ = {**clean_environment(self.project.home), **variables}
        self._patch.setattr("tests.support.supervised.clean_environment", lambda _: environ)

    def limit(self, ttl: str, longest: str = "24h") -> None:
        """Set the times of the leases."""
        self.vault.root.write_data(f"{self.roles.mount}/roles/app", data=self._role(ttl, longest))

    def _role(self, ttl: str, longest: str) -> dict[str, str]:
        make = "CREATE ROLE \"{{name}}\" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'"
        return {"db_name": "pg", "creation_statements": make, "default_ttl": ttl, "max_ttl": longest}

    def limit_login(self, ttl: str, longest: str = "0") -> None:
        """Set the times of logins."""
        data = {"token_ttl": ttl, "token_max_ttl": longest}
        self.vault.root.write_data(f"auth/{self.role.mount}/role/app", data=data)

    def exists(self, user: str) -> bool:
        """Return True if the user can log in, as far as the database knows."""
        return self.postgresql.query(f"SELECT count(*) FROM pg_roles WHERE rolname = '{user}'") == "1"

    def is_gone(self, user: str) -> bool:
        """Return True if the user was revoked."""
        return not self.exists(user)

    def count(self, path: str) -> int:
        """Return the number of requests."""
        return self.proxy.requests.count(path)

    def wait_for_renewals(self, number: int) -> None:
        """Wait for some more renewals of a lease."""
        until = self.count(RENEWALS) + number
        wait_until(lambda: self.count(RENEWALS) >= until)


@pytest.fixture
def app(
    vault: VaultSpace,
    postgresql: PostgreSql,
    project: MakeProject,
    fault_proxy: Callable[[str], FaultProxy],
    monkeypatch: pytest.MonkeyPatch,
) -> LeasedApp:
    """Return the project with its store and its database."""
    return LeasedApp(vault, postgresql, project, fault_proxy(vault.url), monkeypatch)


@contextmanager
def running(
    app: LeasedApp, *options: str, place: str = "plain", program: str = SHOW
) -> Iterator[tuple[Supervised, Lines]]:
    """Start the application, and return the lines of standard error too."""
    with PLACES[place](app.project, *options, program=[*PYTHON, program]) as process:
        errors: Any = process.process.stderr
        yield process, Lines(process.terminal if errors is None else errors.fileno())


def started(process: Supervised) -> tuple[int, str]:
    """Wait for the start of an application; return its process id and its user of the database."""
    number, user = process.output.line().split()
    return int(number), user


def ended(process: Supervised, app: LeasedApp, user: str) -> None:
    """End the supervisor, and assert that the user is gone."""
    process.send(signal.SIGTERM)
    assert process.status() == 143
    wait_until(lambda: not app.exists(user))


def test_many_short_periods(app: LeasedApp) -> None:
    """A lease of 4 s and a login of 5 s live over several periods. The same application keeps its user.

    The processes stay the same, and so do their descriptors.
    """
    app.limit("4s")
    app.limit_login("5s")
    with running(app) as (process, _):
        number, user = started(process)
        app.wait_for_renewals(2)
        before = [len(os.listdir(f"/proc/{child}/fd")) for child in process.children()]
        app.wait_for_renewals(3)
        assert app.exists(user)
        assert app.count(LOGIN_RENEWALS) >= 3
        assert number in process.children()
        # A connection of a renewal may be open or not.
        after = [len(os.listdir(f"/proc/{child}/fd")) for child in process.children()]
        assert all(new <= old + 1 for old, new in zip(before, after, strict=True))
        ended(process, app, user)
        assert process.stderr().count("\n") == 1  # the removed credential


@pytest.mark.parametrize("place", PLACES)
def test_the_maximum_time_is_a_rotation(app: LeasedApp, place: str) -> None:
    """Before the maximum time the next application has another user. The old one is revoked after the restart."""
    if "process 1" in place:
        need_namespaces()
    app.limit("2s", "4s")
    with running(app, place=place) as (process, errors):
        _, user = started(process)
        for _ in range(2):
            _, following = started(process)
            assert following != user
            errors.until(r"the\s+command\s+is\s+restarted")  # wrapped in a terminal
            wait_until(partial(app.is_gone, user))
            user = following
        process.send(signal.SIGTERM)
        assert process.status() == 143
        wait_until(lambda: not app.exists(user))


def test_a_revoked_lease_is_a_rotation(app: LeasedApp) -> None:
    """The renewal of a revoked lease is refused, so that the secret is read again."""
    app.limit("2s")
    with running(app) as (process, errors):
        _, user = started(process)
        app.vault.root.sys.revoke_prefix(app.roles.creds)
        _, following = started(process)
        errors.until(r"it has ended, or was revoked \(400\); the command is restarted")
        assert following != user
        ended(process, app, following)


def test_a_login_that_cannot_be_renewed(app: LeasedApp) -> None:
    """At the maximum time of the login SecretSync logs in again, because the leases end with it."""
    app.limit_login("2s", "3s")
    with running(app) as (process, errors):
        _, user = started(process)
        _, following = started(process)
        errors.until(f"vault:auth/{app.role.mount}: .*; the command is restarted")
        assert following != user
        assert app.count(f"POST /v1/auth/{app.role.mount}/login") >= 2
        ended(process, app, following)


def test_a_store_that_is_down(app: LeasedApp) -> None:
    """The renewal is tried again until the lease ends. One warning has the cause, and one the recovery."""
    app.limit("12s")
    with running(app) as (process, errors):
        number, user = started(process)
        app.proxy.fail(faults.vault_error(503, "Vault is sealed"), RENEWALS, times=3)
        cause = (
            r"it cannot be renewed: it is sealed \(503\); it ends in [0-9.]+ seconds?, and the renewal is tried again"
        )
        errors.until(f"warning: vault:{app.roles.creds}: {cause} until then; the command goes on\n")
        errors.until(f"vault:{app.roles.creds}: it is renewed again\n")
        app.wait_for_renewals(1)
        assert number in process.children()
        ended(process, app, user)


def test_a_store_that_is_down_longer_than_the_lease(app: LeasedApp) -> None:
    """The old application goes on after the end of its lease, and is restarted once as soon as the store is back."""
    app.limit("2s")
    with running(app, "--timeout", "1s") as (process, errors):
        number, user = started(process)
        app.proxy.fail(faults.vault_error(503, "Vault is sealed"), "*", times=None)
        errors.until("the renewal is tried again until then; the command goes on")
        errors.until("it has ended, because the store did not renew it in time; the new configuration cannot be used")
        assert number in process.children()
        app.proxy.heal()
        _, following = started(process)
        assert following != user
        errors.until("the command is restarted\n")
        ended(process, app, following)


def test_a_signal(app: LeasedApp) -> None:
    """With --on-change signal:HUP the application goes on. The older lease is not revoked until the end."""
    app.limit("2s", "4s")
    with running(app, "--on-change", "signal:HUP") as (process, errors):
        number, user = started(process)
        assert process.output.line() == "hangup"
        errors.until("sent signal 1\n")
        assert number in process.children()
        ended(process, app, user)


def test_a_failed_resolution_leaves_no_lease(app: LeasedApp) -> None:
    """The leases of a configuration that cannot be used are revoked, and the old application goes on."""
    app.limit("2s", "4s")
    with running(app) as (process, errors):
        number, user = started(process)
        app.project.write("env/test/policy.toml", "[checks.DB_PASSWORD]\nmin_length = 500\n")
        app.project.write("providers/test.toml", "strict = true\n" + app.project.read("providers/test.toml"))
        errors.until(r"the new configuration cannot be used \(status 2\)")
        assert number in process.children()
        app.proxy.requests.wait_for(1, "POST /v1/auth/token/revoke-self")
        assert app.exists(user)
        process.send(signal.SIGTERM)
        assert process.status() == 143
        wait_until(lambda: not app.exists(user))


def test_the_end_during_a_renewal(app: LeasedApp) -> None:
    """SIGTERM while the store does not answer: the end waits for the revocation only, and names what is not revoked."""
    app.limit("2s")
    with running(app) as (process, errors):
        started(process)
        app.proxy.fail(faults.silence(), RENEWALS, times=None)
        app.proxy.requests.wait_for(1, RENEWALS)
        began = time.monotonic()
        process.send(signal.SIGTERM)
        assert process.status() == 143
        assert time.monotonic() - began < HANG / 4
        assert errors.line().startswith("secretsync: removed from")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (faults.silence(), "no answer within 5 s"),
        (faults.vault_error(503, "Vault is sealed"), r"it is sealed \(503\)"),
        (faults.reset(), "reset"),
    ],
    ids=["hangs", "sealed", "reset"],
)
def test_a_revocation_that_fails(app: LeasedApp, fault: Any, reason: str) -> None:
    """A warning has the path of the secret and not the id of the lease. The status is that of the application."""
    with running(app) as (process, errors):
        started(process)
        for operation in ("revoke-self", "leases/revoke"):
            app.proxy.fail(fault, f"* /v1/*/{operation}", times=None)
        process.send(signal.SIGTERM)
        assert process.status() == 143
        errors.line()
        line = errors.line()
    assert line.startswith(f"secretsync: warning: vault:{app.roles.creds}: the lease could not be revoked: ")
    assert line.endswith("; it ends by itself")
    assert f"{app.roles.creds}/" not in line


def test_a_second_signal_cuts_the_revocation(app: LeasedApp) -> None:
    """A second SIGTERM during the revocation ends the supervisor at once."""
    with running(app) as (process, errors):
        started(process)
        app.proxy.fail(faults.silence(), "* /v1/auth/token/revoke-self", times=None)
        process.send(signal.SIGTERM)
        app.proxy.requests.wait_for(1, "POST /v1/auth/token/revoke-self")
        process.send(signal.SIGTERM)
        assert process.status() == 143
        errors.until("leases are not revoked, because a second signal asked for the end; they end by themselves")


def test_leases_are_kept(app: LeasedApp) -> None:
    """--keep-leases leaves the user and the login."""
    with running(app, "--keep-leases") as (process, _):
        _, user = started(process)
        process.send(signal.SIGTERM)
        assert process.status() == 143
    assert app.exists(user)
    assert app.count("POST /v1/auth/token/revoke-self") == 0


def test_an_application_that_ends_at_once(app: LeasedApp) -> None:
    """The lease of a short command is revoked, and the exit status is that of the command."""
    program = 'import os; os.write(1, b"%d %s\\n" % (os.getpid(), os.environb[b"DB_USER"])); os._exit(7)'
    with running(app, program=program) as (process, _):
        _, user = started(process)
        assert process.status() == 7
    wait_until(lambda: not app.exists(user))


def test_a_given_token(app: LeasedApp) -> None:
    """A configured token is renewed and never revoked. Its leases are revoked one by one."""
    paths = (app.roles.creds, "sys/leases/revoke")
    token = app.vault.token(app.vault.policy(*paths, capabilities=("read", "update")), ttl="15s")
    app.log_in_by_token(token)
    with running(app) as (process, _):
        _, user = started(process)
        wait_until(lambda: app.count(LOGIN_RENEWALS) >= 2)
        ended(process, app, user)
    assert app.vault.server.client(token).auth.token.lookup_self()["data"]["ttl"] > 0


def test_a_given_token_without_rights(app: LeasedApp) -> None:
    """Without the right to revoke, a warning names the path that the policy needs."""
    app.log_in_by_token(app.vault.token(app.vault.policy(app.roles.creds)))
    with running(app) as (process, errors):
        started(process)
        process.send(signal.SIGTERM)
        assert process.status() == 143
        errors.until(r"the token may not revoke leases \(403\); allow `update` on sys/leases/revoke in its policy")


def test_a_given_token_that_ends(app: LeasedApp) -> None:
    """A token that nothing replaces is a warning, and no restart, because each new lease would end with it too."""
    app.log_in_by_token(app.vault.token(app.vault.policy(app.roles.creds), ttl="6s", renewable=False))
    with running(app) as (process, errors):
        number, _ = started(process)
        errors.until("the configured token: it cannot be renewed, and it ends in [0-9.]+ seconds?; put another token")
        assert number in process.children()
        assert app.count(f"GET /v1/{app.roles.creds}") == 1


@pytest.mark.parametrize("victim", ["keeper", "supervisor"])
def test_a_process_that_is_killed(app: LeasedApp, victim: str) -> None:
    """If the keeper of leases is killed, the secrets are read again. If the supervisor is, the application ends."""
    with running(app) as (process, errors):
        number, _ = started(process)
        wait_until(lambda: len(process.children()) == 2)
        (keeper,) = set(process.children()) - {number}
        if victim == "keeper":
            os.kill(keeper, signal.SIGKILL)
            errors.until("the process that renews the leases has ended; the command is restarted")
            _, user = started(process)
            ended(process, app, user)
            return
        process.send(signal.SIGKILL)
        wait_until(lambda: not Path(f"/proc/{number}").exists() and not Path(f"/proc/{keeper}").exists())


def test_no_secret_in_the_supervisor(app: LeasedApp) -> None:
    """Neither the login nor the lease passes through the memory of the supervisor, and the messages have none."""
    app.limit("2s", "4s")
    with running(app) as (process, _):
        _, user = started(process)
        started(process)
        assert user.encode() not in memory_of(process.pid)
        assert f"{app.roles.creds}/".encode() not in memory_of(process.pid)


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
