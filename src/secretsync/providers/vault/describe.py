"""What Vault knows about a secret, and about us, asked without a value and without a new lease."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hvac.api.secrets_engines import KvV2

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Clock, Failed, Found, Missing, SecretInfo, SecretRef
from secretsync.providers.interface import Identity
from secretsync.providers.vault.connection import Reply
from secretsync.providers.vault.fetch import deleted, moment, newest_version, refused, version_problem
from secretsync.providers.vault.session import Kind, Mount, Round

__all__ = ["describe", "who_we_are"]

# Where an engine keeps what it knows about a password that it rotates, and about a role that it makes users for.
_STATIC = {"static-creds": "static-roles", "static-cred": "static-role"}
_LEASED = {"creds": "roles"}


def describe(round_: Round, ref: SecretRef) -> Found[SecretInfo] | Missing | Failed:
    """What the server knows about one secret. Raises VaultFailureError."""
    mount = round_.mount(ref.path)
    if problem := version_problem(ref, mount):
        return problem
    folder, _, name = mount.rest(ref.path).partition("/")
    if mount.kind in (Kind.OTHER, Kind.UNKNOWN) and name:
        if folder in _STATIC:
            return _static(round_, mount, f"{mount.path}/{_STATIC[folder]}/{name}")
        if folder in _LEASED and mount.kind is Kind.OTHER:
            return _leased(round_, ref, mount, f"{mount.path}/{_LEASED[folder]}/{name}")
    if mount.kind is Kind.OTHER:
        note = f"the engine {mount.engine} tells nothing about {ref.path} without making a value"
        return Found(SecretInfo(dynamic=True, notes=(note,)))
    if mount.kind is Kind.KV1:
        return _kv1(round_, ref, mount)
    return _kv2(round_, ref, mount)


def _kv2(round_: Round, ref: SecretRef, mount: Mount) -> Found[SecretInfo] | Missing | Failed:
    path = mount.rest(ref.path)
    reply: Reply = round_.ask(lambda adapter: KvV2(adapter).read_secret_metadata(path, mount_point=mount.path))
    if reply.status != 200:
        return refused(reply, ref.path, mount, api="metadata")
    metadata = reply.data or {}
    newest = newest_version(metadata)
    if newest is None:
        return Missing(f"{ref.path} has metadata, and no version yet")
    number = ref.version or newest
    versions = metadata.get("versions")
    version = versions.get(number) if isinstance(versions, dict) else None
    if not isinstance(version, dict):
        return Missing(f"{ref.path} has no version {number}", f"its newest is {newest}")
    if gone := deleted(version, ref, number):
        return gone
    created = moment(version.get("created_time"))
    return Found(
        SecretInfo(
            version=number,
            created=created,
            clock=Clock.VERSION_CREATED if created else Clock.NONE,
            deletion=moment(version.get("deletion_time")),
            newer_version=newest if newest != number else None,
        )
    )


def _kv1(round_: Round, ref: SecretRef, mount: Mount) -> Found[SecretInfo] | Missing | Failed:
    """That it exists, from the names in its folder: reading it would be reading its value."""
    folder, _, name = ref.path.rpartition("/")
    reply = round_.ask(lambda adapter: adapter.list_names(folder))
    note = "KV v1 has no metadata: its age is not known"
    keys = (reply.data or {}).get("keys")
    if reply.status == 200 and isinstance(keys, list):
        return Found(SecretInfo(notes=(note,))) if name in keys else Missing(f"there is no {ref.path}")
    if reply.status in (401, 403):
        unseen = f"whether {ref.path} exists: our token may not list {folder}/, and KV v1 tells it in no other way"
        return Found(SecretInfo(notes=(note, unseen)))
    return refused(reply, ref.path, mount)


def _static(round_: Round, mount: Mount, role: str) -> Found[SecretInfo] | Missing | Failed:
    """When the engine changed the password of a static role, without the password."""
    reply = round_.ask(lambda adapter: adapter.read(role))
    if reply.status != 200:
        return refused(reply, role, mount)
    data = reply.data or {}
    rotated, period = moment(data.get("last_vault_rotation")), _seconds(data.get("rotation_period"))
    return Found(
        SecretInfo(
            created=rotated,
            clock=Clock.LAST_ROTATED if rotated else Clock.NONE,
            rotation_period=period,
            next_rotation=_after(rotated, period),
        )
    )


def _leased(round_: Round, ref: SecretRef, mount: Mount, role: str) -> Found[SecretInfo] | Missing | Failed:
    """That there is a role to make users for. Nothing is made."""
    reply = round_.ask(lambda adapter: adapter.read(role))
    if reply.status == 200:
        return Found(SecretInfo(dynamic=True))
    if reply.status in (401, 403):
        return Found(SecretInfo(dynamic=True, notes=(f"whether {ref.path} exists: our token may not read {role}",)))
    return refused(reply, ref.path, mount)


def _seconds(value: Any) -> float | None:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return None
    return seconds if seconds > 0 else None


def _after(start: datetime | None, seconds: float | None) -> datetime | None:
    if start is None or seconds is None:
        return None
    try:
        return start + timedelta(seconds=seconds)
    except OverflowError:
        return None


def who_we_are(round_: Round, _: None) -> Identity | Failed:
    """Our token's names and ids, without the token. Raises VaultFailureError."""
    session = round_.session
    details = [("auth", session.login.method)]
    if session.namespace:
        details.append(("namespace", session.namespace))
    reply = round_.look_up_token()
    data = reply.data or {}
    if reply.status not in (200, 403):
        return Failed(ProblemKind.UNAVAILABLE, f"it does not say who we are ({reply.status})")
    if policies := data.get("policies"):
        details.append(("policies", ", ".join(sorted(str(policy) for policy in policies))))
    if entity := data.get("entity_id"):
        details.append(("entity id", str(entity)))
    return Identity(
        store=session.store,
        provider="vault",
        endpoint=session.connection.address,
        principal=str(data["display_name"]) if data.get("display_name") else None,
        details=tuple(details),
    )
