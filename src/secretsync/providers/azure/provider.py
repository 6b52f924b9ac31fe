"""Azure Key Vault: secrets by name, values and properties."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

from secretsync.core.errors import ConfigurationError, Problem, ProblemKind, ResolutionError
from secretsync.core.model import Failed, Found, Missing, Payload, SecretInfo, SecretRef
from secretsync.providers.azure.client import VaultClient
from secretsync.providers.azure.credentials import CREDENTIALS, Credential
from secretsync.providers.azure.responses import information_of, value_of
from secretsync.providers.interface import (
    Answer,
    Deadline,
    Identity,
    Information,
    ProviderSpec,
    RequestCounter,
    Setting,
    StoreContext,
)
from secretsync.providers.remote import Retries
from secretsync.providers.threads import run_in_threads

__all__ = ["AzureProvider"]

T = TypeVar("T", Payload, SecretInfo)

# Over TLS and on one or two cores more gain nothing.
_WORKERS = 16

_DOCTOR = 10.0  # seconds to find out who we are


def _check_path(path: str) -> str | None:
    if re.fullmatch(r"[0-9a-zA-Z-]{1,127}", path):
        return None
    if re.fullmatch(r"[0-9a-zA-Z_-]{1,127}", path):
        return "Key Vault names do not have underscores; write a hyphen in place of each"
    return "Key Vault names are 1 to 127 letters, digits and hyphens"


class AzureProvider:
    """Reads secrets of one key vault, the first alone, so that the others find its token and the vault's challenge."""

    spec = ProviderSpec(
        name="azure",
        title="Azure Key Vault",
        path_help="the name of a secret",
        # Names take no underscore, so SECRET_KEY is secret-key.
        key="{kebab}",
        options=("version",),
        check_path=_check_path,
        settings={
            "vault_url": Setting(help="https://NAME.vault.azure.net", environment="AZURE_KEYVAULT_URL"),
            "credential": Setting(
                help="whose identity is used", choices=CREDENTIALS, default="auto: what the environment shows"
            ),
            "client_id": Setting(
                help="client id of the application or of the user-assigned identity", environment="AZURE_CLIENT_ID"
            ),
        },
        extra="azure",
        modules=("azure.keyvault.secrets", "azure.identity"),
        import_cost=20,
        credentials=("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PASSWORD", "AZURE_PASSWORD", "MSI_SECRET"),
        identity_variables=(
            "AZURE_TENANT_ID",
            "AZURE_CLIENT_ID",
            "AZURE_AUTHORITY_HOST",
            "AZURE_FEDERATED_TOKEN_FILE",
            "AZURE_CLIENT_CERTIFICATE_PATH",
            "IDENTITY_ENDPOINT",
            "IDENTITY_HEADER",
            "MSI_ENDPOINT",
        ),
    )

    def __init__(self, context: StoreContext) -> None:
        self.requests = RequestCounter()
        self._store = context.store
        self._url = _vault_url(context)
        self._credential = Credential(context)
        self._client = VaultClient(self._url, self._credential, self.requests, connections=_WORKERS)

    def fetch(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Answer]:
        yield from self._ask(self._value, refs, deadline)

    def describe(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Information]:
        yield from self._ask(self._information, refs, deadline)

    def _ask(
        self,
        call: Callable[[SecretRef, Retries], Found[T] | Missing | Failed],
        refs: Sequence[SecretRef],
        deadline: Deadline,
    ) -> Iterator[tuple[SecretRef, Found[T] | Missing | Failed]]:
        retries, waiting = Retries(deadline), dict.fromkeys(refs)
        good = []
        for ref in refs:
            if (wrong := _check_version(ref)) is None:
                good.append(ref)
            else:
                del waiting[ref]
                yield ref, wrong
        # Each worker of a cold client would get a challenge of its own first.
        alone = 0 if self._client.is_warm else 1
        for batch in (good[:alone], good[alone:]):
            for ref, outcome in run_in_threads(
                lambda ref: call(ref, retries), batch, workers=_WORKERS, deadline=deadline
            ):
                del waiting[ref]
                yield ref, outcome
        for ref in waiting:
            yield ref, retries.no_answer()

    def _value(self, ref: SecretRef, retries: Retries) -> Found[Payload] | Missing | Failed:
        def get(client: Any, **options: Any) -> Found[Payload] | Missing | Failed:
            answers: list[Any] = []
            secret = client.get_secret(ref.path, ref.version, raw_response_hook=answers.append, **options)
            return value_of(secret, answers, ref, self._client.host)

        return self._client.ask(get, "get", retries)

    def _information(self, ref: SecretRef, retries: Retries) -> Found[SecretInfo] | Missing | Failed:
        def list_versions(client: Any, **options: Any) -> Found[SecretInfo] | Missing | Failed:
            answers: list[Any] = []
            listed = client.list_properties_of_secret_versions(ref.path, raw_response_hook=answers.append, **options)
            return information_of(list(listed), answers, ref, self._client.host)

        return self._client.ask(list_versions, "list", retries)

    def identity(self) -> Identity:
        deadline = Deadline(_DOCTOR)
        retries = Retries(deadline, once=True)
        answers = run_in_threads(self._client.claims, (retries,), workers=1, deadline=deadline)
        outcome = next((answer for _, answer in answers), retries.no_answer())
        if isinstance(outcome, Missing | Failed):
            kind = outcome.kind if isinstance(outcome, Failed) else ProblemKind.MISSING
            raise ResolutionError([Problem(kind=kind, store=self._store, cause=outcome.cause, hint=outcome.hint)])
        ids = (("tenant", "tid"), ("client id", "appid"), ("client id", "azp"))
        told = dict.fromkeys((name, outcome[claim]) for name, claim in ids if isinstance(outcome.get(claim), str))
        object_id = outcome.get("oid")
        return Identity(
            store=self._store,
            provider=self.spec.name,
            endpoint=self._url,
            principal=f"object id {object_id}" if isinstance(object_id, str) else None,
            details=(("credential", self._credential.kind), *told),
        )

    def close(self) -> None:
        self._client.close()


def _vault_url(context: StoreContext) -> str:
    """The vault's URL, checked. Raises ConfigurationError."""
    url = context.setting("vault_url", "AZURE_KEYVAULT_URL")
    cause = "vault_url is not set" if url is None else None
    if url is not None:
        try:
            parts = urlsplit(url)
            plain = parts.username is None and parts.path in ("", "/") and not parts.query and not parts.fragment
            if parts.scheme != "https" or not parts.hostname or not plain or (parts.port or 443) <= 0:
                cause = "vault_url is not https://HOST"
        except ValueError:
            cause = "vault_url is no URL"
    if url is None or cause is not None:
        hint = "https://NAME.vault.azure.net, in [stores.NAME] or in AZURE_KEYVAULT_URL"
        told = f"{context.store}: {cause}"
        raise ConfigurationError([Problem(kind=ProblemKind.CONFIGURATION, store=context.store, cause=told, hint=hint)])
    return url.rstrip("/")


def _check_version(ref: SecretRef) -> Failed | None:
    # "versions" in the place of a version is another call of the service.
    if ref.version is None or re.fullmatch(r"[0-9a-fA-F]{32}", ref.version):
        return None
    return Failed(ProblemKind.CONFIGURATION, "a version of Key Vault is 32 hexadecimal digits")
