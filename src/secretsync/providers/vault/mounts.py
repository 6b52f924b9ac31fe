"""The mounts of a Vault server, and the outcomes that depend on their kind."""

from __future__ import annotations

from enum import StrEnum

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Failed, Missing, SecretRef
from secretsync.core.records import Record
from secretsync.providers.vault.responses import Reply

BETWEEN = "is there a cache or a proxy between SecretSync and the server?"


class MountKind(StrEnum):
    """The kind of a mount: it decides how a secret is read."""

    KV1 = "KV v1"
    KV2 = "KV v2"
    OTHER = "other"
    UNKNOWN = "unknown"  # the token may not ask


class Mount(Record):
    """The path and the kind of an engine."""

    path: str  # without a slash at its end
    kind: MountKind
    engine: str = ""  # "database"

    def rest(self, path: str) -> str:
        """Return `path` below the mount."""
        return path[len(self.path) + 1 :]


def make_mount(reply: Reply) -> Mount:
    """Return the mount that the server describes."""
    data = reply.data or {}
    name, engine, options = str(data.get("path", "")).rstrip("/"), str(data.get("type", "")), data.get("options")
    kind = MountKind.OTHER
    if engine in ("kv", "generic", "cubbyhole"):
        is_second = isinstance(options, dict) and options.get("version") == "2"
        kind = MountKind.KV2 if is_second else MountKind.KV1
    return Mount(name, kind, engine)


def version_problem(ref: SecretRef, mount: Mount) -> Failed | None:
    """Return the outcome of a reference with a version that its mount cannot have; None if it can."""
    if ref.version is None:
        return None
    if not (ref.version.isascii() and ref.version.isdigit()) or ref.version.startswith("0") or len(ref.version) > 18:
        return Failed(ProblemKind.CONFIGURATION, "versions of Vault are whole numbers from 1 on", "leave version out")
    if mount.kind in (MountKind.KV1, MountKind.OTHER):
        what = "KV v1" if mount.kind is MountKind.KV1 else f"the engine {mount.engine}"
        return Failed(ProblemKind.UNUSABLE, f"{what} keeps no versions, and version={ref.version} is asked for")
    return None


def other_version(ref: SecretRef, answered: str) -> Failed:
    """Return the outcome of an answer about another version than the requested one."""
    shown = answered if answered.isascii() and answered.isdigit() and len(answered) <= 18 else "another version"
    cause = f"version {ref.version} of {ref.path} was requested, and the answer is about {shown}"
    return Failed(ProblemKind.UNAVAILABLE, cause, BETWEEN)


# What engines other than KV have behind their mount.
_OF_OTHER_ENGINES = ("cert", "config", "creds", "issue", "keys", "roles", "static-creds", "static-roles")


def _missing_policy(path: str, mount: Mount, api: str) -> tuple[str, str]:
    """Return the path that a policy must allow, and a hint with the lines of the policy."""
    rest = mount.rest(path)
    versioned = f"{mount.path}/{api}/{rest}"
    # A mount of an unknown kind is taken for KV v2, which a policy writes in another way than `vault kv get`.
    is_versioned = mount.kind is MountKind.KV2
    if mount.kind is MountKind.UNKNOWN:
        is_versioned = rest.partition("/")[0] not in _OF_OTHER_ENGINES
    needed, other = (versioned, path) if is_versioned else (path, versioned)
    hint = f'a policy needs: path "{needed}" {{ capabilities = ["read"] }}'
    if mount.kind is MountKind.UNKNOWN:
        what = "for KV v1 and other engines" if is_versioned else "for KV v2"
        hint += f'; {what} path "{other}"; or nothing is mounted there'
    return needed, hint


def refused(reply: Reply, path: str, mount: Mount, api: str = "data") -> Missing | Failed:
    """Return the outcome of an answer without data. `api`: the part between a KV v2 mount and a path in it."""
    if reply.status in (401, 403):
        needed, hint = _missing_policy(path, mount, api)
        return Failed(ProblemKind.DENIED, f"the token may not read {needed} ({reply.status})", hint)
    if reply.says("no handler for route"):
        return Failed(
            ProblemKind.UNUSABLE, f"nothing is mounted at {path}", "is the mount's path right, and the namespace?"
        )
    if reply.status == 404 or (reply.status == 400 and reply.says("unknown role")):
        rest = mount.rest(path)
        advice = "`secretsync doctor` says which server and namespace that is"
        if mount.kind is MountKind.KV2 and rest.startswith(("data/", "metadata/")):
            advice = "write the path as `vault kv get` takes it, without data/"
        return Missing(f"there is no {path}", advice)
    if reply.says("Upgrading from non-versioned"):
        return Failed(
            ProblemKind.UNAVAILABLE, f"the mount {mount.path} is being upgraded to KV v2", "try again in a moment"
        )
    if reply.status == 405:
        return Failed(ProblemKind.UNUSABLE, f"{path} cannot be read: it takes other operations (405)")
    return Failed(ProblemKind.UNAVAILABLE, f"Vault does not accept to read {path} ({reply.status})", "its log says why")
