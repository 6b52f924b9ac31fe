"""Azure Key Vault keeps the contract of a provider."""

import pytest

from secretsync.testing import ProviderContract
from tests.contract.stores_azure import AzureStore
from tests.servers.azure import AzureWorld
from tests.support.canary import make_canary


class TestAzure(ProviderContract):
    """Azure Key Vault, by its double."""

    lacks = AzureStore.lacks
    make_value = staticmethod(make_canary)

    @pytest.fixture
    def store(self, azure: AzureWorld) -> AzureStore:
        """Return an empty vault."""
        return AzureStore(azure)
