"""The process environment keeps the contract of a provider."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from secretsync.core.model import SecretRef
from secretsync.providers.env import EnvProvider
from secretsync.providers.interface import StoreContext
from secretsync.testing import ProviderContract
from tests.contract.files import FileStore
from tests.support.canary import make_canary


class Store(FileStore):
    """Variables that name files, as in the official Docker images."""

    def provider(self) -> EnvProvider:
        return EnvProvider(StoreContext(store="env", environment="test", environ=self.environ))

    @property
    def environ(self) -> dict[str, str]:
        return {f"{name}_FILE": str(self.path(name)) for name in ("rotated", *os.listdir(self.folder))}

    def ref(self, name: str, *, version: str | None = None) -> SecretRef:
        return SecretRef("env", name.replace("-", "_"), version)

    def path(self, name: str) -> Path:
        return super().path(name.replace("-", "_"))


class TestEnv(ProviderContract):
    """The process environment."""

    lacks = FileStore.lacks
    make_value = staticmethod(make_canary)

    @pytest.fixture
    def store(self) -> Iterator[FileStore]:
        """Yield an environment without variables."""
        with Store.open() as store:
            yield store
