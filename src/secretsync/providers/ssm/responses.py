"""Names of parameters in requests, and checks of the answers of Parameter Store."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed, Found, SecretRef
from secretsync.core.secret import Payload
from secretsync.providers.aws_account.errors import garbled
from secretsync.providers.aws_account.responses import in_utc


def mistake(ref: SecretRef) -> Failed | None:
    """Return what is wrong with the version and the label of `ref`; None if nothing is.

    Both have the same place in a request, so that a version which is not a number would be taken for a label.
    """
    cause = hint = None
    if ref.version is not None and ref.stage is not None:
        cause, hint = "Parameter Store takes a version or a label, but not both", "remove one of version= and stage="
    elif ref.version is not None and not re.fullmatch(r"[1-9][0-9]{0,17}", ref.version):
        cause, hint = "a version of a parameter is a number", "write the number, or a label as stage="
    elif ref.stage is not None and not re.fullmatch(r"(?![0-9])[A-Za-z0-9_.-]{1,100}", ref.stage):
        cause, hint = "a label begins with a letter, and has letters, digits and _.-", "fix the label behind stage="
    return None if cause is None else Failed(ProblemKind.UNUSABLE, cause, hint)


def selector_of(ref: SecretRef) -> str:
    """Return the part of a request that selects a version: `:3`, `:label`, or nothing for the newest version."""
    chosen = ref.version or ref.stage
    return f":{chosen}" if chosen else ""


def name_of(ref: SecretRef) -> str:
    """Return a reference as AWS has it in a request for values."""
    return ref.path + selector_of(ref)


def base_name(path: str) -> str:
    """Return the same text for the name and for the ARN of a parameter."""
    return (path.partition(":parameter")[2] if path.startswith("arn:") else path).removeprefix("/")


def is_named(record: Mapping[str, Any], path: str) -> bool:
    """Return True if a record is about `path`: a name or an ARN."""
    name, arn = record.get("Name"), record.get("ARN")
    if path.startswith("arn:"):
        return arn == path
    return name == path and (arn is None or (isinstance(arn, str) and base_name(arn) == base_name(path)))


def is_meant(record: Mapping[str, Any], ref: SecretRef) -> bool:
    """Return True if a record is the parameter of `ref` in the version that `ref` selects."""
    return is_named(record, ref.path) and (record.get("Selector") or "") == selector_of(ref)


def version_of(record: Mapping[str, Any]) -> str | None:
    """Return the number of a version as text, or None."""
    version = record.get("Version")
    return str(version) if isinstance(version, int) and not isinstance(version, bool) else None


def payload(record: Mapping[str, Any], ref: SecretRef) -> Found[Payload] | Failed:
    """Return the value in a record that is meant by `ref`."""
    value, version = record.get("Value"), version_of(record)
    if not isinstance(value, str) or not value:
        return garbled("holds no value")
    if version is None or ref.version not in (None, version):
        return garbled("is about another version")
    created = in_utc(record.get("LastModifiedDate"))
    if created is None and record.get("LastModifiedDate") is not None:
        return garbled("has an invalid date")
    return Found(Payload(value, version=version, created=created))
