"""Calls to AWS: one client a region, kept; tried again where that may help, within the deadline, and counted."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from botocore import xform_name

from secretsync.model import SecretRef
from secretsync.providers.aws_errors import OPENING, Refusal
from secretsync.providers.interface import Deadline, StoreContext
from secretsync.providers.sdk_logs import silenced
from secretsync.providers.workers import run_in_threads

__all__ = ["WORKERS", "Calls"]

WORKERS = 16  # more gain nothing on the one or two cores of a container, and lose over TLS
_TRIES = 3
_FIRST_PAUSE = 0.2  # seconds, at the most, before the second try; twice that before the third


class Calls:
    """Clients and calls of one store. Used from many threads."""

    def __init__(self, context: StoreContext) -> None:
        self.store = context.store
        self.batch_is_refused = False  # for this process there is no use in asking again
        self._context = context
        self._lock = threading.Lock()
        self._session: Any = None
        self._clients: dict[tuple[str | None, str], Any] = {}
        self.requests: Counter[str] = Counter()

    def connect(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[tuple[Any, list[SecretRef]]]:
        """A client for each region of `refs`, or why there is none, with those that it is for.

        A region whose client is not ready by the deadline is left out: looking for credentials may hang.
        """
        regions: dict[str | None, list[SecretRef]] = {}
        for ref in refs:
            regions.setdefault(_region_of(ref.path), []).append(ref)
        for region, client in run_in_threads(self.client, tuple(regions), workers=len(regions), deadline=deadline):
            yield client, regions[region]

    def client(self, region: str | None, service: str = "secretsmanager") -> Any:
        """The client of `service` in `region` (None: the store's), or a Refusal."""
        with self._lock, silenced("botocore", "urllib3"):
            if (region, service) not in self._clients:
                try:
                    client = self._open(region, service)
                except Exception as error:  # noqa: BLE001 - the border: files, metadata services and SDK may raise any
                    client = Refusal.of(error, OPENING)
                if isinstance(client, Refusal):
                    return client  # and try again the next time
                self._clients[region, service] = client
            return self._clients[region, service]

    def _open(self, region: str | None, service: str) -> Any:
        from secretsync.providers.aws_session import StoreSession

        if self._session is None:
            self._session = StoreSession(self._context, WORKERS)
        if self._session.get_credentials() is None:
            return Refusal("NoCredentialsError")
        return self._session.create_client(service, region_name=region)

    def call(self, client: Any, operation: str, deadline: Deadline, **parameters: Any) -> dict[str, Any] | Refusal:
        """The answer to one call, after at most three tries, or why there is none."""
        name = xform_name(operation)
        for attempt in range(1, _TRIES + 1):
            with self._lock:
                self.requests[operation] += 1
            with silenced("botocore", "urllib3"):
                try:
                    answer: dict[str, Any] | Refusal = getattr(client, name)(**parameters)
                except Exception as error:  # noqa: BLE001 - the border: whatever the SDK raises is translated there
                    answer = Refusal.of(error, operation)
            if not isinstance(answer, Refusal) or not answer.is_temporary or attempt == _TRIES:
                return answer
            if answer.is_throttled and operation == "BatchGetSecretValue":
                return answer  # single reads have a quota of their own, a hundred times as large
            # Full jitter: a fleet that starts at once does not come back at once.
            pause = max(random.uniform(0, _FIRST_PAUSE * 2 ** (attempt - 1)), answer.retry_after)  # noqa: S311
            if pause >= deadline.remaining():
                return answer
            time.sleep(pause)
        raise AssertionError("the last try returns")

    def close(self) -> None:
        """Give back the connections."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()


def _region_of(path: str) -> str | None:
    """The region that an ARN names; None for a plain name."""
    return path.split(":")[3] if path.startswith("arn:") else None
