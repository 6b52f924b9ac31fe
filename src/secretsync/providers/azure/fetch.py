"""Read one value from Key Vault."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed, Found, SecretRef
from secretsync.core.secret import Payload
from secretsync.providers.azure.client import AzureClient
from secretsync.providers.azure.responses import body, garbled, is_sound, version_of
from secretsync.providers.remote import Retries


def fetch_one(client: AzureClient, ref: SecretRef, retries: Retries) -> Found[Payload] | Failed:
    """Return the value of one secret. Raises RequestError."""

    def get(sdk: Any, **options: Any) -> Found[Payload] | Failed:
        answers: list[Any] = []
        secret = sdk.get_secret(ref.path, ref.version, raw_response_hook=answers.append, **options)
        return _payload(secret, answers[-1], ref, client.host)

    return client.ask(get, "get", retries)


def _payload(secret: Any, answer: Any, ref: SecretRef, host: str) -> Found[Payload] | Failed:
    """Return the value of `secret`, which the SDK made from `answer`."""
    # The SDK makes a text of any JSON value, so that the type is checked in the answer.
    document = body(answer)
    if not is_sound(document):
        return garbled(f"{host} gave an answer with invalid attributes")
    if not isinstance(document.get("value"), str):
        return garbled(f"{host} gave an answer without a value")
    version = version_of(secret.properties, ref, host)
    if version is None or (ref.version is not None and version != ref.version.lower()):
        return garbled(f"{host} answered about another secret or version")
    properties, now = secret.properties, datetime.now(UTC)
    if properties.enabled is False:
        return Failed(ProblemKind.UNUSABLE, "the secret is disabled", "enable it, or store a new version")
    # The service returns expired secrets, and those that are not valid yet, like any other.
    if properties.expires_on is not None and properties.expires_on <= now:
        cause = f"the secret expired at {properties.expires_on:%Y-%m-%dT%H:%M:%SZ}"
        return Failed(ProblemKind.UNUSABLE, cause, "store a new version, or move its expiry")
    if properties.not_before is not None and properties.not_before > now:
        return Failed(
            ProblemKind.UNUSABLE, f"the secret is not valid before {properties.not_before:%Y-%m-%dT%H:%M:%SZ}"
        )
    return Found(Payload(secret.value, version=version, created=properties.created_on))
