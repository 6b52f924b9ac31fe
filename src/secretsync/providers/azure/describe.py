"""Read the metadata of one secret of Key Vault without a request for its value; and the identity."""

from __future__ import annotations

from typing import Any

from secretsync.core.model import Clock, Failed, Found, Missing, SecretInfo, SecretRef
from secretsync.providers.azure.client import AzureClient
from secretsync.providers.azure.errors import MISSING_HINT
from secretsync.providers.azure.responses import body, garbled, is_sound, version_of
from secretsync.providers.interface import Identity
from secretsync.providers.remote import Retries, login_end


def describe_one(client: AzureClient, ref: SecretRef, retries: Retries) -> Found[SecretInfo] | Missing | Failed:
    """Return the metadata of one secret. Raises RequestError."""

    def list_versions(sdk: Any, **options: Any) -> Found[SecretInfo] | Missing | Failed:
        answers: list[Any] = []
        listed = sdk.list_properties_of_secret_versions(ref.path, raw_response_hook=answers.append, **options)
        return _secret_info(list(listed), answers, ref, client.host)

    return client.ask(list_versions, "list", retries)


def _secret_info(
    listed: list[Any], answers: list[Any], ref: SecretRef, host: str
) -> Found[SecretInfo] | Missing | Failed:
    """Return the metadata of the version of `ref`. `listed`: the properties that the SDK made from `answers`."""
    # The SDK takes a page without a list for an empty page.
    pages = [body(page).get("value") for page in answers if page.http_response.status_code == 200]
    if not all(isinstance(page, list) for page in pages):
        return garbled(f"{host} gave an answer without a list")
    if not all(is_sound(item) for page in pages for item in page):
        return garbled(f"{host} gave an answer with invalid attributes")
    versions = {version_of(properties, ref, host): properties for properties in listed}
    if None in versions or any(properties.created_on is None for properties in listed):
        return garbled(f"{host} answered about another secret or version")
    if not versions:
        return Missing(f"{host} has no such secret", MISSING_HINT)
    # The list has no order. A read without a version returns the newest version, enabled or not.
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


def identity(client: AzureClient, store: str, retries: Retries) -> Identity:
    """Return the identity in the token that the vault accepts. Raises RequestError."""
    claims = client.claims(retries)
    ids = (("tenant", "tid"), ("client id", "appid"), ("client id", "azp"))
    details = dict.fromkeys((name, claims[claim]) for name, claim in ids if isinstance(claims.get(claim), str))
    object_id = claims.get("oid")
    return Identity(
        store=store,
        provider="azure",
        endpoint=client.url,
        principal=f"object id {object_id}" if isinstance(object_id, str) else None,
        details=(("credential", client.credential.kind), *details, *login_end(client.tokens.end())),
    )
