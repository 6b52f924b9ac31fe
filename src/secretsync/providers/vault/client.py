"""Requests to a Vault server: connections are kept, and requests are retried within the deadline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import requests
import urllib3.exceptions
from hvac.adapters import RawAdapter

from secretsync.providers.interface import Deadline, RequestCounter
from secretsync.providers.remote import RequestError, Retries
from secretsync.providers.threads import no_answer
from secretsync.providers.vault.errors import network_error, retryable_failure
from secretsync.providers.vault.responses import Reply, read_reply
from secretsync.providers.vault.transport import make_session

__all__ = ["VaultAdapter", "VaultClient"]

_CONNECT = 2.0  # seconds
_READ = 5.0


class _RetryableReplyError(RequestError):
    """An answer after which the same request may succeed later. Returned as an answer if there is no time for that."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(retryable_failure(reply), is_retryable=True, retry_after=reply.retry_after or 0.0)
        self.reply = reply


class VaultClient:
    """The connections to one server. Used from many threads."""

    def __init__(
        self, address: str, environ: Mapping[str, str], ca_cert: str | None, counter: RequestCounter, *, workers: int
    ) -> None:
        """Connect to nothing yet. Raises RequestError if the certificates cannot be read."""
        self.address = address
        self._counter = counter
        self.session = make_session(address, environ, ca_cert, workers=workers)

    def close(self) -> None:
        """Close the connections."""
        self.session.close()

    def send(self, method: str, url: str, retries: Retries, *, is_repeatable: bool, **request: Any) -> Reply:
        """Return the answer, at the latest at the deadline. Raises RequestError.

        `is_repeatable`: the server may carry out the request twice without harm.
        """

        def attempt() -> Reply:
            reply = self._try(method, url, retries.deadline, request, is_repeatable=is_repeatable)
            if reply.is_retryable and (is_repeatable or reply.is_not_done):
                raise _RetryableReplyError(reply)
            return reply

        try:
            return retries.run(attempt)
        except _RetryableReplyError as error:
            return error.reply

    def _try(
        self, method: str, url: str, deadline: Deadline, request: Mapping[str, Any], *, is_repeatable: bool
    ) -> Reply:
        left = deadline.remaining()
        if left <= 0:
            raise RequestError(no_answer(deadline))
        timeout = (min(_CONNECT, left), min(_READ, left))
        try:
            self._counter.add(method.upper())
            # Redirects are not followed, because requests would send the token to any host that a redirect names.
            response = self.session.request(method, url, timeout=timeout, allow_redirects=False, **request)
            return read_reply(response)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as caught:
            # The exception is not kept, because its request holds the token.
            error = network_error(caught, self.address, timeout, is_repeatable=is_repeatable)
        raise error


class VaultAdapter(RawAdapter):
    """The adapter of hvac for one token and one deadline. It returns replies instead of raising exceptions of hvac."""

    def __init__(
        self,
        client: VaultClient,
        retries: Retries,
        *,
        token: str = "",
        namespace: str | None = None,
        is_repeatable: bool = True,
    ) -> None:
        super().__init__(base_uri=client.address, token=token, session=client.session, namespace=namespace)
        self._client = client
        self._retries = retries
        self._is_repeatable = is_repeatable

    def read(self, path: str, **parameters: object) -> Reply:
        """Return the answer to a read of `path`. Raises RequestError."""
        return self.request("get", f"/v1/{quote(path)}", params=parameters)

    def list_names(self, folder: str) -> Reply:
        """Return the answer to a request for the names in a folder. Raises RequestError."""
        return self.request("list", f"/v1/{quote(folder)}/")

    # All methods of hvac call this one and return its result.
    def request(self, method: str, url: str, headers: Any = None, **options: Any) -> Reply:  # type: ignore[override]
        """Return the answer, whatever its status. Raises RequestError."""
        sent = {"X-Vault-Request": "true", **(headers or {})}
        if self.token:
            sent["X-Vault-Token"] = self.token
        if self.namespace:
            sent["X-Vault-Namespace"] = self.namespace
        return self._client.send(
            method,
            self.urljoin(self.base_uri, url),
            self._retries,
            is_repeatable=self._is_repeatable,
            headers=sent,
            params=options.get("params"),
            json=options.get("json"),
        )
