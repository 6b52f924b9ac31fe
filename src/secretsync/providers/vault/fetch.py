"""Reading one value from Vault, and what the server's answer means."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hvac.api.secrets_engines import KvV2

from secretsync.core.errors import ProblemKind
from secretsync.core.exact_json import format_json
from secretsync.core.model import Failed, Found, Missing, Payload, SecretRef
from secretsync.providers.vault.connection import Reply
from secretsync.providers.vault.session import Kind, Mount, Round

__all__ = ["deleted", "moment", "newest_version", "read", "refused", "version_problem"]

# KV v2's word for a read that is meant for KV v1.
_VERSIONED = "Invalid path for a versioned K/V"


def read(round_: Round, ref: SecretRef) -> Found[Payload] | Missing | Failed:
    """The value of one secret: all of its fields, as JSON. Raises VaultFailureError."""
    mount = round_.mount(ref.path)
    if problem := version_problem(ref, mount):
        return problem
    if mount.kind is Kind.KV2:
        return _read_kv2(round_, ref, mount)
    # A second read of a leased secret would make a second lease.
    is_kv = mount.kind is Kind.KV1
    reply = round_.ask(lambda adapter: adapter.read(ref.path), is_repeatable=is_kv)
    if mount.kind is Kind.UNKNOWN and (reply.status == 403 or reply.says(_VERSIONED)):
        # Rights on a KV v2 secret are rights on MOUNT/data/PATH, and say nothing of MOUNT/PATH.
        found = _read_kv2(round_, ref, mount)
        is_open = isinstance(found, Found) or (isinstance(found, Failed) and found.kind is ProblemKind.UNUSABLE)
        return found if is_open or reply.status != 403 else refused(reply, ref.path, mount)
    return _plain(reply, ref, mount)


def _read_kv2(round_: Round, ref: SecretRef, mount: Mount) -> Found[Payload] | Missing | Failed:
    path, number = mount.rest(ref.path), None if ref.version is None else int(ref.version)
    reply: Reply = round_.ask(
        lambda adapter: KvV2(adapter).read_secret_version(
            path, version=number, mount_point=mount.path, raise_on_deleted_version=False
        )
    )
    data = reply.data or {}
    metadata = data.get("metadata")
    if isinstance(metadata, dict) and (gone := deleted(metadata, ref)):
        return gone
    if reply.status == 200 and isinstance(metadata, dict) and isinstance(data.get("data"), dict):
        version, created = metadata.get("version"), moment(metadata.get("created_time"))
        return Found(Payload(format_json(data["data"]), version=str(version), created=created))
    if reply.status == 200:
        return Failed(ProblemKind.UNAVAILABLE, "its answer is no KV v2 secret", "is kv_version right?")
    if reply.status == 404 and ref.version is not None and not reply.says("no handler"):
        return _no_version(round_, ref, mount)
    return refused(reply, ref.path, mount)


def _plain(reply: Reply, ref: SecretRef, mount: Mount) -> Found[Payload] | Missing | Failed:
    if reply.says(_VERSIONED):
        cause = f"{ref.path} is in a KV v2 mount, and was asked for as KV v1"
        return Failed(ProblemKind.UNUSABLE, cause, "set kv_version = 2, or leave it out")
    if reply.status == 200 and reply.data is not None:
        # A lease is to a leased secret what a version is to others: never twice the same.
        lease = (reply.document or {}).get("lease_id")
        return Found(Payload(format_json(reply.data), version=lease if isinstance(lease, str) and lease else None))
    if reply.status == 200:
        return Failed(ProblemKind.UNUSABLE, f"{ref.path} can be read, and has no data")
    return refused(reply, ref.path, mount)


def _no_version(round_: Round, ref: SecretRef, mount: Mount) -> Missing | Failed:
    """Whether it is the version or the secret that is not there: the server's answer is the same."""
    path = mount.rest(ref.path)
    reply: Reply = round_.ask(lambda adapter: KvV2(adapter).read_secret_metadata(path, mount_point=mount.path))
    if reply.status == 200:
        newest = newest_version(reply.data or {})
        return Missing(f"{ref.path} has no version {ref.version}", f"its newest is {newest}" if newest else None)
    if reply.status == 404:
        return refused(reply, ref.path, mount)
    return Missing(f"there is no {ref.path}, or it has no version {ref.version}")


def version_problem(ref: SecretRef, mount: Mount) -> Failed | None:
    """What is wrong with the version that a reference pins."""
    if ref.version is None:
        return None
    if not (ref.version.isascii() and ref.version.isdigit()) or ref.version.startswith("0") or len(ref.version) > 18:
        return Failed(ProblemKind.CONFIGURATION, "versions of Vault are whole numbers from 1 on", "leave version out")
    if mount.kind in (Kind.KV1, Kind.OTHER):
        what = "KV v1" if mount.kind is Kind.KV1 else f"the engine {mount.engine}"
        return Failed(ProblemKind.UNUSABLE, f"{what} keeps no versions, and version={ref.version} is asked for")
    return None


def deleted(version: dict[str, Any], ref: SecretRef, number: str | None = None) -> Failed | None:
    """That a version of KV v2 is deleted or destroyed, from its metadata."""
    number = number or str(version.get("version", ""))
    if version.get("destroyed") is True:
        cause = f"version {number} of {ref.path} is destroyed"
        return Failed(ProblemKind.UNUSABLE, cause, "it cannot be brought back: write a new version")
    gone = moment(version.get("deletion_time"))
    if gone is not None and gone <= datetime.now(UTC):
        cause = f"version {number} of {ref.path} is deleted"
        return Failed(ProblemKind.UNUSABLE, cause, "`vault kv undelete` brings it back; or write a new version")
    return None


def newest_version(metadata: dict[str, Any]) -> str | None:
    """The number of the current version; None where no version was written yet."""
    current = str(metadata.get("current_version", "0"))
    return None if current == "0" else current


def refused(reply: Reply, path: str, mount: Mount, api: str = "data") -> Missing | Failed:
    """What an answer without the data means. `api`: what comes between a KV v2 mount and a path in it."""
    if reply.status in (401, 403):
        versioned = f"{mount.path}/{api}/{mount.rest(path)}"
        needed = versioned if mount.kind is Kind.KV2 else path
        hint = f'a policy needs: path "{needed}" {{ capabilities = ["read"] }}'
        if mount.kind is Kind.UNKNOWN:
            hint += f", for KV v2 with {versioned}; or nothing is mounted there"
        return Failed(ProblemKind.DENIED, f"our token may not read {needed} ({reply.status})", hint)
    if reply.says("no handler for route"):
        return Failed(
            ProblemKind.UNUSABLE, f"nothing is mounted at {path}", "is the mount's path right, and the namespace?"
        )
    if reply.status == 404 or (reply.status == 400 and reply.says("unknown role")):
        rest = mount.rest(path)
        advice = "`secretsync doctor` says which server and namespace that is"
        if mount.kind is Kind.KV2 and rest.startswith(("data/", "metadata/")):
            advice = "write the path as `vault kv get` takes it, without data/"
        return Missing(f"there is no {path}", advice)
    if reply.says("Upgrading from non-versioned"):
        return Failed(
            ProblemKind.UNAVAILABLE, f"the mount {mount.path} is being upgraded to KV v2", "try again in a moment"
        )
    if reply.status == 405:
        return Failed(ProblemKind.UNUSABLE, f"{path} cannot be read: it takes other operations (405)")
    return Failed(ProblemKind.UNAVAILABLE, f"Vault does not accept to read {path} ({reply.status})", "its log says why")


def moment(text: object) -> datetime | None:
    """The moment that a time of Vault's says, in UTC; nanoseconds are cut off. None where it says none."""
    if not isinstance(text, str) or not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    # Go's zero time stands for "never".
    return found.astimezone(UTC) if found.tzinfo is not None and found.year > 1 else None
