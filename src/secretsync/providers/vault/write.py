"""Write one secret of Vault: KV v2 by check-and-set, KV v1 with a comparison afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secretsync.core.errors import ProblemKind
from secretsync.core.exact_json import NotJsonError, format_json, parse_json
from secretsync.core.model import Failed, Found, SecretRef
from secretsync.core.secret import Payload
from secretsync.providers.vault.mounts import Mount, MountKind, refused
from secretsync.providers.vault.responses import Reply, newest_version
from secretsync.providers.vault.session import Round
from secretsync.providers.writing import Change, Written, unchanged

_RACE = "another process wrote the secret at the same time"
_AGAIN = "look at it, and run the command again"


def write_one(round_: Round, ref: SecretRef, change: Change) -> Found[Written] | Failed:
    """Write one secret. Raises RequestError."""
    mount = round_.mount(ref.path)
    if mount.kind is MountKind.KV2:
        return _write_kv2(round_, ref, mount, change)
    if mount.kind is MountKind.KV1:
        return _write_kv1(round_, ref, mount, change)
    if mount.kind is MountKind.UNKNOWN:
        cause = f"the token may not ask which engine is mounted at {mount.path}"
        return Failed(ProblemKind.DENIED, cause, "set kv_version of the store to 1 or 2")
    hint = "only KV stores a value; a password that the engine makes is changed with `vault write`"
    return Failed(ProblemKind.UNUSABLE, f"the engine {mount.engine} does not store a given value", hint)


def _write_kv2(round_: Round, ref: SecretRef, mount: Mount, change: Change) -> Found[Written] | Failed:
    path = mount.rest(ref.path)
    reply = round_.ask(lambda client: client.read(f"{mount.path}/data/{path}"))
    data = reply.data or {}
    metadata = data.get("metadata")
    is_known = isinstance(metadata, dict)
    version = str(metadata.get("version", "")) if isinstance(metadata, dict) else "0"
    if not (version.isascii() and version.isdigit()) or (reply.status == 200) > is_known:
        return Failed(ProblemKind.UNAVAILABLE, "its answer does not have the version of the secret")
    if reply.status not in (200, 404) or (reply.status == 404 and reply.says("no handler")):
        return _not_read(reply, ref, mount)
    if not is_known:
        version = _newest(round_, mount, path)
    fields = data.get("data") if reply.status == 200 else None
    new = _new_fields(change, fields if isinstance(fields, dict) else None)
    before = None if version == "0" else version
    if new is None:
        return unchanged(before)
    if isinstance(new, Failed):
        return new
    document = {"options": {"cas": int(version)}, "data": new}
    reply = round_.ask(lambda client: client.write_exact(f"{mount.path}/data/{path}", document), is_repeatable=False)
    after = (reply.data or {}).get("version")
    if reply.status == 200 and after is not None:
        return Found(Written(before=before, after=str(after), is_new=not is_known and version == "0"))
    if reply.says("check-and-set"):
        return Failed(ProblemKind.UNAVAILABLE, f"{_RACE}; nothing was written", _AGAIN)
    return _not_written(reply, f"{mount.path}/data/{path}", ref)


def _newest(round_: Round, mount: Mount, path: str) -> str:
    """Return the newest version of a secret whose data were answered with 404: all versions may be destroyed."""
    reply = round_.ask(lambda client: client.read(f"{mount.path}/metadata/{path}"))
    return newest_version(reply.data or {}) or "0" if reply.status == 200 else "0"


def _write_kv1(round_: Round, ref: SecretRef, mount: Mount, change: Change) -> Found[Written] | Failed:
    reply = round_.ask(lambda client: client.read(ref.path))
    if reply.status not in (200, 404):
        return _not_read(reply, ref, mount)
    fields = reply.data if reply.status == 200 else None
    new = _new_fields(change, fields)
    if new is None:
        return unchanged(None)
    if isinstance(new, Failed):
        return new
    # KV v1 has neither versions nor check-and-set, so that the value is compared before and after the write.
    if round_.ask(lambda client: client.read(ref.path)).data != fields:
        return Failed(ProblemKind.UNAVAILABLE, f"{_RACE}; nothing was written", _AGAIN)
    reply = round_.ask(lambda client: client.write_exact(ref.path, new), is_repeatable=False, may_be_empty=True)
    if reply.status not in (200, 204):
        return _not_written(reply, ref.path, ref)
    seen = round_.ask(lambda client: client.read(ref.path)).data
    return Found(Written(is_new=fields is None, race=None if seen == new else f"{_RACE}, and its value is current"))


def _new_fields(change: Change, fields: Mapping[str, Any] | None) -> dict[str, Any] | Failed | None:
    payload = change.apply(None if fields is None else Payload(format_json(fields)))
    if not isinstance(payload, Payload):
        return payload
    text, made = payload.reveal(), None
    try:
        made = parse_json(text) if isinstance(text, str) else None
    except (NotJsonError, RecursionError):
        made = None
    if isinstance(made, dict):
        return made
    return Failed(ProblemKind.CONFIGURATION, "a secret of Vault has fields", "name the field: --field NAME")


def _not_read(reply: Reply, ref: SecretRef, mount: Mount) -> Failed:
    """Return the outcome if the present value cannot be read, which is needed to keep the other fields."""
    outcome = refused(reply, ref.path, mount)
    return outcome if isinstance(outcome, Failed) else Failed(ProblemKind.UNUSABLE, outcome.cause, outcome.hint)


def _not_written(reply: Reply, path: str, ref: SecretRef) -> Failed:
    if reply.status in (401, 403):
        hint = f'a policy needs: path "{path}" {{ capabilities = ["create", "update", "read"] }}'
        return Failed(ProblemKind.DENIED, f"the token may not write {path} ({reply.status})", hint)
    return Failed(ProblemKind.UNAVAILABLE, f"Vault did not write {ref.path} ({reply.status})", "its log says why")
