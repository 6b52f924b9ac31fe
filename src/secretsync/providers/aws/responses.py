"""Checks of the answers of AWS."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from secretsync.core.model import Failed, Found, SecretRef
from secretsync.core.secret import Payload
from secretsync.providers.aws.errors import garbled


def is_named(answer: Mapping[str, Any], path: str) -> bool:
    """Return True if `answer` is about `path`: a name, an ARN, or an ARN without its last six characters."""
    name, arn = answer.get("Name"), answer.get("ARN")
    if path.startswith("arn:"):
        return isinstance(arn, str) and (
            arn == path or re.fullmatch(re.escape(path) + "-[A-Za-z0-9]{6}", arn) is not None
        )
    return name == path


def payload(answer: Mapping[str, Any], ref: SecretRef) -> Found[Payload] | Failed:
    """Return the value in `answer`, if it is about the secret and the version of `ref`."""
    text, data, version = answer.get("SecretString"), answer.get("SecretBinary"), answer.get("VersionId")
    value = text if isinstance(text, str) else data if isinstance(data, bytes) else None
    # AWS keeps no empty values, but the SDK makes one of broken base64.
    if not value:
        return garbled("holds no value")
    if not is_named(answer, ref.path):
        return garbled("is about another secret")
    stages = answer.get("VersionStages") or ()
    if (ref.version not in (None, version)) or (ref.stage is not None and ref.stage not in stages):
        return garbled("is about another version")
    return Found(
        Payload(value, version=version if isinstance(version, str) else None, created=in_utc(answer.get("CreatedDate")))
    )


def in_utc(moment: object) -> datetime | None:
    """Return a time of an answer in UTC; None if it is not a time."""
    return moment.astimezone(UTC) if isinstance(moment, datetime) and moment.tzinfo is not None else None
