"""A key vault of the double, filled and broken by the contract's tests."""

from typing import ClassVar

from secretsync.core.model import SecretRef
from secretsync.providers.azure.provider import AzureProvider
from secretsync.providers.interface import StoreContext
from tests.servers.azure import AzureWorld, forbidden, throttled
from tests.servers.faults import html, silence


class AzureStore:
    """A vault, and an application with a client secret that may read it."""

    lacks: ClassVar = {"binary": "Key Vault holds text"}

    def __init__(self, world: AzureWorld) -> None:
        self.world = world
        self.vault = world.vault()
        self.environ = world.client_secret(world.principal(("get", "list", "set")))
        self._second = 1_700_000_000

    def provider(self) -> AzureProvider:
        settings = {"vault_url": self.vault.url}
        context = StoreContext(store="azure", environment="test", settings=settings, environ=self.environ)
        return AzureProvider(context)

    def ref(self, name: str, *, version: str | None = None) -> SecretRef:
        return SecretRef("azure", name, version)

    def put(self, name: str, value: str | bytes) -> str | None:
        # The service tells times in whole seconds: versions made within one cannot be told apart by metadata.
        self._second += 1
        text = value if isinstance(value, str) else value.decode()
        return self.vault.set(name, text, created=self._second).id

    def values_read(self) -> int:
        return self.world.requests.count("get*")

    def deny(self, name: str) -> None:
        self.vault.refusals[name] = forbidden("ForbiddenByRbac")

    def disable(self, name: str) -> None:
        self.vault.secrets[name][-1].enabled = False

    def edit_metadata(self, name: str) -> None:
        self.vault.secrets[name][-1].tags["owner"] = "somebody else"
        self.vault.secrets[name][-1].updated += 86400

    def go_down(self) -> None:
        self.world.keyvault.refuse()

    def hang(self) -> None:
        self.world.keyvault.fail(silence())

    def throttle(self) -> None:
        self.world.keyvault.fail(throttled(retry_after=60))

    def garble(self) -> None:
        self.world.keyvault.fail(html())
