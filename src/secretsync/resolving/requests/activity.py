"""Record the activity of each store in one round: secrets, requests and seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from secretsync.core.records import Record
from secretsync.core.text import count_of
from secretsync.providers.interface import Provider, RequestCounter


class StoreActivity(Record, kw_only=True):
    """The activity of one store in one round. It contains counts and seconds, and no name of a secret."""

    store: str
    prefix: str  # what was requested of the secrets: "", "metadata of ", "fields of "
    secrets: int
    requests: int | None  # sent requests, with retries and logins; None: this provider does not count them
    seconds: float  # until its last answer, or until it was abandoned

    def __str__(self) -> str:
        parts = [self.prefix + count_of(self.secrets, "secret")]
        if self.requests is not None:
            parts.append(count_of(self.requests, "request"))
        return f"{self.store}: {', '.join(parts)}, {self.seconds:.2f} s"


class ActivityRecorder:
    """Records one round. Used from one thread."""

    def __init__(self, providers: Mapping[str, Provider], prefix: str) -> None:
        self._providers = providers
        self._prefix = prefix
        self._secrets: dict[str, int] = {}
        self._sent_before: dict[str, int | None] = {}
        self._began: dict[str, float] = {}
        self._ended: dict[str, float] = {}

    def begin(self, store: str, secrets: int) -> None:
        """Record a batch of requests. A store can get a second one, for secrets that another store does not have."""
        if store not in self._began:
            self._began[store] = time.monotonic()
            self._sent_before[store] = self._sent(store)
        self._secrets[store] = self._secrets.get(store, 0) + secrets
        self._ended.pop(store, None)

    def end(self, store: str) -> None:
        """Record that a store has answered."""
        self._ended[store] = time.monotonic()

    def entries(self) -> Iterator[StoreActivity]:
        """Return the activity of each store, sorted by name. A store that has not answered ends now."""
        for store in sorted(self._began):
            before, now = self._sent_before[store], self._sent(store)
            yield StoreActivity(
                store=store,
                prefix=self._prefix,
                secrets=self._secrets[store],
                requests=None if before is None or now is None else now - before,
                seconds=self._ended.get(store, time.monotonic()) - self._began[store],
            )

    def _sent(self, store: str) -> int | None:
        counter = getattr(self._providers[store], "requests", None)
        return counter.total if isinstance(counter, RequestCounter) else None
