"""How the stores of a plan are asked: time limit, access log, progress, identities."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from secretsync.core.errors import UsageError
from secretsync.core.model import Failed, Found, Missing, SecretRef
from secretsync.providers.interface import Answer, Deadline, Identity, Information
from secretsync.resolving.requests.access_log import AccessLog
from secretsync.resolving.requests.activity import StoreActivity
from secretsync.resolving.stores import StoreAccess
from secretsync.testing import MemoryProvider
from tests.support.canary import CanaryFactory
from tests.support.limits import HANG
from tests.support.plans import good_plan

FILES = {"common": "PASSWORD=$<m:x>\nOTHER=$<m:y:->\n"}


class Store(MemoryProvider):
    """A store that keeps the time limits of its requests."""

    def __init__(self, secrets: dict[str, str | bytes]) -> None:
        super().__init__(secrets)
        self.limits: list[tuple[str, float]] = []

    def fetch(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Answer]:
        """See Provider."""
        self.limits.append(("fetch", deadline.seconds))
        return super().fetch(refs, deadline)

    def describe(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Information]:
        """See Provider."""
        self.limits.append(("describe", deadline.seconds))
        return super().describe(refs, deadline)


@pytest.mark.parametrize(
    ("timeout", "bindings", "seconds"), [(None, "", (30, 42)), (None, "timeout = '8s'\n", (8, 20)), (5.0, "", (5, 5))]
)
def test_time_limit(timeout: float | None, bindings: str, seconds: tuple[float, float]) -> None:
    """The caller's limit replaces that of the bindings, and only the latter is extended for metadata."""
    store = Store({"x": "1"})
    plan = good_plan(FILES, bindings=bindings, stores={"m": store})
    access = StoreAccess({}, timeout=timeout, replaced={"m": store})
    access.values(plan)
    access.metadata(plan, more_seconds=12)
    assert store.limits == [("fetch", seconds[0]), ("describe", seconds[1])]


@pytest.mark.parametrize("timeout", [0, -1.0, float("nan")])
def test_bad_time_limit(timeout: float) -> None:
    """Return an error before a store is asked, from each of the three requests."""
    store = Store({"x": "1"})
    plan = good_plan(FILES, stores={"m": store})
    access = StoreAccess({}, timeout=timeout, replaced={"m": store})
    requests: list[Any] = [access.values, access.metadata, access.identities]
    for request in requests:
        with pytest.raises(UsageError, match="above zero"):
            request(plan)
    assert store.limits == []


def test_access_log(tmp_path: Path, canary: CanaryFactory) -> None:
    """Values are written to the access log, those of the given placeholders with the given reads. Metadata are not."""
    store = Store({"x": canary()})
    plan = good_plan(FILES, stores={"m": store})
    path = tmp_path / "access.log"
    access = StoreAccess({}, replaced={"m": store}, access_log=AccessLog(str(path), {}, warn=pytest.fail))
    access.metadata(plan)
    access.values(plan, reads=())
    assert not path.exists()
    access.values(plan)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["key"], line["path"], line["outcome"]) for line in lines] == [
        ("PASSWORD", "x", "found"),
        ("OTHER", "y", "missing"),
    ]


def test_only_the_given_placeholders() -> None:
    """A secret of another placeholder is not requested."""
    store = Store({"x": "1", "y": "2"})
    plan = good_plan(FILES, stores={"m": store})
    answers = StoreAccess({}, replaced={"m": store}).values(plan, list(plan.secrets)[:1])
    assert answers.requested == (SecretRef("m", "x"),)
    assert store.fetched == [SecretRef("m", "x")]


def test_progress_and_activity() -> None:
    """Progress counts the answers about metadata; activity is reported after each round."""
    store = Store({"x": "1"})
    plan = good_plan(FILES, stores={"m": store})
    steps: list[tuple[int, int]] = []
    rounds: list[StoreActivity] = []
    access = StoreAccess(
        {}, replaced={"m": store}, on_activity=rounds.append, progress=lambda done, total: steps.append((done, total))
    )
    infos = access.metadata(plan)
    assert steps == [(1, 2), (2, 2)]
    access.values(plan)
    assert steps == [(1, 2), (2, 2)]
    assert [(activity.prefix, activity.secrets) for activity in rounds] == [("metadata of ", 2), ("", 2)]
    assert isinstance(infos.of(SecretRef("m", "x")), Found)
    assert isinstance(infos.of(SecretRef("m", "y")), Missing)


def test_identities() -> None:
    """Each store of the plan and of the bindings answers, sorted by name, also if another one raises an exception."""

    class Broken(MemoryProvider):
        def identity(self) -> Identity:
            raise ValueError("not shown")

    stores = {"m": MemoryProvider({}), "broken": Broken({})}
    plan = good_plan({"common": "A=$<m:x:->\n"}, bindings="[stores.unused]\nprovider='docker'\n", stores=stores)
    states = StoreAccess({}, timeout=HANG, replaced=stores).identities(plan)
    assert [state.store for state in states] == ["m", "unused"]
    assert all(isinstance(state.identity, Identity) for state in states)
    plan = good_plan({"common": "A=$<m:x:->$<broken:x:->\n"}, stores=stores)
    broken, good = StoreAccess({}, timeout=HANG, replaced=stores).identities(plan)
    assert isinstance(broken.identity, Failed)
    assert broken.identity.cause == "the provider raised ValueError"
    assert isinstance(good.identity, Identity)
