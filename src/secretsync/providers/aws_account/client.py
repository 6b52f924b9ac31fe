"""Requests to AWS: one channel for each region, which is kept, and retries. How they are sent is a way's job."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from secretsync.core.model import Failed, SecretRef
from secretsync.providers.aws_account.errors import AwsRequestError
from secretsync.providers.aws_account.identities import KeySource
from secretsync.providers.interface import Deadline
from secretsync.providers.remote import Retries
from secretsync.providers.threads import run_in_threads

WORKERS = 16  # more gain nothing on the one or two cores of a container, and lose time over TLS


class Channel(Protocol):
    """Requests to one service in one region. Used from many threads."""

    region: str
    endpoint: str

    def send(self, operation: str, parameters: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        """Return the answer to one operation. Raises AwsRequestError."""
        ...


class Credentials(Protocol):
    """The credentials of a store."""

    @property
    def source(self) -> KeySource:
        """Where the keys come from, for messages."""
        ...


class Way(Protocol):
    """A way to send requests: SecretSync's own requests, or the SDK. `open` is called by one thread at a time."""

    workers: int  # the most threads that send requests

    @property
    def credentials(self) -> Credentials:
        """The credentials with which requests are signed."""
        ...

    def connect(self, region: str | None, service: str, deadline: Deadline) -> Channel:
        """Return the requests to `service` in a region; None: the store's. Raises AwsRequestError."""
        ...

    @property
    def login_end(self) -> datetime | None:
        """The time at which the credentials end, in UTC; None if it is not known."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...


class AwsClient:
    """The channels and the requests of one store. Used from many threads."""

    def __init__(self, store: str, service: str, make_way: Callable[[], Way]) -> None:
        """`service`: that has the secrets. `make_way`: called before the first request; raises AwsRequestError."""
        self.store = store
        self.service = service
        self.batch_is_refused = False  # for this process: further batches would be refused too
        self._make_way = make_way
        self._opening = threading.Lock()  # held while credentials are looked for, which may hang
        self._way: Way | None = None
        self._channels: dict[tuple[str | None, str], Channel] = {}

    def connect(
        self, refs: Sequence[SecretRef], retries: Retries
    ) -> Iterator[tuple[Channel | AwsRequestError, list[SecretRef]]]:
        """Yield the channel for each region of `refs`, or an AwsRequestError, with the references of the region.

        A region is left out if its channel is not ready at the deadline, because looking for credentials may hang.
        """
        regions: dict[str | None, list[SecretRef]] = {}
        for ref in refs:
            regions.setdefault(_region_of(ref.path), []).append(ref)

        def open_region(region: str | None) -> Any:
            try:
                return self.channel(region, retries)
            except AwsRequestError as error:
                return error

        groups: dict[object, tuple[Any, list[SecretRef]]] = {}
        opened = run_in_threads(open_region, tuple(regions), workers=len(regions), deadline=retries.deadline)
        for region, channel in opened:
            # The store's region and the region of an ARN may be the same, and then have the same batches.
            key = channel if isinstance(channel, AwsRequestError | Failed) else (channel.region, channel.endpoint)
            groups.setdefault(key, (channel, []))[1].extend(regions[region])
        yield from groups.values()

    def channel(self, region: str | None, retries: Retries, service: str | None = None) -> Channel:
        """Return the requests to `service` in `region`; None: that of the store. Raises AwsRequestError."""

        def attempt() -> Channel:
            with self._opening:
                if self._way is None:
                    self._way = self._make_way()
                key = (region, service or self.service)
                if key not in self._channels:
                    self._channels[key] = self._way.connect(*key, retries.deadline)
                return self._channels[key]

        return retries.run(attempt)

    def call(self, channel: Channel, operation: str, retries: Retries, **parameters: Any) -> dict[str, Any]:
        """Return the answer to one call. Raises AwsRequestError."""
        return retries.run(lambda: self.send(channel, operation, retries, **parameters))

    def send(self, channel: Channel, operation: str, retries: Retries, **parameters: Any) -> dict[str, Any]:
        """Return the answer to one request, which is not sent again. Raises AwsRequestError."""
        try:
            return channel.send(operation, parameters, retries.deadline)
        except AwsRequestError as error:
            if self._way is not None:
                error.add_facts(channel.region, self._way.credentials.source)
            raise

    @property
    def workers(self) -> int:
        """The most threads that send requests."""
        return WORKERS if self._way is None else self._way.workers

    @property
    def login_end(self) -> datetime | None:
        """The time at which the credentials end, in UTC; None if it is not known."""
        return None if self._way is None else self._way.login_end

    def close(self) -> None:
        """Close the connections."""
        if self._way is not None:
            self._way.close()
        self._channels.clear()


def _region_of(path: str) -> str | None:
    """Return the region of an ARN; None for a name."""
    return path.split(":")[3] if path.startswith("arn:") else None
