"""The provider of HashiCorp Vault and OpenBao."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from secretsync.core.model import Failed, Found, Missing, SecretRef
from secretsync.providers.interface import (
    NETWORK_FILES,
    NETWORK_VARIABLES,
    Answer,
    Deadline,
    Identity,
    Information,
    Outline,
    ProviderSpec,
    RequestCounter,
    StoreContext,
)
from secretsync.providers.remote import PerProcess, Retries, answer_each, identify
from secretsync.providers.vault.settings import FILES, SETTINGS, check_path, check_settings, server_address

if TYPE_CHECKING:
    import hvac

    from secretsync.core.lease import Lease
    from secretsync.providers.logins import Login
    from secretsync.providers.vault.client import Connections
    from secretsync.providers.vault.session import Round, Session
    from secretsync.providers.writing import Change, Written

R = TypeVar("R")

_WORKERS = 32
_WORKERS_TLS = 16  # each further TLS handshake costs more processor time than it saves


class VaultProvider:
    """Reads each path once, many in parallel: KV of both versions, leased and static credentials, and others."""

    spec = ProviderSpec(
        name="vault",
        title="HashiCorp Vault or OpenBao",
        path_help="mount/path as `vault kv get` takes it, or any readable path; without #field: all fields, as JSON",
        key="secret/{environment}#{name}",
        options=("version",),
        check_path=check_path,
        extra="vault",
        import_cost=2,
        settings=SETTINGS,
        has_outlines=True,
        has_leases=True,
        is_writable=True,
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
        variables=("VAULT_", "BAO_", "HOME", "AWS_", *NETWORK_VARIABLES),
        files=(*FILES, *NETWORK_FILES),
    )

    @staticmethod
    def logins(context: StoreContext) -> tuple[Login, ...]:
        from secretsync.providers.vault.inputs import logins  # Imported only by `doctor --explain`.

        return logins(context)

    def __init__(self, context: StoreContext) -> None:
        self.requests = RequestCounter()
        self._context = context
        self._address = server_address(context)
        check_settings(context)
        self._workers = _WORKERS_TLS if self._address.startswith("https:") else _WORKERS
        self._session = PerProcess(self._make_session)

    def _make_session(self) -> Session:
        from secretsync.providers.vault.inputs import check_inputs
        from secretsync.providers.vault.session import Session

        check_inputs(self._context, self._address)
        return Session(self._context, self._address, self._connect())

    def _connect(self) -> Connections:
        from secretsync.providers.vault.transport import make_http

        return make_http(self._context, self._address, self.requests)

    @classmethod
    def from_client(cls, client: hvac.Client, *, store: str = "vault") -> VaultProvider:
        """Return a provider that reads through a client of hvac: its connections, token, namespace and certificates.

        `store`: the name for messages. Pass the provider to `resolve_config(stores={"vault": provider})`. Needs the
        extra `vault`. `close` does not close the client. Raises ConfigurationError if its address is not usable.
        """
        from secretsync.providers.vault.hvac_client import HvacConnections

        environ = {"VAULT_TOKEN": client.token or "", "VAULT_NAMESPACE": client.adapter.namespace or ""}
        settings = {"address": client.url, "plain_http": True}
        made = cls(StoreContext(store=store, environment="", settings=settings, environ=environ))
        made._connect = lambda: HvacConnections(client, made.requests)  # type: ignore[method-assign]
        return made

    def fetch(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Answer]:
        from secretsync.providers.vault.fetch import fetch_one

        return self._ask(fetch_one, refs, deadline)

    def describe(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Information]:
        from secretsync.providers.vault.describe import describe_one

        return self._ask(describe_one, refs, deadline)

    def outline(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Outline]:
        from secretsync.providers.vault.describe import outline_one

        return self._ask(outline_one, refs, deadline)

    def write(self, ref: SecretRef, change: Change, deadline: Deadline) -> Found[Written] | Failed:
        from secretsync.providers.vault.write import write_one
        from secretsync.providers.writing import as_written

        [(_, outcome)] = self._ask(lambda round_, ref: write_one(round_, ref, change), (ref,), deadline)
        return as_written(outcome)

    def _ask(
        self, ask_one: Callable[[Round, SecretRef], R], refs: Sequence[SecretRef], deadline: Deadline
    ) -> Iterator[tuple[SecretRef, R | Missing | Failed]]:
        from secretsync.providers.vault.session import Round

        retries, lock = Retries(deadline), threading.Lock()
        round_: Round | None = None

        def ask(ref: SecretRef) -> R:
            nonlocal round_
            with lock:  # made in a worker, because opening files with certificates may hang
                round_ = round_ or Round(self._session.get(), retries)
            outcome = ask_one(round_, ref)
            if not isinstance(outcome, Found) and round_.is_mount_replaced(ref.path):
                return ask_one(round_, ref)
            return outcome

        return answer_each(ask, refs, retries, workers=self._workers)

    def identity(self) -> Identity:
        from secretsync.providers.vault.describe import identity
        from secretsync.providers.vault.session import Round

        def ask(retries: Retries) -> Identity | Failed:
            return identity(Round(self._session.get(), retries))

        return identify(self._context.store, ask)

    def login(self) -> Lease | None:
        from secretsync.providers.vault.leases import login_of

        return login_of(self._session.get())

    def take_login(self, login: Lease) -> None:
        from secretsync.providers.vault.leases import take_login

        take_login(self._session.get(), login)

    def newer_login(self, login: Lease) -> bool:
        from secretsync.providers.vault.leases import is_replaced

        return is_replaced(self._session.get(), login)

    def look_up(self, login: Lease, deadline: Deadline) -> Found[Lease] | Failed:
        from secretsync.providers.vault.leases import look_up

        return look_up(self._session.get(), login, deadline)

    def renew(self, lease: Lease, deadline: Deadline) -> Found[float] | Failed:
        from secretsync.providers.vault.leases import renew

        return renew(self._session.get(), lease, deadline)

    def revoke(self, leases: Sequence[Lease], deadline: Deadline) -> Iterator[tuple[Lease, Failed]]:
        from secretsync.providers.vault.leases import revoke

        return revoke(self._session.get(), leases, deadline)

    @property
    def is_irreplaceable(self) -> bool:
        """True if this process cannot log in a second time, because a wrapped secret_id opens only once."""
        return (self._context.settings.get("auth") or {}).get("wrapped") is True

    def close(self) -> None:
        if session := self._session.pop():
            session.close()
