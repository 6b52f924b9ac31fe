"""Requests to a Vault server: kept connections, time-outs within the deadline, and repeats for what they can mend."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import requests
import urllib3.exceptions
from hvac.adapters import RawAdapter

from secretsync.json_text import NotJsonError, parse_json
from secretsync.model import Hidden
from secretsync.providers.interface import Deadline, RequestCounter
from secretsync.providers.vault_network import Trouble, VaultFailureError, make_session, translate
from secretsync.providers.workers import no_answer

__all__ = ["Connection", "Reply", "VaultAdapter", "VaultFailureError"]

_CONNECT = 2.0  # seconds
_READ = 5.0
_TRIES = 3
_PAUSE = 0.3  # seconds before the second try, at the most; doubled before the third: a failover takes half a second

# What another try can mend: a failover, a node behind its leader, a load balancer between two nodes, a busy server.
_PASSING = frozenset({412, 429, 500, 502, 503, 504})
# Of those, what says that the request was not carried out.
_NOT_DONE = frozenset({412, 429, 503})


class Reply(Hidden):
    """An answer of the server, which may hold values. `document` is None where it is no JSON object."""

    __slots__ = ("document", "location", "retry_after", "status")

    def __init__(
        self, status: int, document: dict[str, Any] | None, *, retry_after: float | None, location: str | None
    ) -> None:
        self.status = status
        self.document = document
        self.retry_after = retry_after
        self.location = location  # the host that a redirect leads to

    @property
    def data(self) -> dict[str, Any] | None:
        """The object under `data`."""
        data = (self.document or {}).get("data")
        return data if isinstance(data, dict) else None

    @property
    def is_vaults(self) -> bool:
        """Whether it is built as every answer of Vault's: with a list of errors, or with data, be it null.

        Other servers write JSON too: a gateway's 404 does not mean that a secret is missing.
        """
        return self.document is not None and (isinstance(self.document.get("errors"), list) or "data" in self.document)

    def says(self, words: str) -> bool:
        """Whether an error or a warning of the server has these words in it. They are never shown."""
        document = self.document or {}
        told = [
            text for key in ("errors", "warnings") if isinstance(lines := document.get(key), list) for text in lines
        ]
        return any(words in text for text in told if isinstance(text, str))


class Connection:
    """The connections to one server."""

    def __init__(
        self, address: str, environ: Mapping[str, str], ca_cert: str | None, counter: RequestCounter, *, workers: int
    ) -> None:
        """Nothing is connected yet. Raises VaultFailureError where the certificates cannot be read."""
        self.address = address
        self._counter = counter
        self.session = make_session(address, environ, ca_cert, workers=workers)

    def close(self) -> None:
        """Close them."""
        self.session.close()

    def send(self, method: str, url: str, deadline: Deadline, *, is_repeatable: bool, **request: Any) -> Reply:
        """The answer, at the latest at `deadline`; repeated with pauses as long as that can help.

        `is_repeatable`: being carried out twice does no harm. Raises VaultFailureError.
        """
        tries = 0
        while True:
            tries += 1
            outcome = self._try(method, url, deadline, request)
            pause = _pause(outcome, tries, is_repeatable=is_repeatable)
            if pause is None or pause >= deadline.remaining():
                break
            time.sleep(pause)
        if isinstance(outcome, Reply):
            return outcome
        raise VaultFailureError(outcome.failed)

    def _try(self, method: str, url: str, deadline: Deadline, request: Mapping[str, Any]) -> Reply | Trouble:
        left = deadline.remaining()
        if left <= 0:
            return Trouble(no_answer(deadline), is_passing=False)
        timeout = (min(_CONNECT, left), min(_READ, left))
        try:
            self._counter.add(method.upper())
            # A redirect is not followed: requests would send the token along, to whatever host it names.
            response = self.session.request(method, url, timeout=timeout, allow_redirects=False, **request)
            return _reply(response)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            # Its request has the token, its text may have anything: only what is understood of it goes on.
            return translate(error, self.address, timeout)


class VaultAdapter(RawAdapter):
    """What hvac sends its requests through: one token, one deadline, and replies in place of exceptions."""

    def __init__(
        self,
        connection: Connection,
        deadline: Deadline,
        *,
        token: str = "",
        namespace: str | None = None,
        is_repeatable: bool = True,
    ) -> None:
        super().__init__(base_uri=connection.address, token=token, session=connection.session, namespace=namespace)
        self._connection = connection
        self._deadline = deadline
        self._is_repeatable = is_repeatable

    def read(self, path: str, **parameters: object) -> Reply:
        """The answer to a read of `path`."""
        return self.request("get", f"/v1/{quote(path)}", params=parameters)

    def list_names(self, folder: str) -> Reply:
        """The answer to the question for the names in a folder."""
        return self.request("list", f"/v1/{quote(folder)}/")

    # Everything of hvac's goes through here; its other methods hand on what it returns.
    def request(self, method: str, url: str, headers: Any = None, **options: Any) -> Reply:  # type: ignore[override]
        """The answer, whatever its status. Raises VaultFailureError."""
        sent = {"X-Vault-Request": "true", **(headers or {})}
        if self.token:
            sent["X-Vault-Token"] = self.token
        if self.namespace:
            sent["X-Vault-Namespace"] = self.namespace
        return self._connection.send(
            method,
            self.urljoin(self.base_uri, url),
            self._deadline,
            is_repeatable=self._is_repeatable,
            headers=sent,
            params=options.get("params"),
            json=options.get("json"),
        )


def _reply(response: requests.Response) -> Reply:
    document = None
    try:
        document = parse_json(response.content.decode("utf-8"))
    except (NotJsonError, UnicodeDecodeError, RecursionError):
        document = None
    try:
        retry_after = float(response.headers.get("Retry-After", ""))
    except ValueError:
        retry_after = None
    location = urlsplit(response.headers["Location"]).hostname if "Location" in response.headers else None
    return Reply(
        response.status_code,
        document if isinstance(document, dict) else None,
        retry_after=retry_after if retry_after is not None and 0 <= retry_after < 3600 else None,
        location=location,
    )


def _pause(outcome: Reply | Trouble, tries: int, *, is_repeatable: bool) -> float | None:
    """Seconds until the next try; None: there is none."""
    jitter = random.uniform(0.5, 1.0) * _PAUSE * 2.0 ** (min(tries, _TRIES) - 1)  # noqa: S311 - spreads requests, hides nothing
    if isinstance(outcome, Reply):
        if outcome.status not in _PASSING or outcome.says("sealed"):
            return None
        if not is_repeatable and outcome.status not in _NOT_DONE:
            return None
        if outcome.status == 429 and outcome.retry_after is not None:
            # The server says when: that is no guess of ours, so it counts until the deadline.
            return outcome.retry_after + jitter
    elif not outcome.is_passing or (outcome.was_sent and not is_repeatable):
        return None
    return jitter if tries < _TRIES else None
