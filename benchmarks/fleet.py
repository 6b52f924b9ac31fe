"""How long many starts at once need with the quotas of the stores: a simulation, of which nothing takes real time.

    python -m benchmarks.fleet [--starts 1,10,100,250,1000,10000] [--store aws,vault,azure] [--secrets 20] [--rate 1000]

The providers' own code for batches, threads and retries runs against the quotas. All starts begin within one second.
Each row is one way to read. The floor is the time that any way needs, because the store answers no faster. "last" is
the time from the first begin until the last start has all its secrets: the mean of several seeds for few starts. The
deadline is an hour, and "in 30 s" is the share of starts that need at most 30 seconds.
"""

from __future__ import annotations

import argparse
import functools
import gc
import itertools
import json
import logging
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from azure.core.exceptions import HttpResponseError

from secretsync.core.model import Found, SecretRef
from secretsync.providers import remote
from secretsync.providers.aws import fetch as aws_fetch
from secretsync.providers.aws_account.client import AwsClient
from secretsync.providers.aws_account.errors import AwsRequestError
from secretsync.providers.aws_account.identities import KeySource
from secretsync.providers.http.messages import Response
from secretsync.providers.interface import Deadline
from secretsync.providers.turns import Turns
from tests.support.simulated_stores import ROUND_TRIP, Request, answer_aws, answer_vault, make_azure, make_vault
from tests.support.simulation import Simulation, enter

_HOUR = 3600.0  # seconds
_numbers = itertools.count()


class Bucket:
    """A quota: a number of requests in a period. It fills evenly up to that number."""

    def __init__(self, simulation: Simulation, number: float, period: float = 1.0) -> None:
        self._simulation = simulation
        self._number, self._rate = number, number / period
        self._left, self._at = float(number), 0.0

    def take(self) -> bool:
        """Return False if the quota is used up."""
        now = self._simulation.now
        self._left = min(self._number, self._left + (now - self._at) * self._rate)
        self._at = now
        is_left = self._left >= 1.0
        self._left -= is_left
        return is_left


class Service:
    """A store with a quota for each operation."""

    def __init__(self, simulation: Simulation, quotas: Mapping[str, Bucket]) -> None:
        self.simulation = simulation
        self._quotas = quotas
        self.requests = self.throttled = 0

    def admits(self, operation: str) -> bool:
        """Take a request, after half a round trip. Return False if it is throttled."""
        self.simulation.sleep(ROUND_TRIP / 2)
        self.requests += 1
        is_admitted = self._quotas[operation].take()
        self.throttled += not is_admitted
        return is_admitted

    def respond(self) -> None:
        """Wait for the other half of the round trip."""
        self.simulation.sleep(ROUND_TRIP / 2)


class Fleet(NamedTuple):
    """The result of one simulation."""

    last: float  # seconds
    in_time: float  # of 1: the starts within 30 seconds
    requests: int
    throttled: int


Start = Callable[[Service, int], Iterator[Any]]  # returns the answers for a number of secrets


def run(
    way: Way, quotas: Callable[[Simulation], Mapping[str, Bucket]], starts: int, secrets: int, seed: int = 0
) -> Fleet:
    """Return the result of `starts` starts within one second."""
    with pytest.MonkeyPatch.context() as patch:
        simulation = enter(patch, seed=starts + 100_003 * seed)
        if way.replaced is not None:
            patch.setattr(*way.replaced)
        service, ends = Service(simulation, quotas(simulation)), list[tuple[float, float]]()

        def begin(at: float) -> None:
            outcomes = [outcome for _, outcome in way.start(service, secrets)]
            if len(outcomes) != secrets or not all(isinstance(outcome, Found) for outcome in outcomes):
                raise AssertionError(outcomes[0])
            ends.append((simulation.now, simulation.now - at))

        for _ in range(starts):
            at = 0.0 if starts == 1 else simulation.random.random()
            simulation.start(functools.partial(begin, at), at=at)
        simulation.run()
        if len(ends) != starts:
            raise AssertionError("a start did not end")
        in_time = sum(took <= 30.0 for _, took in ends) / starts
        return Fleet(max(end for end, _ in ends), in_time, service.requests, service.throttled)


# AWS.


class _Way:
    """Requests to AWS without a network. It is both the way and its only channel."""

    workers = 32
    region, endpoint = "eu-west-1", "simulated"
    credentials = SimpleNamespace(source=KeySource())
    login_end = None

    def __init__(self, service: Service) -> None:
        self._service = service

    def connect(self, *_: object) -> _Way:
        self._service.simulation.sleep(ROUND_TRIP)
        return self

    def send(self, operation: str, parameters: Mapping[str, Any], _deadline: Deadline) -> dict[str, Any]:
        is_admitted = self._service.admits(operation)
        self._service.respond()
        if not is_admitted:
            raise AwsRequestError("ThrottlingException", operation=operation, status=400)
        request = SimpleNamespace(operation=operation, body=_json(parameters))
        return answer_aws(request)[1]  # type: ignore[arg-type]

    def close(self) -> None: ...


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document).encode()


def start_aws(service: Service, secrets: int, *, singly: bool = False) -> Iterator[Any]:
    """Read from AWS. `singly`: without batches."""
    client = AwsClient("aws", "secretsmanager", lambda: _Way(service))
    client.batch_is_refused = singly
    refs = [SecretRef("aws", f"app-{number}") for number in range(secrets)]
    return aws_fetch.fetch(client, refs, Deadline(_HOUR))


def aws_quotas(simulation: Simulation) -> Mapping[str, Bucket]:
    """Return the quotas of an account in a region."""
    return {"GetSecretValue": Bucket(simulation, 10_000), "BatchGetSecretValue": Bucket(simulation, 100)}


# Vault and Key Vault.


class _VaultConnections:
    def __init__(self, service: Service) -> None:
        self._service = service
        service.simulation.sleep(ROUND_TRIP)

    def request(self, method: str, path: str, **_: object) -> Response:
        is_admitted = self._service.admits("any")
        self._service.respond()
        if not is_admitted:
            return Response(429, {}, b'{"errors": ["request path: rate limit quota exceeded"]}')
        return Response(200, {}, _json(answer_vault(Request(f"{method} {path} HTTP/1.1\r\n\r\n".encode()))[1]))

    def warm(self, *_: object) -> None: ...

    def close(self) -> None: ...


def start_vault(service: Service, secrets: int) -> Iterator[Any]:
    """Read from one mount of Vault."""
    provider = make_vault()
    provider._connect = lambda: _VaultConnections(service)  # type: ignore[method-assign] # noqa: SLF001
    refs = [SecretRef("vault", f"secret/app-{number}") for number in range(secrets)]
    return provider.fetch(refs, Deadline(_HOUR))


class _KeyVault:
    """The SDK's client of a key vault, as far as a read needs it."""

    def __init__(self, service: Service) -> None:
        self._service = service
        service.simulation.sleep(2 * ROUND_TRIP)  # the connection, and the challenge

    def get_secret(self, name: str, version: str | None, *, raw_response_hook: Callable[[Any], None], **_: Any) -> Any:
        is_admitted = self._service.admits("any")
        self._service.respond()
        if not is_admitted:
            response = SimpleNamespace(status_code=429, reason="Too Many Requests", headers={}, text=lambda: "{}")
            raise HttpResponseError(response=response)
        value = f"value of {name}"
        raw_response_hook(SimpleNamespace(http_response=SimpleNamespace(json=lambda: {"value": value})))
        properties = SimpleNamespace(
            id=f"https://app.vault.azure.net/secrets/{name}/{version or '1' * 32}",
            enabled=True,
            expires_on=None,
            not_before=None,
            created_on=datetime.now(UTC),
        )
        return SimpleNamespace(value=value, properties=properties)


def start_azure(service: Service, secrets: int) -> Iterator[Any]:
    """Read from one key vault."""
    provider = make_azure()
    provider._client._make_sdk = lambda: _KeyVault(service)  # type: ignore[method-assign] # noqa: SLF001
    provider._client._sdk = remote.PerProcess(provider._client._make_sdk)  # noqa: SLF001
    refs = [SecretRef("azure", f"app-{number}") for number in range(secrets)]
    return provider.fetch(refs, Deadline(_HOUR))


class _NoTurns(Turns):
    """Lets each request try again by itself, as if others were answered meanwhile."""

    answers = property(lambda _: next(_numbers), lambda _, __: None)


class Way(NamedTuple):
    """A way to read: how a start begins, and what is replaced in the providers."""

    start: Start
    replaced: tuple[object, str, object] | None = None  # object, attribute, replacement


def ways(store: str) -> Mapping[str, Way]:
    """Return the ways to read from a store, SecretSync's last."""
    if store == "aws":
        batches = (aws_fetch, "_BatchRead", lambda reader, job: lambda: reader.read_batch(job))
        return {
            "batches": Way(start_aws, batches),
            "single reads": Way(functools.partial(start_aws, singly=True)),
            "secretsync": Way(start_aws),
        }
    start = start_vault if store == "vault" else start_azure
    return {"each by itself": Way(start, (remote, "Turns", _NoTurns)), "secretsync": Way(start)}


def quotas_of(store: str, rate: int) -> Callable[[Simulation], Mapping[str, Bucket]]:
    """Return the quotas of a store. `rate`: of Vault, in requests a second."""
    if store == "aws":
        return aws_quotas
    if store == "vault":
        return lambda simulation: {"any": Bucket(simulation, rate)}
    return lambda simulation: {"any": Bucket(simulation, 4000, 10.0)}


class Row(NamedTuple):
    """The result of one way to read, for a number of starts. `last`: seconds. `in_time`: of 1."""

    store: str
    starts: int
    way: str
    last: float
    in_time: float
    requests: int
    throttled: int


_LEAST = "floor: the quota"
_MOST_BY_ITSELF = 1000  # starts. With more, requests that do not wait for each other need hours of simulation.
_REPEATED = 300  # starts. Fewer ones are simulated with several seeds, because their end depends on one pause.
_SEEDS = 7


def least_time(store: str, starts: int, secrets: int, rate: int) -> float:
    """Return the seconds until a store can have answered all, if each request came exactly when the quota allows it.

    The quota is full at the first start, and the last start begins within a second.
    """
    reads = starts * secrets
    if store == "aws":  # batches of 20 at 100 a second, and single reads at 10,000 a second, at the same time
        full, each_second = 100 * min(secrets, 20) + 10_000, 100 * min(secrets, 20) + 10_000
    else:
        full, each_second = (rate, rate) if store == "vault" else (4000, 400)
    return max(0.0 if starts == 1 else 1.0, (reads - full) / each_second)


def measure(
    starts: Sequence[int], stores: Sequence[str] = ("aws", "vault", "azure"), secrets: int = 20, rate: int = 1000
) -> Iterator[Row]:
    """Yield the results of all ways to read, for each number of starts, and the floor that the quota sets."""
    logging.disable()  # each throttled start would warn
    try:
        for store, number in itertools.product(stores, starts):
            for name, way in ways(store).items():
                if name == "each by itself" and number > _MOST_BY_ITSELF:
                    continue
                seeds = _SEEDS if 1 < number <= _REPEATED else 1
                found = [run(way, quotas_of(store, rate), number, secrets, seed) for seed in range(seeds)]
                last = statistics.mean(one.last for one in found)
                yield Row(store, number, name, last, *found[0][1:])
                gc.collect()
            yield Row(store, number, _LEAST, least_time(store, number, secrets, rate), 1.0, 0, 0)
    finally:
        logging.disable(logging.NOTSET)


def main() -> None:
    """Simulate, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", default="1,10,100,250,1000,10000", help="how many starts (1,10,100,250,1000,10000)")
    parser.add_argument("--store", default="aws,vault,azure", help="which stores (aws,vault,azure)")
    parser.add_argument("--secrets", type=int, default=20, help="secrets of a start (20)")
    parser.add_argument("--rate", type=int, default=1000, help="requests a second that Vault serves (1000)")
    options = parser.parse_args()
    print(f"{'store':6}{'starts':>7}  {'way':16}{'last':>9}{'in 30 s':>9}{'requests':>10}{'throttled':>10}")
    starts = [int(number) for number in options.starts.split(",")]
    for row in measure(starts, options.store.split(","), options.secrets, options.rate):
        cells = f"{row.store:6}{row.starts:7}  {row.way:16}{row.last:7.2f} s{row.in_time:8.0%}"
        print(f"{cells}{row.requests:10}{row.throttled:10}", flush=True)


if __name__ == "__main__":
    main()
