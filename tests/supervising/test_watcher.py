"""The watcher: versions from metadata, digests of contents, and a store that is down."""

from collections.abc import Callable, Mapping

import pytest

from secretsync.core.model import SecretInfo
from secretsync.core.problems.kinds import ProblemKind
from secretsync.core.records import replace
from secretsync.core.secret import Environ
from secretsync.planning.plan import Plan
from secretsync.resolving.stores import StoreAccess
from secretsync.supervising.versions import Versions, describe_changes, read_versions
from secretsync.supervising.watcher import watch
from secretsync.testing import MemoryProvider
from tests.support.canary import CanaryFactory, assert_clean
from tests.support.plans import good_plan

KEY = b"k" * 32
INTERVAL = 60.0


class Stage:
    """A plan with a store in memory, and a wait that calls a function in place of time."""

    def __init__(self, canary: CanaryFactory, text: str = "A=$<store:a>\nB=$<store:b>\n") -> None:
        self.canary = canary
        self.store = MemoryProvider({"a": canary(), "b": canary()})
        stores = {"store": self.store}
        self.plan: Plan = good_plan({"security": text}, stores=stores)
        self.access = StoreAccess(Environ({}), replaced=stores)
        self.reports: list[Mapping[str, str]] = []
        self.warnings: list[str] = []
        self.waits: list[float] = []

    def read(self, *, reads_values: bool = False) -> Versions:
        """Return the versions."""
        return read_versions(self.plan, self.access, key=KEY, reads_values=reads_values)

    def watch(self, steps: list[Callable[[], object]], *, reads_values: bool = False) -> None:
        """Watch for as many intervals as there are steps. Each step is called in place of a wait."""
        left = iter(steps)

        def wait(seconds: float) -> bool:
            self.waits.append(seconds)
            step = next(left, None)
            if step is not None:
                step()
            return step is None

        watch(
            self.read(reads_values=reads_values).states,
            read=lambda: self.read(reads_values=reads_values),
            interval=INTERVAL,
            wait=wait,
            report=self.reports.append,
            warn=self.warnings.append,
            draw=lambda: 1.0,
        )


@pytest.fixture
def stage(canary: CanaryFactory) -> Stage:
    """Two secrets with versions."""
    return Stage(canary)


def nothing() -> None:
    """Change nothing."""


def test_a_rotation_is_reported_once(stage: Stage) -> None:
    """The change is reported with both versions, no value is read, and each wait has the jitter."""
    stage.watch([nothing, lambda: stage.store.put("a", stage.canary()), nothing, nothing])
    assert stage.reports == [{"store:a": "store:a: version 1 -> version 2"}]
    assert stage.store.fetched == []
    assert len(stage.store.described) == 2 * 5
    assert stage.waits == pytest.approx([66.0] * 5)


def test_a_store_is_down_for_ten_intervals(stage: Stage) -> None:
    """One warning, one question per secret and interval, one report of the rotation in the meantime."""

    def go_down() -> None:
        stage.store.put("a", stage.canary())
        stage.store.fail("a", ProblemKind.UNAVAILABLE, "no connection")

    stage.watch([go_down, *[nothing] * 9, stage.store._failures.clear, nothing])
    assert stage.reports == [{"store:a": "store:a: version 1 -> version 2"}]
    assert [text.partition(":")[0] for text in stage.warnings] == [
        "the versions of secrets cannot be read",
        "the versions of all watched secrets can be read again",
    ]
    assert len(stage.store.described) == 2 * 13


def test_a_rotation_beside_a_failure(stage: Stage) -> None:
    """A secret whose version cannot be read does not hide the change of another one."""

    def change() -> None:
        stage.store.fail("a", ProblemKind.DENIED, "no permission")
        stage.store.put("b", stage.canary())

    stage.watch([change])
    assert stage.reports == [{"store:b": "store:b: version 1 -> version 2"}]


def test_a_secret_is_removed_and_comes_back(stage: Stage) -> None:
    """A missing secret is a change. If it is as before again, the report is empty."""
    versions = stage.store._versions

    def come_back() -> None:
        versions["a"] = gone

    gone = versions["a"]
    stage.watch([lambda: versions.pop("a"), come_back])
    assert stage.reports == [{"store:a": "store:a: version 1 -> missing"}, {}]


def test_secrets_without_versions(canary: CanaryFactory) -> None:
    """They are named, and not read."""
    stage = Stage(canary)
    stage.store.describe_as("a", SecretInfo())
    stage.store.describe_as("b", SecretInfo(dynamic=True))
    found = stage.read()
    assert (found.states, found.unwatched) == ({}, ("store:a", "store:b"))
    assert stage.store.fetched == []


def test_values_are_compared_on_request(canary: CanaryFactory) -> None:
    """`--watch-values` compares a digest with a key. A leased secret is not read, because that makes a new lease."""
    stage = Stage(canary)
    stage.store.describe_as("a", SecretInfo())
    stage.store.describe_as("b", SecretInfo(dynamic=True))
    found = stage.read(reads_values=True)
    assert found.unwatched == ("store:b",)
    assert_clean(str(found.states), "states")
    other = read_versions(stage.plan, stage.access, key=b"x" * 32, reads_values=True)
    assert other.states != found.states

    def change() -> None:
        stage.store.put("a", stage.canary())
        stage.store.describe_as("a", SecretInfo())

    stage.watch([nothing, change, nothing], reads_values=True)
    assert stage.reports == [{"store:a": "store:a: other content"}]
    assert {ref.path for ref in stage.store.fetched} == {"a"}


def test_a_local_store_is_compared_by_content(canary: CanaryFactory) -> None:
    """A store that declares its values as files of this machine needs no option."""
    stage = Stage(canary)
    stage.store.describe_as("a", SecretInfo())
    stage.store.spec = replace(stage.store.spec, is_local=True)
    stage.plan = replace(stage.plan, specs={"store": stage.store.spec})
    assert stage.read().states["store:a"].startswith("content ")


def test_denied_metadata_is_a_problem(stage: Stage) -> None:
    """The problem has the place of the placeholder and the kind that is status 4."""
    stage.store.fail("b", ProblemKind.DENIED, "this identity may not read the metadata", "allow it")
    (problem,) = stage.read().problems
    assert (problem.kind, problem.key, problem.line) == (ProblemKind.DENIED, "B", 2)


def test_a_lookup_in_several_stores(canary: CanaryFactory) -> None:
    """A secret that another store of the lookup has now is a change, although the version is the same."""
    first, second = MemoryProvider(), MemoryProvider({"A": canary()})
    stores = {"first": first, "second": second}
    plan = good_plan({"security": "A=$<A>\n"}, bindings='lookup = ["first", "second"]\n', stores=stores)
    access = StoreAccess(Environ({}), replaced=stores)
    before = read_versions(plan, access, key=KEY, reads_values=False)
    first.put("A", canary())
    after = read_versions(plan, access, key=KEY, reads_values=False)
    name = "first:A or second:A"
    expected = {name: f"{name}: version 1 in second -> version 1 in first"}
    assert describe_changes(before.states, after.states) == expected
