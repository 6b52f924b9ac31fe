"""Map a reference to the `remoteRef` of External Secrets, and to the store or generator that answers it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from secretsync.core.model import SecretRef, Selector
from secretsync.core.records import Record
from secretsync.exporting.entries import Refused, Taken
from secretsync.exporting.target import refuse_trim
from secretsync.exporting.vault_paths import kv_version
from secretsync.project.bindings import StoreConfig
from secretsync.resolving.extract import field_tokens


class RemoteRef(Record):
    """A secret as External Secrets asks for it."""

    store: str  # the name of the SecretStore
    region: str | None  # of an ARN, if it is not the region of the store
    fields: Mapping[str, str]  # of `remoteRef`

    @property
    def identity(self) -> tuple[object, ...]:
        """Equal for the same part of the same secret."""
        return (self.store, *sorted(self.fields.items()))


class Generated(Record):
    """A secret of an engine of Vault that a VaultDynamicSecret reads."""

    store: StoreConfig
    path: str
    field: str


def remote_ref(taken: Taken, assumed: int | None) -> RemoteRef | Generated:
    """Return where External Secrets finds a secret. Raises Refused.

    `assumed`: the version of KV mounts of stores whose settings do not have it.
    """
    ref, selector = taken.target.ref, taken.target.selector
    if selector.as_ == "json":
        raise Refused("External Secrets writes JSON in another order and with other escapes than as=json", _FIELD)
    refuse_trim(selector)
    region = None
    if taken.provider == "aws":
        fields, region = _aws(taken.store, ref)
    elif taken.provider == "ssm":
        fields, region = _ssm(taken.store, ref)
    elif taken.provider == "azure":
        fields = {"key": ref.path} | ({} if ref.version is None else {"version": ref.version})
    elif taken.provider == "vault":
        version = kv_version(taken.store, ref.path, assumed)
        if version is None:  # A SecretStore reads only KV.
            return _generated(taken)
        fields = _vault(version, ref, selector)
    else:
        raise Refused(f"External Secrets has no provider for a plug-in ({taken.provider})", "bind it to another store")
    if selector.field is not None:
        fields["property"] = gjson_path(selector.field)
    if selector.decode == "base64":
        fields["decodingStrategy"] = "Base64"
    store = taken.store.name if region is None else f"{taken.store.name}-{region}"
    return RemoteRef(store, region, fields)


_FIELD = "name a field of the secret: #field"


def gjson_path(field: str) -> str:
    """Return a field as a path of gjson, in which every character with a meaning is escaped.

    The parts of a pointer are separated by "|", because for "." External Secrets first looks for one key with dots.
    """
    path = field_tokens(field)
    if not all(path):
        raise Refused("the name of a field is empty, which External Secrets cannot ask for", "give the field a name")
    return "|".join(re.sub(r"[!-,./;-@\[-^`{-~]", r"\\\g<0>", name) for name in path)


def _aws(store: StoreConfig, ref: SecretRef) -> tuple[dict[str, str], str | None]:
    if ref.version is not None and ref.stage is not None:
        raise Refused("External Secrets takes a version or a stage, but not both", "remove the stage")
    fields = {"key": ref.path}
    if ref.version is not None:
        fields["version"] = f"uuid/{ref.version}"
    elif ref.stage is not None:
        if ref.stage.startswith("uuid/"):
            raise Refused("External Secrets takes this stage for a version", "name the version")
        fields["version"] = ref.stage
    return fields, _other_region(store, ref)


def _ssm(store: StoreConfig, ref: SecretRef) -> tuple[dict[str, str], str | None]:
    chosen = ref.version or ref.stage  # External Secrets writes NAME:VERSION, as AWS has it for both
    return {"key": ref.path} | ({"version": chosen} if chosen else {}), _other_region(store, ref)


def _other_region(store: StoreConfig, ref: SecretRef) -> str | None:
    """Return the region of an ARN, if it is not that of the store."""
    region = ref.path.split(":")[3] if ref.path.startswith("arn:") else None
    return None if region == store.settings.get("region") else region


def _vault(version: int, ref: SecretRef, selector: Selector) -> dict[str, str]:
    if selector.field is None:
        raise Refused("External Secrets writes a whole secret of Vault as another JSON text", _FIELD)
    mount, _, path = ref.path.partition("/")
    # The form with `data/` means the same whether or not the SecretStore has a `path`, and for a path that begins
    # with the name of the mount or with `data/`.
    fields = {"key": f"{mount}/data/{path}" if version == 2 else ref.path}
    if ref.version is not None:
        if version == 1:
            raise Refused("KV version 1 has no versions", "remove version=")
        fields["version"] = ref.version
    return fields


def _generated(taken: Taken) -> Generated:
    selector = taken.target.selector
    if selector.field is None or not re.fullmatch(r"[A-Za-z0-9_]+", selector.field):
        raise Refused("a generator of External Secrets has only fields of letters, digits and '_'", _FIELD)
    if selector.decode:
        raise Refused("a generator of External Secrets does not decode base64", "remove decode=base64")
    return Generated(taken.store, taken.target.ref.path, selector.field)
