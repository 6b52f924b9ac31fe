"""Write one secret of Key Vault: a new version, which keeps content type and tags."""

from __future__ import annotations

from typing import Any

from secretsync.core.model import Failed, Found, SecretRef
from secretsync.core.secret import Payload
from secretsync.providers.azure.client import AzureClient
from secretsync.providers.azure.fetch import fetch_one
from secretsync.providers.azure.responses import garbled, version_of
from secretsync.providers.interface import Deadline
from secretsync.providers.remote import Retries
from secretsync.providers.writing import Change, Written, unchanged


def write_one(client: AzureClient, ref: SecretRef, change: Change, retries: Retries) -> Found[Written] | Failed:
    """Write one secret. Raises RequestError."""
    versions = _versions(client, ref, retries)
    before = _newest(versions)
    present: Payload | None = None
    if before is not None and change.needs_present:
        found = fetch_one(client, SecretRef(ref.store, ref.path, before), retries)
        if isinstance(found, Failed):
            return found
        present = found.value
    new = change.apply(present)
    if new is None:
        return unchanged(before)
    if isinstance(new, Failed):
        return new
    after = _set(client, ref, new, versions.get(before or ""), retries.deadline)
    if after is None:
        return garbled(f"{client.host} answered about another secret")
    others = sorted(set(_versions(client, ref, retries)) - set(versions) - {after})
    race = f"another process wrote version {', '.join(others)} at the same time" if others else None
    return Found(Written(before=before, after=after, is_new=not versions, race=race))


def _versions(client: AzureClient, ref: SecretRef, retries: Retries) -> dict[str, Any]:
    """Return the properties of all versions, by version. A secret that does not exist does not have one."""

    def list_versions(sdk: Any, **options: Any) -> list[Any]:
        return list(sdk.list_properties_of_secret_versions(ref.path, **options))

    listed = client.ask(list_versions, "list", retries)
    found = {version_of(properties, ref, client.host): properties for properties in listed}
    return {version: properties for version, properties in found.items() if version is not None}


def _newest(versions: dict[str, Any]) -> str | None:
    return max(versions, key=lambda version: versions[version].created_on, default=None)


def _set(client: AzureClient, ref: SecretRef, new: Payload, kept: Any, deadline: Deadline) -> str | None:
    """Store a version; return its id, or None if the answer is about another secret."""
    value = new.reveal()
    text = value if isinstance(value, str) else value.decode("utf-8")
    content_type, tags = getattr(kept, "content_type", None), getattr(kept, "tags", None)

    def set_secret(sdk: Any, **options: Any) -> str | None:
        secret = sdk.set_secret(ref.path, text, content_type=content_type, tags=tags, **options)
        return version_of(secret.properties, ref, client.host)

    # Sent once, because a repetition would make a second version.
    return client.ask(set_secret, "set", Retries(deadline, once=True))
