"""Answers of a Vault server, and the facts in them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from secretsync.core.errors import ProblemKind
from secretsync.core.exact_json import NotJsonError, parse_json
from secretsync.core.model import Failed, SecretRef
from secretsync.core.secret import Hidden
from secretsync.providers.http.messages import Response
from secretsync.providers.remote import retry_after

# Statuses of a node behind its leader, a busy server, a failover, a gateway between two nodes, and a node that is
# sealed or on standby.
_RETRYABLE = frozenset({412, 429, 472, 473, *range(500, 600)})


# The folders with passwords that an engine rotates: databases, LDAP, and Active Directory.
ROTATED_FOLDERS = ("static-creds", "static-cred", "creds")


class Reply(Hidden):
    """An answer of the server, which may hold values. `document` is None if the body is not a JSON object."""

    __slots__ = ("document", "location", "retry_after", "status")

    def __init__(
        self, status: int, document: dict[str, Any] | None, *, retry_after: float | None, location: str | None
    ) -> None:
        self.status = status
        self.document = document
        self.retry_after = retry_after
        self.location = location  # the host of a redirect

    @property
    def data(self) -> dict[str, Any] | None:
        """Return the object under `data`, or None."""
        data = (self.document or {}).get("data")
        return data if isinstance(data, dict) else None

    @property
    def is_vaults(self) -> bool:
        """True if the body has a list of errors, or `data`, as every answer of Vault has.

        Other servers write JSON too, and the 404 of a gateway does not mean that a secret is missing.
        """
        return self.document is not None and (isinstance(self.document.get("errors"), list) or "data" in self.document)

    @property
    def is_retryable(self) -> bool:
        """True if the same request may succeed later."""
        return self.status in _RETRYABLE

    @property
    def is_not_done(self) -> bool:
        """True if the server refused the request before it did anything.

        A 503 of a gateway does not prove that: the connection behind it may have broken after the request was sent.
        """
        return self.status == 429 or (self.is_vaults and self.status in (412, 503))

    def says(self, words: str) -> bool:
        """Return True if an error or a warning of the server has these words in it. They are never shown."""
        document = self.document or {}
        lists = [lines for key in ("errors", "warnings") if isinstance(lines := document.get(key), list)]
        return any(words in text for lines in lists for text in lines if isinstance(text, str))


def read_reply(response: Response) -> Reply:
    """Return the parts of a response that SecretSync uses."""
    document = None
    try:
        document = parse_json(response.body.decode("utf-8"))
    except (NotJsonError, UnicodeDecodeError, RecursionError):
        document = None
    return Reply(
        response.status,
        document if isinstance(document, dict) else None,
        retry_after=retry_after(response.headers.get("retry-after")),
        location=_host(response.headers.get("location")),
    )


def _host(url: str | None) -> str | None:
    try:
        return urlsplit(url).hostname if url else None
    except ValueError:
        return None


def deleted(version: dict[str, Any], ref: SecretRef, number: str | None = None) -> Failed | None:
    """Return the outcome of a deleted or destroyed version of KV v2, from its metadata; None if it is neither."""
    number = number or str(version.get("version", ""))
    if version.get("destroyed") is True:
        cause = f"version {number} of {ref.path} is destroyed"
        return Failed(ProblemKind.UNUSABLE, cause, "it cannot be brought back: write a new version")
    gone = timestamp(version.get("deletion_time"))
    if gone is not None and gone <= datetime.now(UTC):
        cause = f"version {number} of {ref.path} is deleted"
        return Failed(ProblemKind.UNUSABLE, cause, "`vault kv undelete` brings it back; or write a new version")
    return None


def newest_version(metadata: dict[str, Any]) -> str | None:
    """Return the number of the current version; None if no version was written yet."""
    current = str(metadata.get("current_version", "0"))
    return None if current == "0" else current


def timestamp(text: object) -> datetime | None:
    """Return a timestamp of Vault in UTC, without its nanoseconds; None if the text is not one."""
    if not isinstance(text, str) or not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    # Go's zero time means "never".
    return found.astimezone(UTC) if found.tzinfo is not None and found.year > 1 else None


def rotation_version(data: Mapping[str, Any]) -> str | None:
    """Return the version of a password that an engine rotates: the time of its last rotation, as Vault wrote it."""
    written = data.get("last_vault_rotation")
    return None if timestamp(written) is None else str(written)


def seconds(value: Any) -> float | None:
    """Return a duration of Vault; None if it is not a positive number."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if found > 0 else None
