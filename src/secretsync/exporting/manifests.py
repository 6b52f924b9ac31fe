"""Read the references in manifests of other platforms: objects of External Secrets, task definitions of ECS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from secretsync.core.durations import parse_duration
from secretsync.core.exact_json import NotJsonError, parse_json
from secretsync.core.model import Entry
from secretsync.core.names import is_store_name
from secretsync.core.records import Record, replace
from secretsync.exporting.limits import ANNOTATION
from secretsync.project.bindings import Binding, Bindings, Limit, StoreConfig
from secretsync.project.placeholders import StorePath, format_reference

Json = Mapping[str, Any]


class Unreadable(Exception):  # noqa: N818 - a part of a manifest, not an error of the program
    """A file or a reference in it cannot be read. The text names no value."""


class Manifests:
    """Collects the references of all files, so that a store may be in another file than what uses it."""

    def __init__(self, bindings: Bindings) -> None:
        """`bindings`: the stores and limits that the user gave. They win over those in the manifests."""
        self.bindings = bindings
        self.entries: list[Entry] = []
        self.unchecked: list[str] = []  # references that cannot be checked, with the reason
        self._stores: dict[str, _Store] = {}
        self._objects: list[tuple[str, Json]] = []
        self._limits: dict[str, Binding] = {}

    def add(self, shown: str, data: bytes) -> None:
        """Add a file of JSON. Raises Unreadable if it is not JSON, or has no object that is known."""
        try:
            known = [one for one in _objects(parse_json(data.decode("utf-8"))) if _kind(one)]
        except RecursionError:
            raise Unreadable(f"{shown}: its JSON is nested too deeply") from None
        except UnicodeDecodeError:
            raise Unreadable(f"{shown}: it is not UTF-8") from None
        except NotJsonError as error:
            raise Unreadable(f"{shown}: it {error.cause}; give the output of `kubectl get ... -o json`") from None
        if not known:
            raise Unreadable(f"{shown}: it has no ExternalSecret, SecretStore or task definition")
        self._objects += [(shown, one) for one in known]

    def read(self) -> Bindings:
        """Return the bindings, with the stores and limits of the manifests; `entries` has the references then."""
        for _, one in self._objects:
            if _kind(one) in ("SecretStore", "ClusterSecretStore"):
                self._add_store(one)
        for shown, one in self._objects:
            if _kind(one) == "ExternalSecret":
                self._add_secret(shown, one)
            elif _kind(one) == "task definition":
                self._add_task(shown, one)
        used = {name: store.config for name, store in self._stores.items() if store.config is not None}
        stores = {**used, **self.bindings.stores}
        return replace(self.bindings, stores=stores, secrets={**self._limits, **self.bindings.secrets})

    def _add_store(self, one: Json) -> None:
        provider = _dict(_dict(one, "spec"), "provider")
        name = _store_name(_kind(one), *_identity(one))
        self._stores[name] = _store(name, provider)

    def _add_secret(self, shown: str, one: Json) -> None:
        namespace, name = _identity(one)
        place = f"{shown}: {namespace}/{name}"
        spec = _dict(one, "spec")
        for item in self._items(place, spec, "data"):
            key = str(item.get("secretKey"))
            source = _dict(_dict(item, "sourceRef"), "storeRef") or _dict(spec, "secretStoreRef")
            self._add_reference(place, key, namespace, source, _dict(item, "remoteRef"))
        for number, item in enumerate(self._items(place, spec, "dataFrom")):
            key = f"dataFrom[{number}]"
            source = _dict(_dict(item, "sourceRef"), "storeRef") or _dict(spec, "secretStoreRef")
            if "extract" in item:
                self._add_reference(place, key, namespace, source, _dict(item, "extract"))
            else:
                self.unchecked.append(f"{place}: {key}: a generator or a search names no secret")
        self._add_limits(place, _dict(_dict(one, "metadata"), "annotations").get(ANNOTATION))

    def _items(self, place: str, parent: Json, name: str) -> Iterator[Json]:
        """Yield the objects of a list. Anything else is a reference that cannot be checked, so that it is not lost."""
        found = parent.get(name)
        for item in found if isinstance(found, list) else () if found is None else (found,):
            if isinstance(found, list) and isinstance(item, dict):
                yield item
            else:
                self.unchecked.append(f"{place}: {name} is not a list of objects")

    def _add_reference(self, place: str, key: str, namespace: str, source: Json, remote: Json) -> None:
        kind, name = str(source.get("kind", "SecretStore")), str(source.get("name"))
        found = _store_name(kind, namespace, name)
        given = self.bindings.stores.get(name)
        store = self._stores.get(found) if given is None else _Store(given)
        if not isinstance(remote.get("key"), str):
            self.unchecked.append(f"{place}: {key}: it names no secret, because it has no key")
        elif store is None:
            self.unchecked.append(f"{place}: {key}: the {kind} {name} is not in the input, nor in the bindings")
        elif store.config is None:
            self.unchecked.append(f"{place}: {key}: the provider of the {kind} {name} has no counterpart")
        elif (reference := _reference(store.config, store, remote)) is None:
            self.unchecked.append(f"{place}: {key}: it is a key or a certificate of Key Vault, and no secret")
        else:
            self._add_entry(place, key, reference)

    def _add_entry(self, place: str, key: str, reference: StorePath) -> None:
        text = f"$<{format_reference(reference)}>"
        self.entries.append(Entry(key=key, text=text, literal=False, file=place, line=0, service=None, source=""))

    def _add_limits(self, place: str, annotation: object) -> None:
        """Add the limits that `export` wrote."""
        try:
            limits = _limits(annotation)
            for entry in self.entries:
                if entry.file == place and (found := _dict(limits, entry.key)):
                    name = f"{place} {entry.key}"
                    self._limits[name] = _binding(name, entry.text[2:-1], found)
        except (NotJsonError, ValueError, RecursionError):
            self.unchecked.append(f"{place}: the annotation {ANNOTATION} is damaged, so its limits do not count")

    def _add_task(self, shown: str, one: Json) -> None:
        family = str(one.get("family", "task"))
        for container in self._items(f"{shown}: {family}", one, "containerDefinitions"):
            place = f"{shown}: {family}/{container.get('name', 'container')}"
            for item in self._items(place, container, "secrets"):
                key, path = str(item.get("name")), _path_of_task(str(item.get("valueFrom")))
                if path is None:
                    self.unchecked.append(f"{place}: {key}: it is not in Secrets Manager or Parameter Store")
                else:
                    self._add_entry(place, key, path)


def _path_of_task(text: str) -> StorePath | None:
    """Return the reference to a `valueFrom` of ECS; None if it is not one of a secret or of a parameter."""
    parts = text.split(":")
    if len(parts) == 1 or (parts[2:3] == ["ssm"] and len(parts) == 6):
        return StorePath("ssm", text)  # a parameter, by its name or its ARN
    if parts[:1] != ["arn"] or parts[2:3] != ["secretsmanager"] or len(parts) not in (7, 10):
        return None
    stage, version = parts[8:10] if len(parts) == 10 else ("", "")
    options = tuple((name, value) for name, value in (("version", version), ("stage", stage)) if value)
    return StorePath("aws", ":".join(parts[:7]), options)


def _limits(annotation: object) -> dict[str, Json]:
    """Return the limits in an annotation, by key. Raises ValueError, NotJsonError or RecursionError."""
    limits = parse_json("{}" if annotation is None else str(annotation))
    if isinstance(limits, dict) and all(isinstance(found, dict) for found in limits.values()):
        return limits
    raise ValueError(ANNOTATION)


def _objects(document: object) -> Iterator[Json]:
    """Yield the objects in a document: itself, or those of a list or of an answer of AWS."""
    if isinstance(document, list):
        for one in document:
            yield from _objects(one)
    elif isinstance(document, dict):
        if isinstance(document.get("items"), list):
            yield from _objects(document["items"])
        elif isinstance(document.get("taskDefinition"), dict):
            yield document["taskDefinition"]
        else:
            yield document


def _kind(one: Json) -> str:
    if str(one.get("apiVersion", "")).startswith("external-secrets.io/"):
        kind = str(one.get("kind"))
        return kind if kind in ("ExternalSecret", "SecretStore", "ClusterSecretStore") else ""
    return "task definition" if "containerDefinitions" in one else ""


def _dict(parent: Json, name: str) -> Json:
    found = parent.get(name)
    return found if isinstance(found, dict) else {}


def _identity(one: Json) -> tuple[str, str]:
    metadata = _dict(one, "metadata")
    return str(metadata.get("namespace", "default")), str(metadata.get("name"))


def _store_name(kind: str, namespace: str, name: str) -> str:
    """Return the name of a store in reports. Two namespaces may have different stores of one name."""
    text = f"cluster-{name}" if kind == "ClusterSecretStore" else f"{namespace}-{name}"
    text = text.replace(".", "-")
    return text if is_store_name(text) else f"store-{text}"


class _Store(Record):
    """A store of the input, and how its paths are written."""

    config: StoreConfig | None  # None: SecretSync has no such provider
    version: str = "v2"  # vault
    mount: str | None = None  # vault


def _store(name: str, provider: Json) -> _Store:
    """Return the store of `spec.provider`, without the identity of the operator, because a check has its own."""
    aws, vault, azure = (_dict(provider, one) for one in ("aws", "vault", "azurekv"))
    if aws and (service := {"SecretsManager": "aws", "ParameterStore": "ssm"}.get(str(aws.get("service")))):
        return _Store(_config(name, service, region=aws.get("region")))
    if vault:
        config = _config(name, "vault", address=vault.get("server"), namespace=vault.get("namespace"))
        return _Store(config, str(vault.get("version", "v2")), vault.get("path"))
    return _Store(_config(name, "azure", vault_url=azure.get("vaultUrl")) if azure else None)


def _config(name: str, provider: str, **settings: object) -> StoreConfig:
    given = {key: text for key, text in settings.items() if isinstance(text, str)}
    return StoreConfig(name=name, provider=provider, settings=given)


def _reference(config: StoreConfig, store: _Store, remote: Json) -> StorePath | None:
    """Return the reference to a secret; None if the object is no secret. A field does not change the age."""
    path, version = str(remote.get("key")), remote.get("version")
    options: tuple[tuple[str, str], ...] = ()
    if config.provider == "azure":
        kind, slash, name = path.partition("/")
        if slash and kind != "secret":
            return None
        path = name if slash else path
    elif config.provider == "vault":
        path = _vault_path(store, path)
    if isinstance(version, str) and version:
        is_stage = config.provider == "aws" and not version.startswith("uuid/")
        is_stage = is_stage or (config.provider == "ssm" and not version.isdigit())
        options = (("stage" if is_stage else "version", version.removeprefix("uuid/")),)
    return StorePath(config.name, path, options)


def _vault_path(store: _Store, path: str) -> str:
    """Return a path as `vault kv get` takes it: with its mount, and without `data/`."""
    if store.mount is None:
        return path.replace("/data/", "/", 1) if store.version == "v2" else path
    inner = path.removeprefix(f"{store.mount}/")
    if inner != path and store.version == "v2":
        inner = inner.removeprefix("data/")
    return f"{store.mount}/{inner}"


def _binding(name: str, reference: str, found: Json) -> Binding:
    """Return the limit of one key as a binding. Raises ValueError for an invalid length of time or date."""
    written, limit, rotated = str(found.get("max_age", "")), None, None
    seconds = parse_duration(written)
    if written not in ("", "never") and seconds is None:
        raise ValueError(name)
    if written:
        until = found.get("until")
        limit = Limit(
            seconds=seconds,
            written=written,
            reason=str(found.get("reason") or "") or None,
            until=date.fromisoformat(until) if isinstance(until, str) else None,
        )
    if isinstance(found.get("rotated"), str):
        rotated = datetime.fromisoformat(found["rotated"])
    return Binding(name=name, reference=reference, max_age=limit, rotated=rotated)
