"""Checks of the answers of Key Vault."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed, SecretRef

_END_OF_TIMES = 253_402_300_800  # seconds since the epoch: the year 10000


def body(answer: Any) -> Any:
    """Return the JSON of an answer that the SDK's pipeline handed to a hook."""
    return answer.http_response.json()


def is_sound(item: Any) -> bool:
    """Return True if the attributes of a secret have the types of the API, because the SDK does not check them."""
    attributes = item.get("attributes") if isinstance(item, dict) else ...
    if not isinstance(attributes, dict):
        return attributes is None
    times = (attributes.get(name) for name in ("created", "exp", "nbf"))
    return isinstance(attributes.get("enabled"), bool | None) and all(
        time is None or (type(time) is int and 0 <= time < _END_OF_TIMES) for time in times
    )


def garbled(cause: str) -> Failed:
    """Return the outcome of an answer that cannot be used."""
    return Failed(ProblemKind.UNAVAILABLE, cause)


def version_of(properties: Any, ref: SecretRef, host: str) -> str | None:
    """Return the version that `properties` are about; None if they are not about the secret of `ref`."""
    parts = urlsplit(str(properties.id))
    path = parts.path.strip("/").split("/")
    about = parts.hostname == host and len(path) == 3 and path[0] == "secrets"
    return path[2].lower() if about and path[1].lower() == ref.path.lower() else None
