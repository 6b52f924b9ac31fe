"""Calls to AWS: one client a region, kept; tried again where that may help, within the deadline, and counted."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from typing import Any

from botocore import xform_name

from secretsync.model import SecretRef
from secretsync.providers.aws_refusal import OPENING, Refusal
from secretsync.providers.interface import Deadline, RequestCounter, StoreContext
from secretsync.providers.sdk_logs import silenced
from secretsync.providers.workers import run_in_threads

__all__ = ["WORKERS", "Calls"]

WORKERS = 16  # more gain nothing on the one or two cores of a container, and lose over TLS
_TRIES = 3
_FIRST_PAUSE = 0.2  # seconds, at the most, before the second try; twice that before the third


class Calls:
    """Clients and calls of one store. Used from many threads."""

    def __init__(self, context: StoreContext, requests: RequestCounter) -> None:
        self._requests = requests
        self.store = context.store
        self.batch_is_refused = False  # for this process there is no use in asking again
        self._context = context
        self._opening = threading.Lock()  # held while credentials are looked for, which may hang
        self._session: Any = None
        self._clients: dict[tuple[str | None, str], Any] = {}

    def connect(self, refs: Sequence[SecretRef], deadline: Deadline) -> list[tuple[Any, list[SecretRef]]]:
        """A client for each region of `refs`, or why there is none, with those that it is for.

        A region whose client is not ready by the deadline is left out: looking for credentials may hang.
        """
        regions: dict[str | None, list[SecretRef]] = {}
        for ref in refs:
            regions.setdefault(_region_of(ref.path), []).append(ref)
        groups: dict[int, tuple[Any, list[SecretRef]]] = {}
        for region, client in run_in_threads(self.client, tuple(regions), workers=len(regions), deadline=deadline):
            # The store's region and that of an ARN may be the same one.
            groups.setdefault(id(client), (client, []))[1].extend(regions[region])
        return list(groups.values())

    def client(self, region: str | None, service: str = "secretsmanager") -> Any:
        """The client of `service` in `region` (None: the store's), or a Refusal."""
        with self._opening, silenced("botocore", "urllib3"):
            try:
                return self._open(region, service)
            except Exception as error:  # noqa: BLE001 - the border: files, metadata services and the SDK may raise any
                return Refusal.of(error, OPENING)

    def _open(self, region: str | None, service: str) -> Any:
        from secretsync.providers.aws_session import StoreSession

        if self._session is None:
            self._session = StoreSession(self._context, WORKERS)
            if cause := self._session.unusable_file():
                self._session = None
                return Refusal.of_file(cause)
        # None is not kept by the session either: the next call looks for credentials again.
        if self._session.get_credentials() is None:
            return Refusal("NoCredentialsError")
        key = (region or self._session.get_config_variable("region"), service)
        if key not in self._clients:
            self._clients[key] = self._session.create_client(service, region_name=key[0])
        return self._clients[key]

    def call(self, client: Any, operation: str, deadline: Deadline, **parameters: Any) -> dict[str, Any] | Refusal:
        """The answer to one call, after at most three tries, or why there is none."""
        name = xform_name(operation)
        for attempt in range(1, _TRIES + 1):
            self._requests.add(operation)
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
