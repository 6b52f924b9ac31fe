"""Calls to AWS: one client a region, kept, counted, and made again by the policy of all stores."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from botocore import xform_name

from secretsync.core.model import SecretRef
from secretsync.providers.aws.errors import failure
from secretsync.providers.aws.refusal import OPENING, Refusal
from secretsync.providers.interface import RequestCounter, StoreContext
from secretsync.providers.remote import Retries, Retry
from secretsync.providers.sdk_logging import silenced
from secretsync.providers.threads import run_in_threads

__all__ = ["WORKERS", "Calls"]

WORKERS = 16  # more gain nothing on the one or two cores of a container, and lose over TLS


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

    def connect(self, refs: Sequence[SecretRef], retries: Retries) -> list[tuple[Any, list[SecretRef]]]:
        """A client for each region of `refs`, or why there is none, with those that it is for.

        A region whose client is not ready by the deadline is left out: looking for credentials may hang.
        """
        regions: dict[str | None, list[SecretRef]] = {}
        for ref in refs:
            regions.setdefault(_region_of(ref.path), []).append(ref)
        groups: dict[int, tuple[Any, list[SecretRef]]] = {}
        opened = run_in_threads(
            lambda region: self.client(region, retries), tuple(regions), workers=len(regions), deadline=retries.deadline
        )
        for region, client in opened:
            # The store's region and that of an ARN may be the same one.
            groups.setdefault(id(client), (client, []))[1].extend(regions[region])
        return list(groups.values())

    def client(self, region: str | None, retries: Retries, service: str = "secretsmanager") -> Any:
        """The client of `service` in `region` (None: the store's), or a Refusal."""
        return retries.run(lambda: self._try_opening(region, service), _retry)

    def _try_opening(self, region: str | None, service: str) -> Any:
        with self._opening, silenced():
            try:
                return self._open(region, service)
            except Exception as error:  # noqa: BLE001 - the border: files, metadata services and the SDK may raise any
                return Refusal.of(error, OPENING)

    def _open(self, region: str | None, service: str) -> Any:
        from secretsync.providers.aws.session import StoreSession

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

    def call(self, client: Any, operation: str, retries: Retries, **parameters: Any) -> dict[str, Any] | Refusal:
        """The answer to one call, or why there is none."""

        def attempt() -> dict[str, Any] | Refusal:
            self._requests.add(operation)
            with silenced():
                try:
                    answer: dict[str, Any] = getattr(client, xform_name(operation))(**parameters)
                except Exception as error:  # noqa: BLE001 - the border: whatever the SDK raises is translated there
                    return Refusal.of(error, operation)
            return answer

        return retries.run(attempt, _retry)

    def close(self) -> None:
        """Give back the connections."""
        with silenced():
            for client in self._clients.values():
                client.close()
            self._clients.clear()


def _retry(answer: object) -> Retry | None:
    """Return why and when the same call may be made again; None: not at all."""
    if not isinstance(answer, Refusal) or not answer.is_temporary:
        return None
    if answer.is_throttled and answer.operation == "BatchGetSecretValue":
        return None  # single reads have a quota of their own, a hundred times as large
    return Retry(failure(answer), answer.retry_after)


def _region_of(path: str) -> str | None:
    """The region that an ARN names; None for a plain name."""
    return path.split(":")[3] if path.startswith("arn:") else None
