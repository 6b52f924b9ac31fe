"""Asking one key vault through its SDK: kept connections, time-outs, and retries within the deadline."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed, Missing
from secretsync.providers.azure.credentials import Credential, Tokens
from secretsync.providers.azure.errors import Trouble, vault_trouble
from secretsync.providers.interface import Deadline, RequestCounter
from secretsync.providers.remote import Retries, Retry
from secretsync.providers.sdk_logging import silenced

__all__ = ["VaultClient"]

T = TypeVar("T")

_CONNECT = 2.0  # seconds
_READ = 5.0  # seconds


class VaultClient:
    """The SDK's client of one vault. Its methods may be called from several threads."""

    def __init__(self, vault_url: str, credential: Credential, requests: RequestCounter, *, connections: int) -> None:
        self.host = urlsplit(vault_url).hostname or ""
        self.tokens = Tokens(credential)
        self.is_warm = False  # whether it has had an answer, and so has a token and knows the vault's challenge
        self._url = vault_url
        self._requests = requests
        self._connections = connections
        self._lock = threading.Lock()
        self._sdk: Any = None
        self._process = 0  # that the SDK's client was made in
        self._down: tuple[Deadline, Failed | Missing] | None = None

    def ask(self, call: Callable[..., T], right: str, retries: Retries) -> T | Missing | Failed:
        """What `call` returns, given the SDK's client and the options of a request, or why there is nothing.

        It is tried again where a retry can mend what went wrong, and where there is time for it. What concerns the
        whole vault, or our identity, is not run into again by each secret before the same deadline.
        """
        down, deadline = self._down, retries.deadline
        if down is not None and down[0] is deadline:
            return down[1]
        answer = self._ask(call, right, retries)
        if not isinstance(answer, Trouble):
            self.is_warm = True
            return answer
        if answer.is_general:
            self._down = (deadline, answer.outcome)
        return answer.outcome

    def _ask(self, call: Callable[..., T], right: str, retries: Retries) -> T | Trouble:
        is_renewed = False

        def attempt() -> T | Trouble:
            nonlocal is_renewed
            generation = self.tokens.generation
            answer = self._try(call, right, retries.deadline)
            if isinstance(answer, Trouble) and answer.is_token_refused and not is_renewed:
                # Revoked, or past its end by the vault's clock: once, with a new one.
                is_renewed = True
                self.tokens.renew(generation)
                answer = self._try(call, right, retries.deadline)
            return answer

        return retries.run(attempt, _retry)

    def _try(self, call: Callable[..., T], right: str, deadline: Deadline) -> T | Trouble:
        left = max(deadline.remaining(), 0.01)
        try:
            with silenced():
                return call(self._client(), connection_timeout=min(_CONNECT, left), read_timeout=min(_READ, left))
        except Exception as error:  # noqa: BLE001 - a garbled answer makes the SDK raise anything; no text of it is kept
            return vault_trouble(error, vault=self.host, right=right)

    def _client(self) -> Any:
        with self._lock:
            # Connections of another process, which this one was forked from, are not ours to write to.
            if self._sdk is None or self._process != os.getpid():
                from azure.keyvault.secrets import SecretClient

                from secretsync.providers.azure.transport import transport

                # Retries are ours: the SDK's know of no deadline, and follow any Retry-After.
                self._process = os.getpid()
                self._sdk = SecretClient(
                    self._url,
                    self.tokens,
                    transport=transport(self._connections, self._requests),
                    retry_total=0,
                    permit_redirects=False,
                    logging_enable=False,
                )
            return self._sdk

    def claims(self, retries: Retries) -> Mapping[str, Any] | Missing | Failed:
        """What the token that the vault takes says about us; empty where it is no JWT."""

        def list_one(client: Any, **options: Any) -> None:
            next(client.list_properties_of_secrets(max_page_size=1, **options).by_page(), None)

        answer = self._ask(list_one, "list", retries)
        # Without the right to list, we are somebody all the same.
        if answer is not None and (answer.is_general or not _is_denied(answer.outcome)):
            return answer.outcome
        return self.tokens.claims()

    def close(self) -> None:
        """Give back the connections."""
        with silenced(), contextlib.suppress(Exception):
            if self._sdk is not None:
                self._sdk.close()
        self.tokens.close()


def _retry(answer: object) -> Retry | None:
    """Return why and when the same request may be made again; None: not at all."""
    if not isinstance(answer, Trouble) or not answer.is_transient or isinstance(answer.outcome, Missing):
        return None
    return Retry(answer.outcome, answer.retry_after or 0.0)


def _is_denied(outcome: Missing | Failed) -> bool:
    return isinstance(outcome, Failed) and outcome.kind is ProblemKind.DENIED
