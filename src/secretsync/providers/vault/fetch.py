"""Read one value from Vault."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from secretsync.core.errors import ProblemKind
from secretsync.core.exact_json import format_json
from secretsync.core.lease import Lease
from secretsync.core.model import Failed, Found, Missing, SecretRef
from secretsync.core.secret import Payload
from secretsync.providers.vault.mounts import BETWEEN, Mount, MountKind, other_version, refused, version_problem
from secretsync.providers.vault.responses import (
    ROTATED_FOLDERS,
    Reply,
    deleted,
    newest_version,
    rotation_version,
    seconds,
    timestamp,
)
from secretsync.providers.vault.session import Round

# The answer of KV v2 to a read in the form of KV v1.
_VERSIONED = "Invalid path for a versioned K/V"


def fetch_one(round_: Round, ref: SecretRef) -> Found[Payload] | Missing | Failed:
    """Return the value of one secret: all of its fields, as JSON. Raises RequestError."""
    mount = round_.mount(ref.path)
    if problem := version_problem(ref, mount):
        return problem
    if mount.kind is MountKind.KV2:
        return _read_kv2(round_, ref, mount)
    # A second read of a leased secret would make a second lease.
    is_kv, began = mount.kind is MountKind.KV1, time.monotonic()
    reply = round_.ask(lambda client: client.read(ref.path), is_repeatable=is_kv)
    if mount.kind is MountKind.UNKNOWN and (reply.status == 403 or reply.says(_VERSIONED)):
        # A token may read MOUNT/data/PATH of KV v2 without a right on MOUNT/PATH.
        found = _read_kv2(round_, ref, mount)
        is_open = isinstance(found, Found) or (isinstance(found, Failed) and found.kind is ProblemKind.UNUSABLE)
        return found if is_open or reply.status != 403 else refused(reply, ref.path, mount)
    return _plain(round_, reply, ref, mount, began)


def _read_kv2(round_: Round, ref: SecretRef, mount: Mount) -> Found[Payload] | Missing | Failed:
    path, number = mount.rest(ref.path), None if ref.version is None else int(ref.version)
    version = {} if number is None else {"version": number}
    reply = round_.ask(lambda client: client.read(f"{mount.path}/data/{path}", **version))
    data = reply.data or {}
    metadata = data.get("metadata")
    if isinstance(metadata, dict) and (gone := deleted(metadata, ref)):
        return gone
    if reply.status == 200 and isinstance(metadata, dict) and isinstance(data.get("data"), dict):
        answered, created = str(metadata.get("version")), timestamp(metadata.get("created_time"))
        if not (answered.isascii() and answered.isdigit()):
            return Failed(ProblemKind.UNAVAILABLE, "its answer does not have the version of the secret")
        if ref.version is not None and answered != ref.version:
            return other_version(ref, answered)
        return Found(Payload(format_json(data["data"]), version=answered, created=created))
    if reply.status == 200:
        return Failed(ProblemKind.UNAVAILABLE, "its answer is no KV v2 secret", "is kv_version right?")
    if reply.status == 404 and ref.version is not None and not reply.says("no handler"):
        return _no_version(round_, ref, mount)
    return refused(reply, ref.path, mount)


def _life(round_: Round, reply: Reply) -> tuple[float | None, str]:
    """Return the seconds until a lease ends, and what ends then: the lease, or the login that made it."""
    lease, token = seconds((reply.document or {}).get("lease_duration")), round_.token_life()
    if token is not None and (lease is None or token < lease):
        return token, "the login token"
    return lease, "its lease"


def _plain(
    round_: Round, reply: Reply, ref: SecretRef, mount: Mount, began: float
) -> Found[Payload] | Missing | Failed:
    """Return the outcome of a read of a secret without versions. `began`: when the request was sent."""
    if reply.says(_VERSIONED):
        cause = f"{ref.path} is in a KV v2 mount, and was asked for as KV v1"
        return Failed(ProblemKind.UNUSABLE, cause, "set kv_version = 2, or leave it out")
    if reply.status == 200 and reply.data is not None:
        # The lease is the version of a leased secret, because each read makes a new lease.
        lease = (reply.document or {}).get("lease_id")
        # Vault writes the path of the request before the random part.
        if isinstance(lease, str) and lease and not lease.startswith(f"{ref.path}/"):
            cause, hint = f"{ref.path} was requested, and the answer is about another secret", BETWEEN
            return Failed(ProblemKind.UNAVAILABLE, cause, hint)
        if not isinstance(lease, str) or not lease:
            return Found(Payload(format_json(reply.data), version=_rotation(ref, mount, reply.data)))
        life, what = _life(round_, reply)
        held = _lease(reply, lease, ref, began)
        return Found(Payload(format_json(reply.data), version=lease, lifetime=life, ends_with=what, lease=held))
    if reply.status == 200:
        return Failed(ProblemKind.UNUSABLE, f"{ref.path} can be read, and has no data")
    return refused(reply, ref.path, mount)


def _lease(reply: Reply, text: str, ref: SecretRef, began: float) -> Lease:
    document = reply.document or {}
    return Lease(
        text,
        name=ref.path,
        began=began,
        lifetime=seconds(document.get("lease_duration")),
        is_renewable=document.get("renewable") is True,
    )


def _rotation(ref: SecretRef, mount: Mount, data: Mapping[str, Any]) -> str | None:
    """Return the version of a password that an engine rotates. A field of this name in a KV secret is a value."""
    folder, _, name = mount.rest(ref.path).partition("/")
    is_engine = mount.kind in (MountKind.OTHER, MountKind.UNKNOWN) and name and folder in ROTATED_FOLDERS
    return rotation_version(data) if is_engine else None


def _no_version(round_: Round, ref: SecretRef, mount: Mount) -> Missing | Failed:
    """Find out whether the version or the secret is missing. The server has the same answer for both."""
    path = mount.rest(ref.path)
    reply = round_.ask(lambda client: client.read(f"{mount.path}/metadata/{path}"))
    if reply.status == 200:
        newest = newest_version(reply.data or {})
        return Missing(f"{ref.path} has no version {ref.version}", f"its newest is {newest}" if newest else None)
    if reply.status == 404:
        return refused(reply, ref.path, mount)
    return Missing(f"there is no {ref.path}, or it has no version {ref.version}")
