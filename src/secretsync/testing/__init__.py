"""For tests: a store in memory, and the contract that makes a provider a provider."""

from secretsync.testing.contract import MemoryProvider, ProviderContract, StoreUnderTest

__all__ = ["MemoryProvider", "ProviderContract", "StoreUnderTest"]
