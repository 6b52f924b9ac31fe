"""For tests: a store in memory, and the contract that makes a provider a provider."""

from secretsync.testing.contract import ProviderContract, StoreUnderTest
from secretsync.testing.memory import MemoryProvider

__all__ = ["MemoryProvider", "ProviderContract", "StoreUnderTest"]
