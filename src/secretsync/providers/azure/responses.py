"""What an answer of Key Vault says, where it is about what was asked for and may be used."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Clock, Failed, Found, Missing, SecretInfo, SecretRef
from secretsync.core.secret import Payload
from secretsync.providers.azure.errors import MISSING_HINT

__all__ = ["information_of", "value_of"]


def value_of(secret: Any, answers: list[Any], ref: SecretRef, host: str) -> Found[Payload] | Failed:
    """The value of the SDK's `secret`, which it made from the last of `answers`."""
    # The SDK makes a text of whatever stands in the place of the value.
    if not isinstance(_body(answers[-1]).get("value"), str):
        return Failed(ProblemKind.UNAVAILABLE, f"{host} gave an answer without a value")
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


def information_of(
    listed: list[Any], answers: list[Any], ref: SecretRef, host: str
) -> Found[SecretInfo] | Missing | Failed:
    """What the SDK's `listed` properties of all versions, from `answers`, say about the one that `ref` means."""
    # To the SDK a page without a list is an empty one.
    if not all(isinstance(_body(page).get("value"), list) for page in answers if page.http_response.status_code == 200):
        return Failed(ProblemKind.UNAVAILABLE, f"{host} gave an answer without a list")
    versions = {_version_of(properties, ref, host): properties for properties in listed}
    if None in versions or any(properties.created_on is None for properties in listed):
        return Failed(ProblemKind.UNAVAILABLE, f"{host} answered about another secret or version")
    if not versions:
        return Missing(f"{host} has no such secret", MISSING_HINT)
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


def _version_of(properties: Any, ref: SecretRef, host: str) -> str | None:
    """The version that `properties` are about; None where they are not about the secret of `ref`."""
    parts = urlsplit(str(properties.id))
    path = parts.path.strip("/").split("/")
    about = parts.hostname == host and len(path) == 3 and path[0] == "secrets"
    return path[2].lower() if about and path[1].lower() == ref.path.lower() else None
