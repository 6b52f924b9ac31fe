"""What `--verbose` says of each store: counts and seconds, and nothing else."""

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from secretsync.core.model import Found, Missing, SecretRef, Selector
from secretsync.core.secret import Payload
from secretsync.planning.plan import SecretPart
from secretsync.planning.references import Target
from secretsync.providers.interface import Answer, Deadline, Provider, RequestCounter
from secretsync.resolving.requests.activity import ActivityRecorder, StoreActivity
from secretsync.resolving.requests.fetch import ask
from secretsync.testing import MemoryProvider
from tests.support.canary import CanaryFactory
from tests.support.clock import StoppedClock
from tests.support.limits import HANG
from tests.support.projects import MakeProject


class Counting(MemoryProvider):
    """A store that needs two requests for each secret."""

    def __init__(self, found: str | None) -> None:
        super().__init__({})
        self.found = found
        self.requests = RequestCounter()

    def fetch(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Answer]:
        """See Provider."""
        for ref in refs:
            self.requests.add("ask")
            self.requests.add("read")
            yield ref, Missing() if self.found is None else Found(Payload(self.found))


def request(on_activity: Callable[[StoreActivity], None] | None, *parts: SecretPart, **stores: Provider) -> None:
    """Request the values of `parts`."""
    ask(parts, stores, Deadline(HANG), Payload, on_activity=on_activity)


def part(*references: str) -> SecretPart:
    """Return a placeholder that looks for `store:path` in this order."""
    refs = [SecretRef(*reference.split(":")) for reference in references]
    return SecretPart("X", tuple(Target(ref, Selector(), str(ref)) for ref in refs), None, None, 0)


def test_secrets_and_requests_of_one_round() -> None:
    """A store that is asked twice in one round is one entry; requests of an earlier round are not counted again."""
    told: list[StoreActivity] = []
    first, second = Counting(None), Counting("x")
    request(told.append, part("first:a", "second:a"), part("second:b"), first=first, second=second)
    assert [(work.store, work.secrets, work.requests) for work in told] == [("first", 1, 2), ("second", 2, 4)]
    request(told.append, part("second:c"), first=first, second=second)
    assert (told[2].secrets, told[2].requests, second.requests.total) == (1, 2, 6)
    assert second.requests.by_operation() == {"ask": 3, "read": 3}


def test_a_store_that_hangs_is_told_of_too(clock: StoppedClock) -> None:
    """With what it had sent until it was given up."""
    told: list[StoreActivity] = []

    class Hanging(Counting):
        def fetch(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Answer]:
            self.requests.add("ask")
            clock.advance(2 * HANG)
            # This answer wakes the caller, which otherwise might wait for the whole time of a clock that stands still.
            yield refs[0], Missing()
            done.wait(HANG)

    done = threading.Event()
    request(told.append, part("slow:a"), part("slow:b"), slow=Hanging("x"))
    done.set()
    assert (told[0].secrets, told[0].requests) == (2, 1)


@pytest.mark.parametrize("counter", [None, 7, "many", RequestCounter])
def test_whatever_a_plug_in_calls_requests(counter: Any) -> None:
    """An attribute `requests` that is not a counter is ignored."""
    told: list[StoreActivity] = []
    store = Counting("x")
    store.fetch = lambda refs, deadline: iter([(refs[0], Missing())])  # type: ignore[method-assign]
    store.requests = counter
    request(told.append, part("odd:a"), odd=store)
    assert told[0].requests is None


def test_nothing_is_counted_where_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger is not even made."""
    monkeypatch.delattr(ActivityRecorder, "begin")
    request(None, part("first:a"), first=Counting("x"))


def work(*, prefix: str = "", **counts: Any) -> StoreActivity:
    """Return the activity of a store called aws."""
    return StoreActivity(store="aws", prefix=prefix, **counts)


@pytest.mark.parametrize(
    ("done", "line"),
    [
        (work(secrets=20, requests=1, seconds=0.049), "20 secrets, 1 request, 0.05 s"),
        (work(prefix="metadata of ", secrets=1, requests=2, seconds=3), "metadata of 1 secret, 2 requests, 3.00 s"),
        (work(secrets=3, requests=None, seconds=0), "3 secrets, 0.00 s"),
    ],
)
def test_the_line(done: StoreActivity, line: str) -> None:
    """Numbers agree with their nouns."""
    assert str(done) == f"aws: {line}"


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("run", "-e", "test", "-v", "--", "true"), "docker: 1 secret, "),
        (("render", "-e", "test", "-v", "--format", "json"), "docker: 1 secret, "),
        (("check", "-e", "test", "-v"), "docker: metadata of 1 secret, "),
        (("check", "-e", "test", "-v", "--fetch"), "docker: 1 secret, "),
        (("explain", "-e", "test", "-v"), "docker: metadata of 1 secret, "),
        (("check-rotation", "-e", "test", "-v"), "docker: metadata of 1 secret, "),
        (("get", "docker:dbpw", "-e", "test", "-v"), "docker: 1 secret, "),
    ],
)
def test_commands(project: MakeProject, canary: CanaryFactory, command: tuple[str, ...], says: str) -> None:
    """Each says it on stderr with -v and not without, and never by which name a secret goes."""
    made = project({"env/test/security.env": "A=$<docker:dbpw>\n", "files/dbpw": canary()})
    made.write("providers/test.toml", '[stores.docker]\ndir = "files"\n')
    options: dict[str, Any] = {"reveals": command[0] in ("render", "get")}
    said = [line for line in made.cli(*command, **options).stderr.split("\n") if "docker" in line]
    if command == ("check", "-e", "test", "-v"):  # asks for the names of fields, too
        assert re.fullmatch(r"secretsync: docker: fields of 1 secret, \d+\.\d\d s", said.pop())
    assert len(said) == 1
    assert re.fullmatch(rf"secretsync: {re.escape(says)}\d+\.\d\d s", said[0])
    quiet = [word for word in command if word != "-v"]
    assert "docker" not in made.cli(*quiet, **options).stderr


def test_a_failure_does_not_keep_it_back(project: MakeProject, tmp_path: Path) -> None:
    """The activity of the stores is printed before the report of failures."""
    made = project({"env/test/security.env": "A=$<docker:gone>\n"})
    made.write("providers/test.toml", f'[stores.docker]\ndir = "{tmp_path}"\n')
    stderr = made.cli("render", "-e", "test", "-v", "--format", "json", expect=3).stderr
    assert stderr.index("docker: 1 secret, ") < stderr.index("A: docker:gone")
