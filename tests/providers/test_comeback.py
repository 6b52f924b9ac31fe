"""A store that comes back: how soon the application starts, and how many requests the store gets before."""

from __future__ import annotations

import itertools

import pytest

from secretsync.core.model import Found, SecretRef
from secretsync.providers.interface import Deadline, Provider
from tests.support.simulated_stores import ROUND_TRIP, STORES, WAYS, Outage, Quota, reach
from tests.support.simulation import Simulation

SECRETS = 20


def start(provider: Provider, simulation: Simulation, paths: list[str], **options: str) -> list[float]:
    """Read `paths` in a thread of its own. Return a list that gets the time at which all are read.

    `options`: of the references.
    """
    up: list[float] = []

    def read() -> None:
        refs = [SecretRef(provider.spec.name, path, **options) for path in paths]
        answers = dict(provider.fetch(refs, Deadline(30.0)))
        assert [type(answers[ref]) for ref in refs] == [Found] * len(refs), answers
        up.append(simulation.now)

    simulation.start(read)
    return up


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
@pytest.mark.parametrize("back", [1.0, 5.0, 20.0])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("store", STORES)
def test_a_store_comes_back(
    simulation: Simulation, monkeypatch: pytest.MonkeyPatch, store: str, way: str, back: float, seed: int
) -> None:
    """All secrets are there within 1.6 seconds, after fewer than twenty requests to the store that was down.

    The rest of the two seconds is for the application, which takes half a second to start on a busy machine.
    """
    make, reply, path = STORES[store]
    simulation.random.seed(seed)
    network = Outage(simulation, reply, way, back)
    reach(monkeypatch, network)
    up = start(make(), simulation, [path.format(number) for number in range(SECRETS)])
    simulation.run()
    before = sum(at < back for at in network.tries)
    assert 1 <= before < 20
    assert back < up[0] <= back + 1.6


# Requests that are sent at once, before the failure of one of them is known.
BURSTS = {
    "AWS, single reads of versions": ("aws", {}, "app-{}", {"version": "1" * 32}, SECRETS),
    "Vault, the kind of the mount is set": ("vault", {"kv_version": 2}, "secret/app-{}", {}, SECRETS),
    "Vault, many mounts": ("vault", {}, "mount-{}/app", {}, SECRETS),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("burst", BURSTS)
def test_parallel_requests_wait_for_one(
    simulation: Simulation, monkeypatch: pytest.MonkeyPatch, burst: str, way: str
) -> None:
    """If requests are sent at once and fail, one of them at a time is sent again."""
    store, settings, path, options, at_once = BURSTS[burst]
    make, reply, _ = STORES[store]
    network = Outage(simulation, reply, way, 20.0)
    reach(monkeypatch, network)
    up = start(make(**settings), simulation, [path.format(number) for number in range(SECRETS)], **options)
    simulation.run()
    before = sum(at < network.back for at in network.tries)
    assert before < at_once + 20
    assert network.back < up[0] <= network.back + 2.0


@pytest.mark.slow
@pytest.mark.parametrize(("store", "secrets", "seconds"), [("aws", 20, 3.0), ("vault", 5, 14.0), ("azure", 1, 5.0)])
def test_a_hundred_starts(
    simulation: Simulation, monkeypatch: pytest.MonkeyPatch, store: str, secrets: int, seconds: float
) -> None:
    """All of 100 starts at once read their secrets from a store of 50 requests a second without Retry-After.

    By its quota alone Vault needs 12 seconds, because each start also asks for the mount.
    """
    make, reply, path = STORES[store]
    network = Quota(simulation, reply, 50)
    reach(monkeypatch, network)
    paths = [path.format(number) for number in range(secrets)]
    starts = [start(make(), simulation, paths) for _ in range(100)]
    simulation.run()
    assert max(up[0] for up in starts) < seconds
    assert network.throttled < 3 * (len(network.tries) - network.throttled)


def test_one_quota_for_all_requests_of_aws(simulation: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    """If single reads are throttled like batches, a batch and a single read take turns."""
    make, reply, path = STORES["aws"]
    network = Outage(simulation, reply, "429", 5.0)
    reach(monkeypatch, network)
    provider = make()
    start(provider, simulation, [path.format(number) for number in range(SECRETS)])
    simulation.run()
    pauses = [later - at for at, later in itertools.pairwise(network.tries)]
    assert pauses[0] == pytest.approx(ROUND_TRIP)  # the single read after the first batch
    assert all(pause > 0.1 for pause in pauses[1:6])
