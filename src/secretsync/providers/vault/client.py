"""Requests to a Vault server: connections are kept, and requests are retried within the deadline."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Protocol
from urllib.parse import quote, urlencode

from secretsync.providers.http.failures import HttpError
from secretsync.providers.http.messages import Response
from secretsync.providers.interface import Deadline
from secretsync.providers.remote import RequestError, Retries
from secretsync.providers.vault.errors import retryable_failure
from secretsync.providers.vault.responses import Reply, read_reply


class Connections(Protocol):
    """The connections to a server: an `HttpClient`, or those of a client of hvac."""

    def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        body: bytes,
        deadline: Deadline,
        is_repeatable: bool,
    ) -> Response:
        """See `HttpClient.request`."""
        ...

    def warm(self, deadline: Deadline, is_needed: Callable[[], bool]) -> None:
        """See `HttpClient.warm`."""
        ...

    def close(self) -> None:
        """Close the connections that SecretSync opened."""
        ...


class _RetryableReplyError(RequestError):
    """An answer after which the same request may succeed later. Returned as an answer if there is no time for that."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(retryable_failure(reply), is_retryable=True, retry_after=reply.retry_after or 0.0)
        self.reply = reply


class VaultClient:
    """Requests with one token, until one deadline. Its methods raise RequestError."""

    def __init__(
        self,
        http: Connections,
        retries: Retries,
        *,
        token: str = "",
        namespace: str | None = None,
        is_repeatable: bool = True,
    ) -> None:
        """`is_repeatable`: the server may carry out the requests twice without harm."""
        self._http = http
        self._retries = retries
        self._is_repeatable = is_repeatable
        self._headers = {"X-Vault-Request": "true"}
        if token:
            self._headers["X-Vault-Token"] = token
        if namespace:
            self._headers["X-Vault-Namespace"] = namespace

    def read(self, path: str, **parameters: str | int) -> Reply:
        """Return the answer to a read of `path`."""
        query = f"?{urlencode(parameters)}" if parameters else ""
        return self._send("GET", f"/v1/{quote(path)}{query}")

    def list_names(self, folder: str) -> Reply:
        """Return the answer to a request for the names in a folder."""
        return self._send("LIST", f"/v1/{quote(folder)}/")

    def write(self, path: str, document: Mapping[str, object], *, last: str = "") -> Reply:
        """Return the answer to a write of `document`. `last`: one more segment, which may have a slash in it."""
        end = f"/{quote(last, safe='')}" if last else ""
        return self._send("POST", f"/v1/{quote(path)}{end}", json.dumps(document).encode())

    def write_exact(self, path: str, document: Mapping[str, object]) -> Reply:
        """Return the answer to a write of `document`, whose numbers keep their digits."""
        from secretsync.core.exact_json import format_json

        return self._send("POST", f"/v1/{quote(path)}", format_json(document).encode())

    def _send(self, method: str, path: str, body: bytes = b"") -> Reply:
        headers = {**self._headers, "Content-Type": "application/json"} if body else self._headers
        is_repeatable = self._is_repeatable

        def attempt() -> Reply:
            failed = None
            try:
                response = self._http.request(
                    method,
                    path,
                    headers=headers,
                    body=body,
                    deadline=self._retries.deadline,
                    is_repeatable=is_repeatable,
                )
            except HttpError as error:
                failed = error.error(is_repeatable=is_repeatable)
            if failed is not None:
                raise failed
            reply = read_reply(response)
            if reply.is_retryable and (is_repeatable or reply.is_not_done):
                raise _RetryableReplyError(reply)
            return reply

        try:
            return self._retries.run(attempt)
        except _RetryableReplyError as error:
            return error.reply
