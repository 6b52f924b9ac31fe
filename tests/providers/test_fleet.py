"""Many starts at once against the quotas of the stores, by the simulation of the benchmark at small sizes."""

from __future__ import annotations

import logging

import pytest

from benchmarks.fleet import Bucket, Fleet, quotas_of, run, ways
from tests.support.simulation import Simulation

SECRETS = 20
LONGEST_PAUSE = 1.5  # seconds


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)  # each throttled start would warn


def results(store: str, starts: int, *, secrets: int = SECRETS, rate: int = 50) -> dict[str, Fleet]:
    """Return the result of each way to read from a store."""
    quotas = quotas_of(store, rate)
    return {name: run(way, quotas, starts, secrets) for name, way in ways(store).items()}


def test_one_start() -> None:
    """One start needs one batch of AWS, or one read for each secret."""
    found = results("aws", 1)
    assert [one.requests for one in found.values()] == [1, SECRETS, 1]
    assert {name: one.requests for name, one in results("vault", 1).items()}["secretsync"] == SECRETS + 1
    assert results("azure", 1)["secretsync"].requests == SECRETS
    assert all(one.throttled == 0 for one in found.values())


def test_batches_of_few_starts() -> None:
    """As long as batches are not throttled, each start needs one request."""
    found = results("aws", 50)["secretsync"]
    assert (found.requests, found.throttled) == (50, 0)
    assert found.last < 1.1


@pytest.mark.slow
def test_more_starts_than_batches() -> None:
    """More starts than the quota of batches allows take the quota of single reads, and are as fast as those."""
    found = results("aws", 300, secrets=10)
    assert found["batches"].last > 1.5 * found["single reads"].last
    assert found["secretsync"].last <= 1.1 * min(one.last for one in found.values())
    assert found["secretsync"].requests < found["single reads"].requests


@pytest.mark.slow
@pytest.mark.parametrize(("store", "starts"), [("vault", 20), ("azure", 250)])
def test_one_request_at_a_time_while_a_store_throttles(store: str, starts: int) -> None:
    """Requests that wait for each other take at most one pause longer than requests that do not."""
    found = results(store, starts)
    ours, others = found["secretsync"], found["each by itself"]
    assert others.throttled > 0
    assert ours.last <= 1.1 * others.last + LONGEST_PAUSE
    assert ours.throttled <= 1.2 * others.throttled


def test_the_result_is_the_same_in_each_run() -> None:
    """The simulation depends on its arguments alone."""
    assert results("vault", 20, secrets=5) == results("vault", 20, secrets=5)


def test_a_quota() -> None:
    """A quota gives its number at once, and then its rate."""
    simulation = Simulation()
    bucket = Bucket(simulation, 10, 2.0)
    assert [bucket.take() for _ in range(11)] == [True] * 10 + [False]
    simulation.now = 1.0
    assert [bucket.take() for _ in range(6)] == [True] * 5 + [False]
