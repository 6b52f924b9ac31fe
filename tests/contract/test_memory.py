"""The store in memory keeps the contract of a provider."""

from collections.abc import Iterator
from typing import ClassVar

import pytest

from secretsync.core.errors import ProblemKind
from secretsync.core.model import SecretRef
from secretsync.testing import MemoryProvider, ProviderContract
from tests.support.canary import make_canary


class Store:
    """A store in memory, filled and broken."""

    def __init__(self) -> None:
        self.memory = MemoryProvider()

    def provider(self) -> MemoryProvider:
        return self.memory

    def ref(self, name: str, *, version: str | None = None) -> SecretRef:
        return SecretRef("memory", f"app/{name}", version)

    def put(self, name: str, value: str | bytes) -> str | None:
        return self.memory.put(f"app/{name}", value)

    def values_read(self) -> int:
        return len(self.memory.fetched)

    def deny(self, name: str) -> None:
        self.memory.fail(f"app/{name}", ProblemKind.DENIED, "no permission")

    def disable(self, name: str) -> None:
        self.memory.fail(f"app/{name}", ProblemKind.UNUSABLE, "disabled")

    def edit_metadata(self, name: str) -> None:
        raise NotImplementedError

    go_down = throttle = garble = lambda self: None

    def hang(self) -> None:
        self.memory.hang()


class TestMemory(ProviderContract):
    """A store in memory."""

    lacks: ClassVar = {
        "metadata": "memory has no tags or descriptions",
        "unavailable": "memory is never down",
        "throttled": "memory is never busy",
        "race": "memory is written under a lock",
        "garbled answer": "memory answers with objects, not with text",
    }
    make_value = staticmethod(make_canary)

    @pytest.fixture
    def store(self) -> Iterator[Store]:
        """Yield an empty store."""
        store = Store()
        yield store
        store.memory.release()  # so that no thread waits for it in later tests
