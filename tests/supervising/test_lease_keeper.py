"""The keeper of leases in a simulation: hundreds of periods, and stores that are down."""

import gc
import json
import tracemalloc
from collections.abc import Mapping
from typing import Any

import pytest

from secretsync.core.lease import Lease
from secretsync.core.model import Failed, Found, SecretRef
from secretsync.core.problems.kinds import ProblemKind
from secretsync.core.secret import Payload
from secretsync.providers.interface import Deadline, StoreContext
from secretsync.providers.vault.provider import VaultProvider
from secretsync.resolving.leases import StoreLeases, pack, unpack
from secretsync.supervising.change_schedule import ChangeSchedule
from secretsync.supervising.lease_keeper import Keeper
from tests.support.simulated_stores import Reply, Request, SimulatedStore, failure
from tests.support.simulation import Simulation, connect

ENVIRON = {"VAULT_ADDR": "http://127.0.0.1:1", "VAULT_ROLE_ID": "the-role", "VAULT_SECRET_ID": "the-id-of-a-simulation"}
PATH = "database/creds/app"


class LeasingVault(SimulatedStore):
    """A Vault with logins and leases that end, and times at which it is down."""

    def __init__(
        self,
        simulation: Simulation,
        *,
        lease: tuple[float, float],
        login: tuple[float, float],
        down: tuple[tuple[float, float], ...] = (),
    ) -> None:
        """`lease`, `login`: their time and their maximum time. `down`: from when until when."""
        super().__init__(simulation, self._answer)
        self._times = {"lease": lease, "login": login}
        self._down = down
        self.ends: dict[str, tuple[float, float]] = {}  # by id: the end, and the latest end
        self._parents: dict[str, str] = {}
        self._serial = 0
        self.renewals = 0
        self.late: list[str] = []  # renewals of what has ended

    def is_alive(self, name: str) -> bool:
        """Return True if the login or the lease, and the login of the lease, have not ended."""
        parent = self._parents.get(name)
        return self.simulation.now < self.ends.get(name, (0.0, 0.0))[0] and (parent is None or self.is_alive(parent))

    def _make(self, kind: str) -> tuple[str, int]:
        self._serial += 1
        name = f"{PATH}/{self._serial}" if kind == "lease" else f"s.{self._serial}"
        time, longest = self._times[kind]
        self.ends[name] = (self.simulation.now + time, self.simulation.now + longest)
        return name, int(time)

    def _renew(self, name: str, kind: str) -> int | None:
        if not self.is_alive(name):
            self.late.append(name)
            return None
        self.renewals += 1
        latest, time = self.ends[name][1], self._times[kind][0]
        self.ends[name] = (min(self.simulation.now + time, latest), latest)
        return int(time if self.simulation.now + time <= latest else latest - self.simulation.now)

    def _revoke(self, name: str) -> None:
        self.ends.pop(name, None)
        for child in [child for child, parent in self._parents.items() if parent == name]:
            self.ends.pop(child, None)
            del self._parents[child]
        self._parents.pop(name, None)

    def _answer(self, request: Request) -> Reply:
        if any(begin <= self.simulation.now < end for begin, end in self._down):
            return failure(request, 503)
        path, token = request.target.removeprefix("/v1/"), request.headers.get("x-vault-token", "")
        if path == "auth/approle/login":
            name, time = self._make("login")
            return 200, {"auth": {"client_token": name, "lease_duration": time, "renewable": True}}, {}
        if not self.is_alive(token):
            return 403, {"errors": ["permission denied"]}, {}
        document: Mapping[str, Any] = json.loads(request.body) if request.body else {}
        if path == PATH:
            name, time = self._make("lease")
            self._parents[name] = token
            data = {"username": name, "password": "the-password-of-a-simulation"}
            return 200, {"lease_id": name, "lease_duration": time, "renewable": True, "data": data}, {}
        if path == "auth/token/renew-self":
            renewed = self._renew(token, "login")
            return 200, {"auth": {"client_token": token, "lease_duration": renewed, "renewable": True}}, {}
        if path == "sys/leases/renew":
            renewed = self._renew(document["lease_id"], "lease")
            if renewed is None:
                return 400, {"errors": ["lease not found"]}, {}
            return 200, {"lease_id": document["lease_id"], "lease_duration": renewed, "renewable": True}, {}
        if path == "auth/token/revoke-self":
            self._revoke(token)
            return 204, {}, {}
        assert path.startswith("sys/internal/ui/mounts/")
        return 200, {"data": {"path": "database/", "type": "database", "options": None}}, {}


class Run:
    """An application with one leased login, its keeper, and its restarts."""

    def __init__(self, simulation: Simulation, vault: LeasingVault) -> None:
        self.simulation, self.vault = simulation, vault
        self.warnings: list[str] = []
        self.keeper = Keeper(
            environ=ENVIRON, now=lambda: simulation.now, draw=simulation.random.random, warn=self.warnings.append
        )
        self.schedule = ChangeSchedule(interval=60.0, settle=5.0, splay=0.0, draw=simulation.random.random)
        self.user = ""  # of the application
        self.starts = 0
        self.lost: list[float] = []  # when the application had a login that does not work

    def resolve(self) -> bool:
        """Read the secret, as a new application does. Return False if that fails."""
        settings = {"auth": {"method": "approle"}}
        provider = VaultProvider(StoreContext(store="vault", environment="test", settings=settings, environ=ENVIRON))
        ref = SecretRef("vault", PATH)
        outcome = dict(provider.fetch((ref,), Deadline(5.0)))[ref]
        if not isinstance(outcome, Found):
            return False
        payload: Payload = outcome.value
        assert payload.lease is not None
        held = StoreLeases("vault", "vault", login=provider.login(), leases=(payload.lease,), settings=settings)
        provider.close()
        self.starts += 1
        self.keeper.add(self.starts, unpack(pack((held,))))  # as through the pipe
        self.user = payload.lease.reveal()
        for group in self.keeper.accept(self.starts, revokes=True):
            assert group.revoke(5.0) == []
            group.close()
        return True

    def run(self, seconds: float) -> None:
        """Keep the leases, and restart the application if one is lost."""
        assert self.resolve()
        until = self.simulation.now + seconds
        while self.simulation.now < until:
            due = min(at for at in (self.keeper.due, self.schedule.due, until) if at is not None)
            self.simulation.sleep(max(0.0, due - self.simulation.now))
            self.renew()
            now = self.simulation.now
            within = self.keeper.ends_in if self.keeper.changes else None
            self.schedule.observe(self.keeper.changes, now, within=within)
            if self.schedule.due is not None and self.schedule.due <= now:
                self.schedule.begin()
                if self.resolve():
                    self.schedule.succeed()
                else:
                    self.schedule.fail(self.simulation.now, within=self.keeper.ends_in)

    def renew(self) -> None:
        """Send the requests that are due."""
        for group, due in self.keeper.take_due():
            for held in due:
                began = self.simulation.now
                self.keeper.take(group, held, began, group.renew(held, began))
            group.is_busy = False

    def watch(self, seconds: float) -> None:
        """Note each time at which the login of the application does not work."""
        while self.simulation.now < seconds:
            if self.user and not self.vault.is_alive(self.user):
                self.lost.append(self.simulation.now)
            self.simulation.sleep(0.1)


def simulate(simulation: Simulation, vault: LeasingVault, patch: pytest.MonkeyPatch, seconds: float) -> Run:
    """Run an application for some seconds."""
    connect(patch, vault)
    made = Run(simulation, vault)
    simulation.start(lambda: made.run(seconds))
    simulation.start(lambda: made.watch(seconds))
    simulation.run()
    return made


@pytest.mark.parametrize(
    ("lease", "login", "starts"),
    [
        ((3.0, 1e9), (5.0, 1e9), (1, 1)),  # renewed for ever
        ((3.0, 20.0), (5.0, 1e9), (90, 125)),  # a maximum time of the lease
        ((3.0, 1e9), (5.0, 20.0), (90, 140)),  # a maximum time of the login
        ((3.0, 3.0), (1800.0, 1e9), (800, 1300)),  # not renewable in effect
    ],
    ids=["for ever", "maximum of the lease", "maximum of the login", "one period"],
)
def test_hundreds_of_periods(
    simulation: Simulation,
    monkeypatch: pytest.MonkeyPatch,
    lease: tuple[float, float],
    login: tuple[float, float],
    starts: tuple[int, int],
) -> None:
    """In 600 periods of 3 s no login is lost, nothing that has ended is renewed, and no old login is left."""
    vault = LeasingVault(simulation, lease=lease, login=login)
    made = simulate(simulation, vault, monkeypatch, 1800.0)
    assert made.lost == []
    assert vault.late == []
    assert made.warnings == []
    assert starts[0] <= made.starts <= starts[1]
    assert len(vault.ends) == 2  # the last login and its lease; the others are revoked
    assert vault.renewals + made.starts > 600


@pytest.mark.parametrize("down", [1.0, 4.0, 9.0])
def test_a_store_that_is_down_again_and_again(
    simulation: Simulation, monkeypatch: pytest.MonkeyPatch, down: float
) -> None:
    """If the store is down for less than a third of the time of a lease, nothing is lost. Else one restart each."""
    times = tuple((begin, begin + down) for begin in range(60, 3600, 60))
    vault = LeasingVault(simulation, lease=(15.0, 1e9), login=(40.0, 1e9), down=times)
    made = simulate(simulation, vault, monkeypatch, 3600.0)
    if down <= 4.0:
        assert made.lost == []
        assert made.starts == 1
        assert vault.late == []
    else:
        assert made.starts <= 1 + len(times)
        lost = [at for at in made.lost if not any(begin < at < end + 2 for begin, end in times)]
        assert lost == []  # another login is there within two seconds after the store
    failures = [warning for warning in made.warnings if "cannot be renewed: " in warning]
    assert 0 < len(failures) <= 2 * len(times)
    assert not any("simulation" in warning or f"{PATH}/" in warning for warning in made.warnings)


def test_memory_is_flat(simulation: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    """After 70 more restarts and hundreds of renewals the keeper has no more objects."""
    vault = LeasingVault(simulation, lease=(3.0, 9.0), login=(5.0, 1e9))
    connect(monkeypatch, vault)
    made = Run(simulation, vault)
    sizes: list[int] = []

    def measure() -> None:
        made.run(100.0)
        tracemalloc.start()
        for _ in range(2):
            made.run(500.0)
            vault.tries.clear()
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()

    simulation.start(measure)
    simulation.run()
    assert made.starts > 130
    assert sizes[1] - sizes[0] < 20_000


class Fake:
    """A lease with settings of its own in a keeper whose time a test sets."""

    def __init__(self, **lease: Any) -> None:
        self.now = 0.0
        self.warnings: list[str] = []
        self.keeper = Keeper(environ={}, now=lambda: self.now, draw=lambda: 0.5, warn=self.warnings.append)
        defaults = {"name": PATH, "began": 0.0, "lifetime": 9.0, "is_renewable": True}
        held = Lease("an-id", **{**defaults, **lease})
        login = Lease("a-token", name="auth/approle", began=0.0, lifetime=None, is_renewable=True, is_login=True)
        self.keeper.add(1, [StoreLeases("vault", "vault", login=login, leases=[held], settings={})])
        self.keeper.accept(1, revokes=True)

    def take(self, outcome: Found[float] | Failed) -> None:
        """Take the outcome of the renewal that is due."""
        [(group, [held])] = self.keeper.take_due()
        self.keeper.take(group, held, self.now, outcome)
        group.is_busy = False


def test_two_thirds() -> None:
    """A lease is renewed at two thirds of its time, and of each new one."""
    fake = Fake()
    for expected in (6.0, 12.0, 18.0):
        assert fake.keeper.due == pytest.approx(expected)
        fake.now = expected
        fake.take(Found(9.0))
    assert fake.keeper.changes == {}


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        (Found(5.0), "its time cannot be extended any more"),
        (Failed(ProblemKind.DENIED, "the token may not", "allow it"), "the token may not; allow it"),
        (Failed(ProblemKind.UNUSABLE, "refused (400)"), "refused (400)"),
    ],
)
def test_a_loss(outcome: Found[float] | Failed, text: str) -> None:
    """A shorter time and a refusal are losses at once, and nothing is renewed after that."""
    fake = Fake()
    fake.now = 6.0
    fake.take(outcome)
    assert fake.keeper.changes == {f"vault:{PATH}": f"vault:{PATH}: {text}"}
    assert fake.keeper.due is None


def test_a_lease_that_is_not_renewable() -> None:
    """No request is sent for it. It is a loss at two thirds of its time."""
    fake = Fake(is_renewable=False)
    fake.now = 6.0
    assert fake.keeper.take_due() == []
    assert list(fake.keeper.changes.values()) == [f"vault:{PATH}: it cannot be renewed"]
    assert fake.keeper.ends_in == pytest.approx(3.0)


def test_pauses_become_shorter() -> None:
    """While the store is down, the pauses are a part of the time that is left, and there is one warning."""
    fake, tries = Fake(lifetime=900.0), 0
    fake.now = 600.0
    while not fake.keeper.changes:
        fake.take(Failed(ProblemKind.UNAVAILABLE, "it is sealed (503)"))
        tries += 1
        assert fake.keeper.due is not None
        assert 0.05 < fake.keeper.due - fake.now <= 33.0 or fake.keeper.due == 900.0
        fake.now = fake.keeper.due
        if fake.now >= 900.0:
            assert fake.keeper.take_due() == []
    assert tries < 80
    [warning] = fake.warnings
    assert warning.startswith(f"vault:{PATH}: it cannot be renewed: it is sealed (503); it ends in 5 minutes, and ")


def test_a_lease_prints_no_id() -> None:
    """Neither `repr` nor the message of an error has it."""
    lease = Lease("the-id", name=PATH, began=0.0, lifetime=1.0, is_renewable=True)
    assert "the-id" not in repr(lease)
    with pytest.raises(TypeError, match="reveal"):
        str(lease)
