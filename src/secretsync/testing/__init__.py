"""Helpers for tests: a store in memory, and the contract of a provider as a test class."""

from secretsync.testing.contract import ProviderContract
from secretsync.testing.memory import MemoryProvider
from secretsync.testing.store import StoreUnderTest

__all__ = ["MemoryProvider", "ProviderContract", "StoreUnderTest"]
