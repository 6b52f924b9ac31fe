"""Checks of the answers of Secrets Manager."""

from __future__ import annotations

import re
from binascii import a2b_base64
from collections.abc import Mapping
from typing import Any

from secretsync.core.model import Failed, Found, SecretRef
from secretsync.core.secret import Payload
from secretsync.providers.aws_account.errors import garbled
from secretsync.providers.aws_account.responses import in_utc


def is_named(answer: Mapping[str, Any], path: str) -> bool:
    """Return True if `answer` is about `path`: a name, an ARN, or an ARN without its last six characters."""
    name, arn = answer.get("Name"), answer.get("ARN")
    if path.startswith("arn:"):
        return (
            isinstance(arn, str) and _is_arn_of(arn, path) and (name is None or arn.endswith(f":secret:{name}", 0, -7))
        )
    return name == path and (arn is None or (isinstance(arn, str) and _is_arn_of(arn.rpartition(":secret:")[2], path)))


def _is_arn_of(arn: str, path: str) -> bool:
    """Return True if an ARN, or its end, is `path`, with or without the six characters that AWS adds."""
    return arn == path or re.fullmatch(re.escape(path) + "-[A-Za-z0-9]{6}", arn) is not None


def payload(answer: Mapping[str, Any], ref: SecretRef) -> Found[Payload] | Failed:
    """Return the value in `answer`, if it is about the secret and the version of `ref`."""
    text, version, created = answer.get("SecretString"), answer.get("VersionId"), answer.get("CreatedDate")
    value = text if isinstance(text, str) else _bytes(answer.get("SecretBinary"))
    # AWS keeps no empty values, but the SDK makes one of broken base64.
    if not value:
        return garbled("holds no value")
    if not is_named(answer, ref.path):
        return garbled("is about another secret")
    stages = stages_of(answer)
    # A version that has lost its stages is only read by its id.
    stage = ref.stage or (None if ref.version is not None or not stages else "AWSCURRENT")
    if (ref.version not in (None, version)) or (stage is not None and stage not in stages):
        return garbled("is about another version")
    if created is not None and in_utc(created) is None:
        return garbled("has an invalid date")
    return Found(Payload(value, version=version if isinstance(version, str) else None, created=in_utc(created)))


def stages_of(record: Mapping[str, Any]) -> list[object]:
    """Return the stages of a version."""
    found = record.get("VersionStages")
    return found if isinstance(found, list) else []


def _bytes(data: object) -> bytes | None:
    """Return a binary value: bytes from the SDK, base64 from AWS itself. None if it is neither."""
    if isinstance(data, str):
        try:
            return a2b_base64(data, strict_mode=True)
        except ValueError:
            return None
    return data if isinstance(data, bytes) else None
