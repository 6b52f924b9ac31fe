"""Calls to AWS: one client of the SDK a region, which is kept, counted and retried."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

from botocore import xform_name

from secretsync.core.model import SecretRef
from secretsync.providers.aws.errors import OPENING, AwsRequestError
from secretsync.providers.interface import RequestCounter, StoreContext
from secretsync.providers.remote import Retries
from secretsync.providers.sdk_logging import silenced
from secretsync.providers.threads import run_in_threads

WORKERS = 16  # more gain nothing on the one or two cores of a container, and lose time over TLS


class AwsClient:
    """The SDK's clients and the calls of one store. Used from many threads."""

    def __init__(self, context: StoreContext, requests: RequestCounter) -> None:
        self._requests = requests
        self.store = context.store
        self.batch_is_refused = False  # for this process: further batches would be refused too
        self._context = context
        self._opening = threading.Lock()  # held while credentials are looked for, which may hang
        self._session: Any = None
        self._sdk_clients: dict[tuple[str | None, str], Any] = {}

    def connect(self, refs: Sequence[SecretRef], retries: Retries) -> Iterator[tuple[Any, list[SecretRef]]]:
        """Yield the SDK's client for each region of `refs`, or an AwsRequestError, with the references of the region.

        A region is left out if its client is not ready at the deadline, because looking for credentials may hang.
        """
        regions: dict[str | None, list[SecretRef]] = {}
        for ref in refs:
            regions.setdefault(_region_of(ref.path), []).append(ref)

        def open_region(region: str | None) -> Any:
            try:
                return self.sdk_client(region, retries)
            except AwsRequestError as error:
                return error

        groups: dict[int, tuple[Any, list[SecretRef]]] = {}
        opened = run_in_threads(open_region, tuple(regions), workers=len(regions), deadline=retries.deadline)
        for region, sdk in opened:
            # The store's region and the region of an ARN may be the same, and then have the same client.
            groups.setdefault(id(sdk), (sdk, []))[1].extend(regions[region])
        yield from groups.values()

    def sdk_client(self, region: str | None, retries: Retries, service: str = "secretsmanager") -> Any:
        """Return the SDK's client of `service` in `region` (None: the store's). Raises AwsRequestError."""

        def attempt() -> Any:
            with self._opening, silenced():
                try:
                    return self._open(region, service)
                except AwsRequestError:
                    raise
                except Exception as caught:  # noqa: BLE001 - files, metadata services and the SDK may raise anything
                    error = AwsRequestError.of(caught, OPENING)
            raise error

        return retries.run(attempt)

    def _open(self, region: str | None, service: str) -> Any:
        from secretsync.providers.aws.credentials import StoreSession

        if self._session is None:
            session = StoreSession(self._context, WORKERS)
            if cause := session.unusable_file():
                raise AwsRequestError("UnusableFileError", operation=OPENING, cause=cause)
            self._session = session
        # The session does not keep None either, so that the next call looks for credentials again.
        if self._session.get_credentials() is None:
            raise AwsRequestError("NoCredentialsError")
        key = (region or self._session.get_config_variable("region"), service)
        if key not in self._sdk_clients:
            self._sdk_clients[key] = self._session.create_client(service, region_name=key[0])
        return self._sdk_clients[key]

    def call(self, sdk: Any, operation: str, retries: Retries, **parameters: Any) -> dict[str, Any]:
        """Return the answer to one call of `sdk`, a client of the SDK. Raises AwsRequestError."""

        def attempt() -> dict[str, Any]:
            self._requests.add(operation)
            with silenced():
                try:
                    answer: dict[str, Any] = getattr(sdk, xform_name(operation))(**parameters)
                except Exception as caught:  # noqa: BLE001 - whatever the SDK raises is translated here
                    error = AwsRequestError.of(caught, operation)
                else:
                    return answer
            raise error

        return retries.run(attempt)

    def close(self) -> None:
        """Close the connections."""
        with silenced():
            for sdk in self._sdk_clients.values():
                sdk.close()
            self._sdk_clients.clear()


def _region_of(path: str) -> str | None:
    """Return the region of an ARN; None for a name."""
    return path.split(":")[3] if path.startswith("arn:") else None
