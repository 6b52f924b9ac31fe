"""Ask for the names of the fields of one secret of Vault, and for the right to read it, without its value."""

from __future__ import annotations

from collections.abc import Mapping

from secretsync.core.model import Found, SecretOutline, SecretRef
from secretsync.providers.vault.mounts import Mount, MountKind
from secretsync.providers.vault.session import Round


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
