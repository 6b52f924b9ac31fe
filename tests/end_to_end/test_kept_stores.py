"""A process that resolves again only reads: no login and no question about mounts, in all remote stores."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from secretsync import close_stores, resolve_config
from tests.servers.all_stores import AllStores, fill
from tests.servers.aws import AwsAccount
from tests.servers.azure import AzureWorld
from tests.servers.faults import FaultProxy
from tests.servers.loopback import LoopbackServer
from tests.servers.openbao import VaultSpace
from tests.support.canary import CanaryFactory
from tests.support.limits import HANG
from tests.support.projects import MakeProject

Proxies = Callable[[str], FaultProxy]
READS = {"aws": "BatchGetSecretValue", "vault": "GET /v1/*/data/*", "azure": "get"}


class Place:
    """The project with all stores, and the servers that count."""

    def __init__(self, stores: AllStores, servers: dict[str, LoopbackServer]) -> None:
        self.stores, self.servers = stores, servers

    def resolve(self) -> dict[str, str]:
        """Return the values."""
        root, environ = self.stores.project.root, self.stores.environ
        return dict(resolve_config("production", root=root, environ=environ, timeout=HANG, validate=False))

    def counts(self) -> dict[str, tuple[int, int]]:
        """Return the numbers of reads and of other requests to each store since the last time."""
        found = {}
        for name, server in self.servers.items():
            reads = server.requests.count(READS[name])
            found[name] = (reads, server.requests.count() - reads)
            server.requests.clear()
        return found


@pytest.fixture
def place(
    project: MakeProject, aws: AwsAccount, vault: VaultSpace, azure: AzureWorld, tmp_path: Path, fault_proxy: Proxies
) -> Place:
    """All stores, with a proxy before those that have no counter."""
    proxies = {url: fault_proxy(url) for url in (aws.url, vault.url)}
    stores = fill(project, aws, vault, azure, tmp_path, url=lambda url: proxies[url].url)
    return Place(stores, {"aws": proxies[aws.url], "vault": proxies[vault.url], "azure": azure.keyvault})


@pytest.mark.parametrize("transport", ["auto", "sdk"])
def test_second_call(place: Place, transport: str) -> None:
    """The second call has the values, the reads of the first call, and nothing else."""
    bindings = place.stores.project.read("providers/production.toml")
    text = bindings.replace("[stores.aws]\n", f'[stores.aws]\ntransport = "{transport}"\n')
    place.stores.project.write("providers/production.toml", text)
    assert place.resolve() == place.stores.values
    first = place.counts()
    assert place.resolve() == place.stores.values
    assert place.counts() == {name: (reads, 0) for name, (reads, _) in first.items()}
    close_stores()
    assert place.resolve() == place.stores.values
    others = {name: others for name, (_, others) in place.counts().items()}
    assert others["azure"] > 0
    assert others["vault"] == first["vault"][1] == 1


def test_new_values_are_found(place: Place, canary: CanaryFactory) -> None:
    """A kept store keeps no value."""
    place.resolve()
    new = {"user": canary(), "password": canary()}
    place.stores.aws.put("app/0", json.dumps(new))
    place.stores.vault.write(place.stores.mount, "app/0", new)
    place.stores.keyvault.set("key-0", canary())
    values = place.resolve()
    assert values["AWS_0_USER"] == values["VAULT_0_USER"] == new["user"]
    assert values["AZURE_0"] == place.stores.keyvault.secrets["key-0"][-1].value
