"""Azure Key Vault: secrets by name, values and properties."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from secretsync.errors import ConfigurationError, Problem, ProblemKind, ResolutionError
from secretsync.model import Clock, Failed, Found, Missing, Payload, SecretInfo, SecretRef
from secretsync.providers.azure_client import VaultClient
from secretsync.providers.azure_credentials import CREDENTIALS, Credential
from secretsync.providers.azure_errors import NoTokenError
from secretsync.providers.interface import (
    Answer,
    Deadline,
    Identity,
    Information,
    ProviderSpec,
    Setting,
    StoreContext,
)
from secretsync.providers.workers import no_answer, run_in_threads

__all__ = ["AzureProvider"]

T = TypeVar("T", Payload, SecretInfo)

# Over TLS and on one or two cores more gain nothing.
_WORKERS = 16

_DOCTOR = 10.0  # seconds for a token, where nothing else is asked


def _check_path(path: str) -> str | None:
    if re.fullmatch(r"[0-9a-zA-Z-]{1,127}", path):
        return None
    if re.fullmatch(r"[0-9a-zA-Z_-]{1,127}", path):
        return f"Key Vault names take no underscore: {path.replace('_', '-')}"
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
        self._store = context.store
        self._url = _vault_url(context)
        self._credential = Credential(context)
        self._client = VaultClient(self._url, self._credential, connections=_WORKERS)

    def fetch(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Answer]:
        yield from self._ask(self._value, refs, deadline)

    def describe(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Information]:
        yield from self._ask(self._information, refs, deadline)

    def _ask(
        self,
        call: Callable[[SecretRef, Deadline], Found[T] | Missing | Failed],
        refs: Sequence[SecretRef],
        deadline: Deadline,
    ) -> Iterator[tuple[SecretRef, Found[T] | Missing | Failed]]:
        waiting = dict.fromkeys(refs)
        # Each worker of a cold client would get a challenge of its own first.
        alone = 0 if self._client.is_warm else 1
        for batch in (refs[:alone], refs[alone:]):
            for ref, outcome in run_in_threads(
                lambda ref: call(ref, deadline), batch, workers=_WORKERS, deadline=deadline
            ):
                del waiting[ref]
                yield ref, outcome
        for ref in waiting:
            yield ref, no_answer(deadline)

    def _value(self, ref: SecretRef, deadline: Deadline) -> Found[Payload] | Missing | Failed:
        if (wrong := _check_version(ref)) is not None:
            return wrong

        def get(client: Any, **options: Any) -> Found[Payload] | Missing | Failed:
            answers: list[Any] = []
            secret = client.get_secret(ref.path, ref.version, raw_response_hook=answers.append, **options)
            # The SDK makes a text of whatever stands in the place of the value.
            if not isinstance(_body(answers[-1]).get("value"), str):
                return Failed(ProblemKind.UNAVAILABLE, f"{self._client.host} gave an answer without a value")
            return _payload(secret, ref, self._client.host)

        return self._client.ask(get, "get", deadline)

    def _information(self, ref: SecretRef, deadline: Deadline) -> Found[SecretInfo] | Missing | Failed:
        if (wrong := _check_version(ref)) is not None:
            return wrong

        def list_versions(client: Any, **options: Any) -> Found[SecretInfo] | Missing | Failed:
            pages: list[Any] = []
            listed = client.list_properties_of_secret_versions(ref.path, raw_response_hook=pages.append, **options)
            outcome = _info(list(listed), ref, self._client.host)
            # To the SDK a page without a list is an empty one.
            if all(isinstance(_body(page).get("value"), list) for page in pages if _status(page) == 200):
                return outcome
            return Failed(ProblemKind.UNAVAILABLE, f"{self._client.host} gave an answer without a list")

        return self._client.ask(list_versions, "list", deadline)

    def identity(self) -> Identity:
        deadline = Deadline(_DOCTOR)
        answers = run_in_threads(lambda _: self._claims(), (None,), workers=1, deadline=deadline)
        outcome = next((answer for _, answer in answers), no_answer(deadline))
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

    def _claims(self) -> Any:
        try:
            return self._client.claims()
        except NoTokenError as error:
            return error.trouble.outcome

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
        raise ConfigurationError(
            [Problem(kind=ProblemKind.CONFIGURATION, store=context.store, cause=f"{context.store}: {cause}", hint=hint)]
        )
    return url.rstrip("/")


def _check_version(ref: SecretRef) -> Failed | None:
    # "versions" in the place of a version is another call of the service.
    if ref.version is None or re.fullmatch(r"[0-9a-fA-F]{32}", ref.version):
        return None
    return Failed(ProblemKind.CONFIGURATION, "a version of Key Vault is 32 hexadecimal digits")


def _payload(secret: Any, ref: SecretRef, host: str) -> Found[Payload] | Failed:
    """The value of the SDK's `secret`, where it may be used and is the one that was asked for."""
    version = _version_of(secret.properties, ref, host)
    if version is None or (ref.version is not None and version != ref.version.lower()):
        return Failed(ProblemKind.UNAVAILABLE, f"{host} answered about another secret or version")
    properties, now = secret.properties, datetime.now(UTC)
    if properties.enabled is False:
        return Failed(ProblemKind.UNUSABLE, "the secret is disabled", "enable it, or store a new version")
    # The service itself gives them all the same.
    if properties.expires_on is not None and properties.expires_on <= now:
        moment = f"{properties.expires_on:%Y-%m-%dT%H:%M:%SZ}"
        return Failed(
            ProblemKind.UNUSABLE, f"the secret expired at {moment}", "store a new version, or move its expiry"
        )
    if properties.not_before is not None and properties.not_before > now:
        moment = f"{properties.not_before:%Y-%m-%dT%H:%M:%SZ}"
        return Failed(ProblemKind.UNUSABLE, f"the secret is not valid before {moment}")
    return Found(Payload(secret.value, version=version, created=properties.created_on))


def _info(listed: list[Any], ref: SecretRef, host: str) -> Found[SecretInfo] | Missing | Failed:
    """What the SDK's `listed` properties of all versions say about the one that `ref` means."""
    versions = {_version_of(properties, ref, host): properties for properties in listed}
    if None in versions or any(properties.created_on is None for properties in listed):
        return Failed(ProblemKind.UNAVAILABLE, f"{host} answered about another secret or version")
    if not versions:
        return Missing(f"{host} has no such secret")
    # The list is in no order. What a read without a version gives is the newest, enabled or not.
    newest = max(properties.created_on for properties in listed)
    current = [version for version, properties in versions.items() if properties.created_on == newest]
    wanted = current[0] if ref.version is None else ref.version.lower()
    if wanted not in versions:
        return Missing(f"{host} has no such version of the secret")
    properties = versions[wanted]
    notes = ("which of the versions made in the same second is current",) if len(current) > 1 else ()
    is_certain = ref.version is not None or len(current) == 1
    return Found(
        SecretInfo(
            version=wanted if is_certain else None,
            created=properties.created_on,
            clock=Clock.VERSION_CREATED,
            expires=properties.expires_on,
            not_before=properties.not_before,
            enabled=properties.enabled is not False,
            newer_version=None if wanted in current else current[0],
            notes=notes,
        )
    )


def _body(answer: Any) -> Any:
    """The JSON of an answer as the SDK's pipeline hands it to a hook."""
    return answer.http_response.json()


def _status(answer: Any) -> int:
    return int(answer.http_response.status_code)


def _version_of(properties: Any, ref: SecretRef, host: str) -> str | None:
    """The version that `properties` are about; None where they are not about the secret of `ref`."""
    parts = urlsplit(str(properties.id))
    path = parts.path.strip("/").split("/")
    about = parts.hostname == host and len(path) == 3 and path[0] == "secrets"
    return path[2].lower() if about and path[1].lower() == ref.path.lower() else None
