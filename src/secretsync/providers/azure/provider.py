"""The provider of Azure Key Vault."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from secretsync.core.model import Failed, Found, Missing, SecretRef
from secretsync.providers.azure.client import WORKERS, AzureClient
from secretsync.providers.azure.credentials import Credential, GivenCredential
from secretsync.providers.azure.settings import SETTINGS, check_path, check_version, vault_url
from secretsync.providers.interface import (
    NETWORK_FILES,
    NETWORK_VARIABLES,
    Answer,
    Deadline,
    Identity,
    Information,
    ProviderSpec,
    RequestCounter,
    StoreContext,
)
from secretsync.providers.remote import Retries, answer_each, identify

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

    from secretsync.providers.logins import Login
    from secretsync.providers.writing import Change, Written

R = TypeVar("R")


class AzureProvider:
    """Reads secrets of one key vault."""

    spec = ProviderSpec(
        name="azure",
        title="Azure Key Vault",
        path_help="the name of a secret",
        # Names cannot have an underscore, so that SECRET_KEY is secret-key.
        key="{kebab}",
        options=("version",),
        check_path=check_path,
        settings=SETTINGS,
        extra="azure",
        modules=("azure.keyvault.secrets", "azure.identity"),
        import_cost=20,
        is_writable=True,
        credentials=("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PASSWORD", "AZURE_PASSWORD", "MSI_SECRET"),
        identity_variables=(
            "AZURE_TENANT_ID",
            "AZURE_CLIENT_ID",
            "AZURE_AUTHORITY_HOST",
            "AZURE_FEDERATED_TOKEN_FILE",
            "AZURE_CLIENT_CERTIFICATE_PATH",
            "AZURE_CLIENT_SEND_CERTIFICATE_CHAIN",
            "IDENTITY_ENDPOINT",
            "IDENTITY_HEADER",
            "MSI_ENDPOINT",
        ),
        variables=("AZURE_", "IDENTITY_", "MSI_", "IMDS_", "HOME", "PATH", *NETWORK_VARIABLES),
        files=(
            "~/.azure/azureProfile.json",
            "$AZURE_FEDERATED_TOKEN_FILE",
            "$AZURE_CLIENT_CERTIFICATE_PATH",
            *NETWORK_FILES,
        ),
    )

    @staticmethod
    def logins(context: StoreContext) -> tuple[Login, ...]:
        from secretsync.providers.azure.logins import logins  # Imported only by `doctor --explain`.

        return logins(context)

    def __init__(self, context: StoreContext, given: GivenCredential | None = None) -> None:
        self.requests = RequestCounter()
        self._store = context.store
        url, credential = vault_url(context), given or Credential(context)

        def check() -> Failed | None:
            from secretsync.providers.azure.inputs import input_mistake

            return input_mistake(context, url, credential.kind)

        self._client = AzureClient(url, credential, self.requests, check)

    @classmethod
    def from_credential(cls, credential: TokenCredential, *, vault_url: str, store: str = "azure") -> AzureProvider:
        """Return a provider that reads with a credential of azure-identity, or another object with its `get_token`.

        `vault_url`: https://NAME.vault.azure.net. `store`: the name for messages. Pass the provider to
        `resolve_config(stores={"azure": provider})`. Needs the extra `azure`. `close` does not close the credential.
        Raises ConfigurationError if the URL is not usable.
        """
        context = StoreContext(store=store, environment="", settings={"vault_url": vault_url})
        return cls(context, GivenCredential(credential))

    def fetch(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Answer]:
        from secretsync.providers.azure.fetch import fetch_one

        return self._ask(fetch_one, refs, deadline)

    def describe(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Information]:
        from secretsync.providers.azure.describe import describe_one

        return self._ask(describe_one, refs, deadline)

    def write(self, ref: SecretRef, change: Change, deadline: Deadline) -> Found[Written] | Failed:
        from secretsync.providers.azure.write import write_one
        from secretsync.providers.writing import as_written

        retries = Retries(deadline)
        [(_, outcome)] = answer_each(
            lambda ref: write_one(self._client, ref, change, retries), (ref,), retries, workers=1
        )
        return as_written(outcome)

    def _ask(
        self, ask_one: Callable[[AzureClient, SecretRef, Retries], R], refs: Sequence[SecretRef], deadline: Deadline
    ) -> Iterator[tuple[SecretRef, R | Missing | Failed]]:
        retries, client = Retries(deadline), self._client
        good = []
        for ref in refs:
            if (wrong := check_version(ref)) is None:
                good.append(ref)
            else:
                yield ref, wrong
        # The first secret alone gets the token and the vault's challenge. Otherwise each worker would get its own.
        alone = 0 if client.is_warm else 1
        for batch in (good[:alone], good[alone:]):
            yield from answer_each(lambda ref: ask_one(client, ref, retries), batch, retries, workers=WORKERS)

    def identity(self) -> Identity:
        from secretsync.providers.azure.describe import identity

        return identify(self._store, lambda retries: identity(self._client, self._store, retries))

    def close(self) -> None:
        self._client.close()
