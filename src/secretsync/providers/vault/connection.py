"""Requests to a Vault server: kept connections, time-outs within the deadline, and repeats for what they can mend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import requests
import urllib3.exceptions
from hvac.adapters import RawAdapter

from secretsync.core.errors import ProblemKind
from secretsync.core.exact_json import NotJsonError, parse_json
from secretsync.core.model import Failed
from secretsync.core.secret import Hidden
from secretsync.providers.interface import Deadline, RequestCounter
from secretsync.providers.remote import Retries, Retry, retry_after
from secretsync.providers.threads import no_answer
from secretsync.providers.vault.transport import Trouble, VaultFailureError, make_session, translate

__all__ = ["Connection", "Reply", "VaultAdapter", "VaultFailureError"]

_CONNECT = 2.0  # seconds
_READ = 5.0

# What another try can fix: a node behind its leader, a busy server, a failover, a gateway between two nodes, and a node
# that is sealed or on standby.
_PASSING = frozenset({412, 429, 472, 473, *range(500, 600)})


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

    @property
    def is_not_done(self) -> bool:
        """True if the request was turned away before the server did anything.

        A 503 of a gateway does not prove that: the connection behind it may have broken after the request was sent.
        """
        return self.status == 429 or (self.is_vaults and self.status in (412, 503))

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

    def send(self, method: str, url: str, retries: Retries, *, is_repeatable: bool, **request: Any) -> Reply:
        """Return the answer, at the latest at the deadline; repeated with pauses as long as that can help.

        `is_repeatable`: being carried out twice does no harm. Raises VaultFailureError.
        """
        outcome = retries.run(
            lambda: self._try(method, url, retries.deadline, request),
            lambda outcome: _retry(outcome, is_repeatable=is_repeatable),
        )
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
        retries: Retries,
        *,
        token: str = "",
        namespace: str | None = None,
        is_repeatable: bool = True,
    ) -> None:
        super().__init__(base_uri=connection.address, token=token, session=connection.session, namespace=namespace)
        self._connection = connection
        self._retries = retries
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
            self._retries,
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
    location = urlsplit(response.headers["Location"]).hostname if "Location" in response.headers else None
    return Reply(
        response.status_code,
        document if isinstance(document, dict) else None,
        retry_after=retry_after(response.headers.get("Retry-After")),
        location=location,
    )


def _retry(outcome: Reply | Trouble, *, is_repeatable: bool) -> Retry | None:
    """Return why and when the same request may be sent again; None: not at all."""
    if isinstance(outcome, Trouble):
        return Retry(outcome.failed) if outcome.is_passing and (is_repeatable or not outcome.was_sent) else None
    if outcome.status not in _PASSING or not (is_repeatable or outcome.is_not_done):
        return None
    cause = "it is rate limited (429)" if outcome.status == 429 else f"it failed ({outcome.status})"
    if outcome.says("sealed"):
        cause = f"it is sealed ({outcome.status})"
    return Retry(Failed(ProblemKind.UNAVAILABLE, cause), outcome.retry_after or 0.0)
