"""What Key Vault tells about secrets without their values."""

from collections.abc import Sequence
from typing import Any

import pytest

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Clock, Failed, Found, Missing, Outcome, SecretInfo
from secretsync.providers.azure.provider import AzureProvider
from secretsync.providers.interface import Deadline, StoreContext
from tests.contract.stores_azure import AzureStore
from tests.servers import faults
from tests.servers.azure import AzureWorld
from tests.support.canary import CanaryFactory
from tests.support.limits import HANG

BEGIN, DAY = 1_700_000_000, 86400


@pytest.fixture
def store(azure: AzureWorld) -> AzureStore:
    """Return an empty vault."""
    return AzureStore(azure)


def provider(store: AzureStore, *may: str) -> AzureProvider:
    """Return a provider with these rights only."""
    environ = store.world.client_secret(store.world.principal(may))
    settings = {"vault_url": store.vault.url}
    return AzureProvider(StoreContext(store="azure", environment="test", settings=settings, environ=environ))


def describe(
    store: AzureStore, name: str, *, version: str | None = None, may: Sequence[str] = ("list",)
) -> Outcome[SecretInfo]:
    """Return the metadata of one secret for an identity that may list, and no more."""
    ref = store.ref(name, version=version)
    return dict(provider(store, *may).describe((ref,), Deadline(HANG)))[ref]


def info(outcome: Outcome[SecretInfo]) -> SecretInfo:
    """Return the metadata that was found."""
    assert isinstance(outcome, Found), outcome
    return outcome.value


def test_the_right_to_list_is_enough(store: AzureStore, canary: CanaryFactory) -> None:
    """Age, expiry and the rest come from a principal that may read no value."""
    made = store.vault.set("app", canary(), created=BEGIN, expires=BEGIN + 9 * DAY, not_before=BEGIN + DAY)
    told = info(describe(store, "app"))
    assert told.version == made.id
    assert told.clock is Clock.VERSION_CREATED
    assert told.created is not None
    assert told.expires is not None
    assert told.not_before is not None
    assert [int(moment.timestamp()) - BEGIN for moment in (told.created, told.not_before, told.expires)] == [
        0,
        DAY,
        9 * DAY,
    ]
    assert told.enabled
    assert store.values_read() == 0
    assert store.world.requests.operations["versions"] == 1


def test_the_right_to_read_values_is_not(store: AzureStore, canary: CanaryFactory) -> None:
    """An identity that may read values but not list is denied, and the message names the missing role."""
    store.put("app", canary())
    outcome = describe(store, "app", may=("get",))
    assert isinstance(outcome, Failed)
    assert outcome.kind is ProblemKind.DENIED
    assert "Key Vault Reader" in str(outcome.hint)


def test_an_edit_is_no_rotation(store: AzureStore, canary: CanaryFactory) -> None:
    """`updated` moves with every edit; the age does not."""
    made = store.vault.set("app", canary(), created=BEGIN)
    made.updated = BEGIN + 300 * DAY
    told = info(describe(store, "app"))
    assert told.created is not None
    assert int(told.created.timestamp()) == BEGIN


def test_the_newest_of_many_pages(store: AzureStore, canary: CanaryFactory) -> None:
    """Versions are listed in no order and in pages; the newest by its creation is the current one."""
    made = [store.vault.set("app", canary(), created=BEGIN + day * DAY) for day in range(60)]
    assert info(describe(store, "app")).version == made[-1].id
    assert store.world.requests.count("versions") == 3


def test_a_pinned_version_and_a_newer_one(store: AzureStore, canary: CanaryFactory) -> None:
    """A pinned version is told as such, with the newer one beside it."""
    old, new = store.put("app", canary()), store.put("app", canary())
    told = info(describe(store, "app", version=str(old).upper()))
    assert (told.version, told.newer_version) == (old, new)
    told = info(describe(store, "app", version=new))
    assert (told.version, told.newer_version) == (new, None)
    assert isinstance(describe(store, "app", version="0" * 32), Missing)


def test_a_disabled_newest_version(store: AzureStore, canary: CanaryFactory) -> None:
    """The current version is the newest one, enabled or not: an older one is never told in its place."""
    store.put("app", canary())
    newest = store.put("app", canary())
    store.disable("app")
    told = info(describe(store, "app"))
    assert told.version == newest
    assert not told.enabled


def test_versions_of_one_second(store: AzureStore, canary: CanaryFactory) -> None:
    """If two versions were made in one second, the age is reported and the version is not."""
    for _ in range(2):
        store.vault.set("app", canary(), created=BEGIN)
    told = info(describe(store, "app"))
    assert told.version is None
    assert told.created is not None
    assert told.notes


def test_many_secrets_at_once(store: AzureStore, canary: CanaryFactory) -> None:
    """One request a secret, one token, and those that are not there are missing."""
    for number in range(50):
        store.put(f"app-{number}", canary())
    refs = [store.ref(f"app-{number}") for number in range(60)]
    answers = dict(provider(store, "list").describe(refs, Deadline(HANG)))
    assert [isinstance(answers[ref], Found) for ref in refs] == [True] * 50 + [False] * 10
    counted = store.world.requests.operations
    assert (counted["versions"], counted["challenge"], counted["token"]) == (60, 1, 1)


@pytest.mark.parametrize(
    "body",
    [b"", b"<p>", b"[]", b"{}", b'{"value": 5}', b'{"value": [{}]}', b'{"value": ["x"]}', b'{"value": [{"id": "x"}]}'],
)
def test_garbled(store: AzureStore, canary: CanaryFactory, body: bytes) -> None:
    """A list that is none is unavailable, never missing."""
    store.put("app", canary())
    store.world.keyvault.fail(faults.respond(200, body, {"Content-Type": "application/json"}), "versions")
    outcome: Any = describe(store, "app")
    assert isinstance(outcome, Failed)
    assert outcome.kind is ProblemKind.UNAVAILABLE


def test_a_list_of_another_secret(store: AzureStore, canary: CanaryFactory) -> None:
    """Ids in the answer must be those of the secret that was asked for."""
    body = f'{{"value": [{{"id": "{store.vault.url}/secrets/other/{"0" * 32}", "attributes": {{"created": 1}}}}]}}'
    fault = faults.respond(200, body.encode(), {"Content-Type": "application/json"})
    store.world.keyvault.fail(fault, "versions")
    outcome = describe(store, "app")
    assert isinstance(outcome, Failed)
    assert outcome.kind is ProblemKind.UNAVAILABLE
