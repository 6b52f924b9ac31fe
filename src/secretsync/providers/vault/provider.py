"""HashiCorp Vault and OpenBao: KV of both versions, leased and static credentials, and whatever else can be read."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from secretsync.core.errors import Problem, ResolutionError
from secretsync.core.model import Failed, Found, Missing, SecretInfo, SecretRef
from secretsync.core.secret import Payload
from secretsync.providers.interface import (
    Answer,
    Deadline,
    Identity,
    Information,
    ProviderSpec,
    RequestCounter,
    StoreContext,
)
from secretsync.providers.sdk_logging import silenced
from secretsync.providers.threads import no_answer, run_in_threads
from secretsync.providers.vault.settings import SETTINGS, check_path, check_settings, server_address

if TYPE_CHECKING:
    from secretsync.providers.remote import Retries
    from secretsync.providers.vault.session import Round, Session

__all__ = ["VaultProvider"]

T = TypeVar("T", Payload, SecretInfo)
A = TypeVar("A")
R = TypeVar("R")

_WORKERS = 32
_WORKERS_TLS = 16  # a handshake costs the processor more than it saves in waiting
_IDENTITY = 10.0  # seconds for saying who we are


class VaultProvider:
    """Reads each path once, several at the same time. The version of a KV mount is asked once."""

    spec = ProviderSpec(
        name="vault",
        title="HashiCorp Vault or OpenBao",
        path_help="mount/path as `vault kv get` takes it, or any readable path; without #field: all fields, as JSON",
        key="secret/{environment}#{name}",
        options=("version",),
        check_path=check_path,
        extra="vault",
        modules=("hvac",),
        import_cost=11,
        settings=SETTINGS,
        credentials=(
            "VAULT_TOKEN",
            "VAULT_SECRET_ID",
            "VAULT_PASSWORD",
            "VAULT_JWT",
            "BAO_TOKEN",
            "BAO_SECRET_ID",
            "BAO_PASSWORD",
            "BAO_JWT",
        ),
        identity_variables=("VAULT_ROLE_ID", "VAULT_USERNAME"),
    )

    def __init__(self, context: StoreContext) -> None:
        self.requests = RequestCounter()
        self._context = context
        self._address = server_address(context)
        check_settings(context)
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._process = os.getpid()

    def fetch(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Answer]:
        from secretsync.providers.vault.fetch import read

        return self._ask(refs, deadline, read)

    def describe(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Information]:
        from secretsync.providers.vault.describe import describe

        return self._ask(refs, deadline, describe)

    def identity(self) -> Identity:
        from secretsync.providers.remote import Retries
        from secretsync.providers.vault.describe import who_we_are

        deadline = Deadline(_IDENTITY)
        retries = Retries(deadline, once=True)
        answers = run_in_threads(self._guarded(who_we_are, retries), (None,), workers=1, deadline=deadline)
        _, found = next(answers, (None, no_answer(deadline)))
        if isinstance(found, Failed):
            problem = Problem(kind=found.kind, cause=found.cause, hint=found.hint, store=self._context.store)
            raise ResolutionError([problem])
        return found

    def close(self) -> None:
        with self._lock, silenced():
            if self._session is not None:
                self._session.close()
            self._session = None

    def _ask(
        self,
        refs: Sequence[SecretRef],
        deadline: Deadline,
        answer: Callable[[Round, SecretRef], Found[T] | Missing | Failed],
    ) -> Iterator[tuple[SecretRef, Found[T] | Missing | Failed]]:
        from secretsync.providers.remote import Retries

        waiting = dict.fromkeys(refs)
        if not waiting:
            return
        retries = Retries(deadline)
        workers = _WORKERS_TLS if self._address.startswith("https:") else _WORKERS
        for ref, outcome in run_in_threads(
            self._guarded(answer, retries), tuple(waiting), workers=workers, deadline=deadline
        ):
            del waiting[ref]
            yield ref, outcome
        for ref in waiting:
            yield ref, retries.no_answer()

    def _guarded(self, answer: Callable[[Round, A], R], retries: Retries) -> Callable[[A], R | Failed]:
        """`answer` in one round of asking, its failures as outcomes."""
        from secretsync.providers.vault.session import Round
        from secretsync.providers.vault.transport import VaultFailureError

        begun: Round | None = None

        def guarded(item: A) -> R | Failed:
            nonlocal begun
            try:
                with silenced():
                    with self._lock:
                        begun = begun or Round(self._opened(), retries)
                    return answer(begun, item)
            except VaultFailureError as failure:
                return failure.failed

        return guarded

    def _opened(self) -> Session:
        from secretsync.providers.vault.session import Session

        if self._process != os.getpid():
            # Two processes on one connection would read each other's answers.
            self._session, self._process = None, os.getpid()
        if self._session is None:
            workers = _WORKERS_TLS if self._address.startswith("https:") else _WORKERS
            self._session = Session(self._context, self._address, self.requests, workers=workers)
        return self._session
