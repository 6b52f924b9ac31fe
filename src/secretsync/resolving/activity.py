"""What each store was asked in one round: how many secrets, with how many requests, in how long a time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from secretsync.core.records import Record
from secretsync.core.text import count_of
from secretsync.providers.interface import Provider, RequestCounter

__all__ = ["ActivityRecorder", "StoreActivity"]


class StoreActivity(Record, kw_only=True):
    """What one store did in one round: counts and seconds, no names."""

    store: str
    is_metadata: bool  # False: values were asked for
    secrets: int
    requests: int | None  # those that were sent, retries and log-ins included; None: this provider counts none
    seconds: float  # until its last answer, or until it was given up

    def __str__(self) -> str:
        asked = count_of(self.secrets, "secret")
        parts = [f"metadata of {asked}" if self.is_metadata else asked]
        if self.requests is not None:
            parts.append(count_of(self.requests, "request"))
        return f"{self.store}: {', '.join(parts)}, {self.seconds:.2f} s"


class ActivityRecorder:
    """Keeps account of one round. Used from one thread."""

    def __init__(self, providers: Mapping[str, Provider], *, is_metadata: bool) -> None:
        self._providers = providers
        self._is_metadata = is_metadata
        self._secrets: dict[str, int] = {}
        self._sent_before: dict[str, int | None] = {}
        self._began: dict[str, float] = {}
        self._ended: dict[str, float] = {}

    def begin(self, store: str, secrets: int) -> None:
        """Note that a store is asked for so many secrets; it may be asked again, for what another store has not."""
        if store not in self._began:
            self._began[store] = time.monotonic()
            self._sent_before[store] = self._sent(store)
        self._secrets[store] = self._secrets.get(store, 0) + secrets
        self._ended.pop(store, None)

    def end(self, store: str) -> None:
        """Note that a store has answered."""
        self._ended[store] = time.monotonic()

    def entries(self) -> Iterator[StoreActivity]:
        """What each store did, by name; those that have not answered are given up now."""
        for store in sorted(self._began):
            before, now = self._sent_before[store], self._sent(store)
            yield StoreActivity(
                store=store,
                is_metadata=self._is_metadata,
                secrets=self._secrets[store],
                requests=None if before is None or now is None else now - before,
                seconds=self._ended.get(store, time.monotonic()) - self._began[store],
            )

    def _sent(self, store: str) -> int | None:
        counter = getattr(self._providers[store], "requests", None)
        return counter.total if isinstance(counter, RequestCounter) else None
