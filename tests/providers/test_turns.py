"""The order in which failed requests are tried again."""

from __future__ import annotations

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed
from secretsync.providers.interface import Deadline
from secretsync.providers.remote import RequestError, Retries
from tests.support.simulation import Simulation

DOWN = Failed(ProblemKind.UNAVAILABLE, "it is down")


class Store:
    """A store that is down until a time. Requests for some names fail always."""

    def __init__(self, simulation: Simulation, retries: Retries, *, back: float, broken: tuple[str, ...] = ()) -> None:
        self.simulation, self.retries, self.back, self.broken = simulation, retries, back, broken
        self.tries: list[tuple[float, str]] = []
        self.ends: dict[str, tuple[float, bool]] = {}  # by name: when the request ended, and whether it succeeded

    def request(self, name: str, *, at: float = 0.0, retry_after: float = 0.0) -> None:
        """Send a request in a thread of its own."""

        def attempt() -> str:
            self.tries.append((self.simulation.now, name))
            self.simulation.sleep(0.01)
            if self.simulation.now < self.back or name in self.broken:
                raise RequestError(DOWN, is_retryable=True, retry_after=retry_after)
            return name

        def run() -> None:
            try:
                is_found = self.retries.run(attempt) == name
            except RequestError:
                is_found = False
            self.ends[name] = self.simulation.now, is_found

        self.simulation.start(run, at=at)


def test_one_at_a_time(simulation: Simulation) -> None:
    """After thirty requests failed at once, one at a time is sent again. Its answer releases the others at once."""
    store = Store(simulation, Retries(Deadline(30.0)), back=10.0)
    for number in range(30):
        store.request(f"secret-{number}")
    simulation.run()
    again = [at for at, _ in store.tries if 0.01 < at < store.back]
    assert len(again) < 12
    assert len({name for at, name in store.tries if 0.01 < at < store.back}) == len(again)  # each has its turn
    assert [is_found for _, is_found in store.ends.values()] == [True] * 30
    times = sorted(at for at, _ in store.ends.values())
    assert times[-1] - times[0] < 0.05


def test_a_broken_secret_does_not_hold_up_the_others(simulation: Simulation) -> None:
    """If some requests always fail, the others are answered soon, and the broken ones fail at the deadline."""
    broken = ("secret-0", "secret-1", "secret-2")
    store = Store(simulation, Retries(Deadline(30.0)), back=0.5, broken=broken)
    for number in range(10):
        store.request(f"secret-{number}")
    simulation.run()
    for name, (at, is_found) in store.ends.items():
        assert is_found is (name not in broken)
        assert at <= 30.0 if name in broken else at < 5.0


def test_a_failure_among_answers_is_its_own(simulation: Simulation) -> None:
    """If other requests are answered meanwhile, a failed request is sent again after its own pause."""
    store = Store(simulation, Retries(Deadline(30.0)), back=0.0, broken=("broken",))
    store.request("broken")
    for number in range(100):
        store.request(f"secret-{number}", at=number / 10)
    simulation.run()
    assert all(at < number / 10 + 0.05 for number, (at, found) in enumerate(list(store.ends.values())[:-1]) if found)
    assert sum(name == "broken" for _, name in store.tries) > 15


def test_what_a_store_asks_for_holds_for_each(simulation: Simulation) -> None:
    """A request that an answer releases still waits for the seconds that the store asked for, from its failure on."""
    store = Store(simulation, Retries(Deadline(30.0)), back=6.0)
    store.request("short", retry_after=1.0)
    store.request("long", at=4.9, retry_after=5.0)
    simulation.run()
    assert [is_found for _, is_found in store.ends.values()] == [True, True]
    assert store.ends["short"][0] < 9.0
    assert 9.9 < store.ends["long"][0] < 12.0


def test_the_row_ends_at_the_deadline(simulation: Simulation) -> None:
    """All requests have failed at the deadline, with the cause of their own last try."""
    store = Store(simulation, Retries(Deadline(5.0)), back=60.0)
    for number in range(30):
        store.request(f"secret-{number}")
    simulation.run()
    assert len(store.ends) == 30
    assert not any(is_found for _, is_found in store.ends.values())
    assert max(at for at, _ in store.ends.values()) <= 5.0


def test_an_exception_of_a_request_releases_the_others(simulation: Simulation) -> None:
    """An exception that is not a RequestError does not keep the row waiting."""
    retries = Retries(Deadline(30.0))
    store = Store(simulation, retries, back=1.0)
    tries: list[float] = []

    def attempt() -> None:
        tries.append(simulation.now)
        if len(tries) == 1:
            raise RequestError(DOWN, is_retryable=True)
        raise ValueError

    def run() -> None:
        try:
            retries.run(attempt)
        except ValueError:
            return

    simulation.start(run)
    store.request("secret")
    simulation.run()
    assert store.ends["secret"][1]
    assert store.ends["secret"][0] < 3.0
