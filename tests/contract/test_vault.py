"""Vault keeps the contract of a provider."""

from collections.abc import Callable

import pytest

from secretsync.testing import ProviderContract
from tests.contract.stores_vault import VaultStore
from tests.servers.faults import FaultProxy
from tests.servers.openbao import VaultSpace
from tests.support.canary import make_canary

BINARY = {
    "binary": "Vault keeps JSON: bytes are put into it as base64",
    "whole value": "a secret of Vault has fields",
}


class TestKv2(ProviderContract):
    """KV v2 of an OpenBao server."""

    lacks = {**BINARY, "digits of numbers": "KV v2 keeps numbers as floating point, and KV v1 as they are"}  # noqa: RUF012
    make_value = staticmethod(make_canary)

    @pytest.fixture
    def store(self, vault: VaultSpace, fault_proxy: Callable[[str], FaultProxy]) -> VaultStore:
        """Return an empty mount."""
        return VaultStore(vault, fault_proxy(vault.url))


class TestKv1(ProviderContract):
    """KV v1 of an OpenBao server."""

    lacks = {**BINARY, **dict.fromkeys(("pinned version", "disabled", "metadata", "clock"), "KV v1 has values alone")}  # noqa: RUF012
    make_value = staticmethod(make_canary)

    @pytest.fixture
    def store(self, vault: VaultSpace, fault_proxy: Callable[[str], FaultProxy]) -> VaultStore:
        """Return an empty mount."""
        return VaultStore(vault, fault_proxy(vault.url), kv_version=1)
