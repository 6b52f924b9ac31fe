"""Read metadata and names of fields of one secret of Vault, without its value or a new lease; and the identity."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from secretsync.core.durations import format_duration
from secretsync.core.errors import ProblemKind
from secretsync.core.model import Clock, Failed, Found, Missing, SecretInfo, SecretOutline, SecretRef
from secretsync.providers.interface import Identity
from secretsync.providers.remote import login_end
from secretsync.providers.vault.mounts import BETWEEN, Mount, MountKind, refused, version_problem
from secretsync.providers.vault.responses import Reply, deleted, newest_version, rotation_version, seconds, timestamp
from secretsync.providers.vault.session import Round

# The folders with the metadata of a password that an engine rotates, and of a role that it makes users for.
_STATIC = {"static-creds": "static-roles", "static-cred": "static-role"}
_LEASED = {"creds": "roles"}
_TTLS = ("default_ttl", "ttl", "default_sts_ttl", "token_default_ttl", "max_ttl")


def describe_one(round_: Round, ref: SecretRef) -> Found[SecretInfo] | Missing | Failed:
    """Return the metadata of one secret. Raises RequestError."""
    mount = round_.mount(ref.path)
    if problem := version_problem(ref, mount):
        return problem
    folder, _, name = mount.rest(ref.path).partition("/")
    if mount.kind in (MountKind.OTHER, MountKind.UNKNOWN) and name:
        if folder in _STATIC:
            return _static(round_, mount, f"{mount.path}/{_STATIC[folder]}/{name}")
        if folder in _LEASED and mount.kind is MountKind.OTHER:
            return _leased(round_, ref, mount, f"{mount.path}/{_LEASED[folder]}/{name}")
    if mount.kind is MountKind.OTHER:
        note = f"the engine {mount.engine} tells nothing about {ref.path} without making a value"
        return Found(SecretInfo(dynamic=True, notes=(note,)))
    if mount.kind is MountKind.KV1:
        return _kv1(round_, ref, mount)
    return _kv2(round_, ref, mount)


def _kv2(round_: Round, ref: SecretRef, mount: Mount) -> Found[SecretInfo] | Missing | Failed:
    path = mount.rest(ref.path)
    reply = round_.ask(lambda client: client.read(f"{mount.path}/metadata/{path}"))
    if reply.status != 200:
        return refused(reply, ref.path, mount, api="metadata")
    metadata = reply.data or {}
    newest = newest_version(metadata)
    if newest is None:
        return Missing(f"{ref.path} has metadata, and no version yet", detail="it has metadata, and no version yet")
    number = ref.version or newest
    versions = metadata.get("versions")
    version = versions.get(number) if isinstance(versions, dict) else None
    if not isinstance(version, dict) and (ref.version is None or not isinstance(versions, dict)):
        return Failed(ProblemKind.UNAVAILABLE, "its answer does not have the current version of the secret", BETWEEN)
    if not isinstance(version, dict):
        return Missing(f"{ref.path} has no version {number}", f"its newest is {newest}")
    if gone := deleted(version, ref, number):
        return gone
    created = timestamp(version.get("created_time"))
    return Found(
        SecretInfo(
            version=number,
            created=created,
            clock=Clock.VERSION_CREATED if created else Clock.NONE,
            deletion=timestamp(version.get("deletion_time")),
            newer_version=newest if newest != number else None,
        )
    )


def _kv1(round_: Round, ref: SecretRef, mount: Mount) -> Found[SecretInfo] | Missing | Failed:
    """Return whether the secret exists, from the names in its folder, because a read would return its value."""
    folder, _, name = ref.path.rpartition("/")
    reply = round_.ask(lambda client: client.list_names(folder))
    note = "KV v1 has no metadata: its age is not known"
    keys = (reply.data or {}).get("keys")
    if reply.status == 200 and isinstance(keys, list):
        return Found(SecretInfo(notes=(note,))) if name in keys else Missing(f"there is no {ref.path}")
    if reply.status in (401, 403):
        unseen = f"whether {ref.path} exists: our token may not list {folder}/, and KV v1 tells it in no other way"
        return Found(SecretInfo(notes=(note, unseen)))
    return refused(reply, ref.path, mount)


def _static(round_: Round, mount: Mount, role: str) -> Found[SecretInfo] | Missing | Failed:
    """Return when the engine changed the password of a static role, without the password."""
    reply = round_.ask(lambda client: client.read(role))
    if reply.status != 200:
        return refused(reply, role, mount)
    return Found(_rotated(reply.data or {}))


def _rotated(data: Mapping[str, Any]) -> SecretInfo:
    """Return the metadata of a role whose password the engine changes. The time of the change is its version."""
    rotated, period = timestamp(data.get("last_vault_rotation")), seconds(data.get("rotation_period"))
    return SecretInfo(
        version=rotation_version(data),
        created=rotated,
        clock=Clock.LAST_ROTATED if rotated else Clock.NONE,
        rotation_period=period,
        next_rotation=_after(rotated, period),
    )


def _leased(round_: Round, ref: SecretRef, mount: Mount, role: str) -> Found[SecretInfo] | Missing | Failed:
    """Return whether the role exists, without making a user for it."""
    reply = round_.ask(lambda client: client.read(role))
    if reply.status == 200 and rotation_version(reply.data or {}) is not None:
        return Found(_rotated(reply.data or {}))  # Active Directory: `creds` are the password of one account.
    if reply.status == 200:
        return Found(SecretInfo(dynamic=True, notes=_lease_notes(reply)))
    if reply.status in (401, 403):
        return Found(SecretInfo(dynamic=True, notes=(f"whether {ref.path} exists: our token may not read {role}",)))
    return refused(reply, ref.path, mount)


def _lease_notes(reply: Reply) -> tuple[str, ...]:
    """Return a note on how long the leases of a role last, from the answer about the role."""
    data = reply.data or {}
    # Engines have other names for it. 0 means the default of the mount.
    lease = next((life for name in _TTLS if (life := seconds(data.get(name))) is not None), None)
    return () if lease is None else (f"a lease ends after {format_duration(lease)}",)


def _after(start: datetime | None, seconds: float | None) -> datetime | None:
    if start is None or seconds is None:
        return None
    try:
        return start + timedelta(seconds=seconds)
    except OverflowError:
        return None


def identity(round_: Round) -> Identity | Failed:
    """Return the names and ids of the token, without the token. Raises RequestError."""
    session = round_.session
    details = [("auth", session.login.method)]
    if session.namespace:
        details.append(("namespace", session.namespace))
    reply = round_.look_up_token()
    data = reply.data or {}
    if reply.status not in (200, 403):
        return Failed(ProblemKind.UNAVAILABLE, f"it does not say who we are ({reply.status})")
    if isinstance(policies := data.get("policies"), list) and policies:
        details.append(("policies", ", ".join(sorted(str(policy) for policy in policies))))
    if entity := data.get("entity_id"):
        details.append(("entity id", str(entity)))
    details += login_end(timestamp(data.get("expire_time")))
    return Identity(
        store=session.store,
        provider="vault",
        endpoint=session.address,
        principal=str(data["display_name"]) if data.get("display_name") else None,
        details=tuple(details),
    )


def outline_one(round_: Round, ref: SecretRef) -> Found[SecretOutline]:
    """Return the outline of one secret. Raises RequestError."""
    mount = round_.mount(ref.path)
    is_kv2 = mount.kind is MountKind.KV2
    fields = _fields(round_, ref, mount) if is_kv2 else None
    if mount.kind is MountKind.UNKNOWN:
        return Found(SecretOutline())
    path = f"{mount.path}/data/{mount.rest(ref.path)}" if is_kv2 else ref.path
    return Found(SecretOutline(fields=fields, is_readable=_is_readable(round_, path)))


def _fields(round_: Round, ref: SecretRef, mount: Mount) -> Mapping[str, object] | None:
    """Return the fields of a secret of KV v2; None if the token or the server (Vault before 1.10) does not allow it.

    https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#read-secret-subkeys
    """
    path = f"{mount.path}/subkeys/{mount.rest(ref.path)}"
    version = {} if ref.version is None else {"version": ref.version}
    reply = round_.ask(lambda client: client.read(path, **version))
    data = reply.data or {}
    fields, metadata = data.get("subkeys"), data.get("metadata")
    if reply.status != 200 or not isinstance(fields, dict) or not isinstance(metadata, dict):
        return None
    if ref.version is not None and str(metadata.get("version")) != ref.version:
        return None
    return _without_values(fields)


def _without_values(fields: Mapping[str, object]) -> Mapping[str, object]:
    """Return the names alone, because a server that does not follow the protocol may answer with values."""
    return {name: _without_values(below) if isinstance(below, dict) else None for name, below in fields.items()}


def _is_readable(round_: Round, path: str) -> bool | None:
    """Return True if the token may read `path`; None if the token may not ask."""
    # A repeated request does not change anything.
    reply = round_.ask(lambda client: client.write("sys/capabilities-self", {"paths": [path]}))
    rights = (reply.data or {}).get(path)
    if reply.status != 200 or not isinstance(rights, list):
        return None
    return "read" in rights or "root" in rights
