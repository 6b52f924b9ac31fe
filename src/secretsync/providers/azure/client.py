"""Requests to one key vault through the SDK: connections are kept, and requests are retried within the deadline."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed, Missing
from secretsync.providers.azure.credentials import Credential, Tokens
from secretsync.providers.azure.errors import AzureRequestError, vault_error
from secretsync.providers.interface import Deadline, RequestCounter
from secretsync.providers.remote import PerProcess, RequestError, Retries
from secretsync.providers.sdk_logging import silenced

T = TypeVar("T")

WORKERS = 16  # more gain nothing over TLS on one or two cores

_CONNECT = 2.0  # seconds
_READ = 5.0  # seconds


class AzureClient:
    """The SDK's client of one vault. Used from many threads."""

    def __init__(
        self, url: str, credential: Credential, requests: RequestCounter, check: Callable[[], Failed | None]
    ) -> None:
        """`check`: called before the first request; returns the mistake in the inputs of the store, or None."""
        self.url = url
        self.host = urlsplit(url).hostname or ""
        self.credential = credential
        self.tokens = Tokens(credential)
        self.is_warm = False  # after the first answer: the client has a token and the vault's challenge
        self._requests = requests
        self._check = check
        self._sdk = PerProcess(self._make_sdk)
        self._down: tuple[Deadline, Failed | Missing] | None = None

    def ask(self, call: Callable[..., T], right: str, retries: Retries) -> T:
        """Return what `call` returns, given the SDK's client and the options of a request. Raises RequestError.

        An error that concerns the whole vault, or the identity, is raised for all further secrets of the same deadline.
        """
        down, deadline = self._down, retries.deadline
        if down is not None and down[0] is deadline:
            raise RequestError(down[1])
        try:
            answer = self._ask(call, right, retries)
        except AzureRequestError as error:
            if error.is_general:
                self._down = (deadline, error.outcome)
            raise
        self.is_warm = True
        return answer

    def _ask(self, call: Callable[..., T], right: str, retries: Retries) -> T:
        is_renewed = False

        def attempt() -> T:
            nonlocal is_renewed
            generation = self.tokens.generation
            try:
                return self._try(call, right, retries.deadline)
            except AzureRequestError as error:
                if not error.is_token_refused or is_renewed:
                    raise
            # The token was revoked, or has expired by the vault's clock. One retry with a new token.
            is_renewed = True
            self.tokens.renew(generation)
            return self._try(call, right, retries.deadline)

        return retries.run(attempt)

    def _try(self, call: Callable[..., T], right: str, deadline: Deadline) -> T:
        left = max(deadline.remaining(), 0.01)
        try:
            with silenced():
                connect, read = min(_CONNECT, left), min(_READ, left)
                return call(self._sdk.get(), connection_timeout=connect, read_timeout=read, deadline=deadline)
        except AzureRequestError:  # a malformed input, or there is no token
            raise
        except Exception as caught:  # noqa: BLE001 - the SDK raises anything for a garbled answer; its text is not kept
            error = vault_error(caught, vault=self.host, right=right, object_id=self.tokens.object_id())
        raise error

    def _make_sdk(self) -> Any:
        if (mistake := self._check()) is not None:
            raise AzureRequestError(mistake, is_general=True)
        from azure.keyvault.secrets import SecretClient

        from secretsync.providers.azure.transport import transport

        # No retries of the SDK, because it does not know the deadline and follows any Retry-After.
        return SecretClient(
            self.url,
            self.tokens,
            transport=transport(WORKERS, self._requests),
            retry_total=0,
            permit_redirects=False,
            logging_enable=False,
        )

    def claims(self, retries: Retries) -> Mapping[str, Any]:
        """Return the claims of the token that the vault accepts; empty if it is not a JWT. Raises RequestError."""

        def list_one(sdk: Any, **options: Any) -> None:
            next(sdk.list_properties_of_secrets(max_page_size=1, **options).by_page(), None)

        try:
            self._ask(list_one, "list", retries)
        except AzureRequestError as error:
            # A vault that denies the list has accepted the token.
            is_denied = isinstance(error.outcome, Failed) and error.outcome.kind is ProblemKind.DENIED
            if error.is_general or not is_denied:
                raise
        return self.tokens.claims()

    def close(self) -> None:
        """Close the connections."""
        with silenced(), contextlib.suppress(Exception):
            if (sdk := self._sdk.pop()) is not None:
                sdk.close()
        self.tokens.close()
