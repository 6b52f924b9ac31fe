"""Secrets files keep the contract of a provider."""

from collections.abc import Iterator

import pytest

from secretsync.core.model import SecretRef
from secretsync.providers.docker import DockerProvider
from secretsync.providers.interface import StoreContext
from secretsync.testing import ProviderContract
from tests.contract.files import FileStore
from tests.support.canary import make_canary


class Store(FileStore):
    """A folder of secrets files."""

    def provider(self) -> DockerProvider:
        return DockerProvider(StoreContext(store="docker", environment="test", settings={"dir": str(self.folder)}))

    def ref(self, name: str, *, version: str | None = None) -> SecretRef:
        return SecretRef("docker", name, version)


class TestDocker(ProviderContract):
    """Docker secrets files."""

    lacks = FileStore.lacks
    make_value = staticmethod(make_canary)

    @pytest.fixture
    def store(self) -> Iterator[FileStore]:
        """Yield an empty folder."""
        with Store.open() as store:
            yield store
