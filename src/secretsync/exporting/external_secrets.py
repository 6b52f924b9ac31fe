"""Write ExternalSecrets and ConfigMaps for External Secrets Operator: one of each for each service."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from secretsync.core.errors import Problem, ProblemKind
from secretsync.core.records import replace
from secretsync.exporting.entries import Item, Refused, Scope, Source, Taken
from secretsync.exporting.go_template import template_of
from secretsync.exporting.limits import limits_annotation
from secretsync.exporting.remote_refs import Generated, RemoteRef, remote_ref
from secretsync.exporting.secret_stores import Manifest, provider_of, vault_provider
from secretsync.exporting.target import Outcome, Settings, Written, dns_name, names_of
from secretsync.exporting.yaml_text import format_documents
from secretsync.project.bindings import StoreConfig
from secretsync.rendering.formats import kubernetes

API = "external-secrets.io/v1"
GENERATORS = "generators.external-secrets.io/v1alpha1"
REFRESH = "1h0m0s"
RELOADER = {"reloader.stakater.com/match": "true"}

_STRINGS = (
    "a field should be a string in its store: External Secrets writes the number 1.10 as 1.1, null as an empty text, "
    "and takes the first of two equal names"
)
_LEASES = "External Secrets requests new credentials at each refresh; set refreshInterval below their time to live"


def export(source: Source, settings: Settings) -> Written:
    """Return the manifests for all services of `source`."""
    exporter = _Exporter(source, settings)
    documents = exporter.documents()
    return exporter.outcome.written(format_documents(documents, exporter.comments(documents)) if documents else "")


class _Exporter:
    """Makes the objects of one export."""

    def __init__(self, source: Source, settings: Settings) -> None:
        self.source = source
        self.settings = settings
        self.outcome = Outcome(source)
        self.names = names_of(source, settings, [scope.service for scope in source.scopes])
        self.stores: dict[str, tuple[StoreConfig, str | None]] = {}
        self.generators: dict[str, Manifest] = {}

    def documents(self) -> list[Manifest]:
        objects = [one for scope in self.source.scopes for one in self._objects(scope)]
        stores = list(self._secret_stores()) if self.settings.with_stores else []
        generators = [self.generators[name] for name in sorted(self.generators)]
        return [*stores, *generators, *objects]

    def comments(self, documents: Sequence[Manifest]) -> list[str]:
        """Return the comment at the top: who wrote the file, and how a pod uses its objects."""
        lines = [f"Written by `{self.settings.command}`. Do not edit."]
        kinds = {"ConfigMap": "configMapRef", "ExternalSecret": "secretRef"}
        for scope in self.source.scopes:
            chain = dict.fromkeys((self.names[None], self.names[scope.service]))
            refs = [
                f"{kinds[one['kind']]} {one['metadata']['name']}"
                for one in documents
                if one["kind"] in kinds and one["metadata"]["name"] in chain
            ]
            if refs:
                what = "a container" if scope.service is None else f"the container of {scope.service}"
                lines.append(f"envFrom of {what}, in this order: {', '.join(refs)}")
        if not self.settings.with_stores and self.stores:
            lines.append(f"Needs a {self.settings.store_kind} of each name: {', '.join(sorted(self.stores))}")
        return lines

    def _objects(self, scope: Scope) -> Iterator[Manifest]:
        data: dict[str, str] = {}
        secret = _SecretMaker(self, scope)
        for item in scope.items:
            self.outcome.attempt(item, lambda one: _add(one, data, secret))
        if data:
            yield self._manifest("v1", "ConfigMap", self.names[scope.service], {"data": data})
        if secret.items:
            yield self._external_secret(scope, secret)

    def _external_secret(self, scope: Scope, secret: _SecretMaker) -> Manifest:
        name = self.names[scope.service]
        target: Manifest = {"name": name, "creationPolicy": "Owner", "deletionPolicy": "Retain"}
        if template := secret.template():
            target["template"] = {"engineVersion": "v2", "mergePolicy": "Replace", **template}
        spec: Manifest = {"refreshInterval": REFRESH}
        stores = list(dict.fromkeys(ref.store for ref in secret.refs.values()))
        if len(stores) == 1:
            spec["secretStoreRef"] = self._store_ref(stores[0])
        spec["target"] = target
        data = [
            {"secretKey": key, "remoteRef": dict(ref.fields)}
            | ({} if len(stores) == 1 else {"sourceRef": {"storeRef": self._store_ref(ref.store)}})
            for key, ref in secret.refs.items()
        ]
        if data:
            spec["data"] = data
        if secret.sources:
            spec["dataFrom"] = list(secret.sources.values())
        annotations = limits_annotation(secret.items.values(), self.source.plan)
        return self._manifest(API, "ExternalSecret", name, {"spec": spec}, annotations)

    def _store_ref(self, store: str) -> Manifest:
        return {"name": store, "kind": self.settings.store_kind}

    def _manifest(
        self, api: str, kind: str, name: str, content: Manifest, annotations: dict[str, str] | None = None
    ) -> Manifest:
        metadata: Manifest = {"name": name}
        if self.settings.namespace is not None:
            metadata["namespace"] = self.settings.namespace
        if annotations:
            metadata["annotations"] = annotations
        return {"apiVersion": api, "kind": kind, "metadata": metadata, **content}

    def generator(self, generated: Generated) -> str:
        """Return the name of the VaultDynamicSecret that reads `generated`. Raises Refused if it cannot be written."""
        name = f"{self.names[None]}-{dns_name(f'{generated.store.name}-{generated.path}', 'a path')}"
        try:
            provider = vault_provider(generated.store, self.settings)
        except Refused as refused:
            cause = f"the generator for {generated.path} cannot log in: {refused.cause}"
            raise Refused(cause, refused.hint) from None
        spec = {"path": generated.path, "method": "GET", "resultType": "Data", "provider": provider}
        self.generators[name] = self._manifest(GENERATORS, "VaultDynamicSecret", name, {"spec": spec})
        if "/creds/" in generated.path:
            self.outcome.notes[_LEASES] = None
        return name

    def uses_store(self, config: StoreConfig, ref: RemoteRef) -> None:
        """Remember that a SecretStore is needed."""
        self.stores[ref.store] = (config, ref.region)
        if "property" in ref.fields:
            self.outcome.notes[_STRINGS] = None

    def _secret_stores(self) -> Iterator[Manifest]:
        for name in sorted(self.stores):
            config, region = self.stores[name]
            try:
                provider = provider_of(config, region, self.settings)
            except Refused as refused:
                self.outcome.problems.append(self._store_problem(config, refused))
            else:
                yield self._manifest(API, self.settings.store_kind, name, {"spec": {"provider": provider}})

    def _store_problem(self, config: StoreConfig, refused: Refused) -> Problem:
        problem = self.source.plan.bindings.problem(("stores", config.name), refused.cause, refused.hint)
        return replace(problem, kind=ProblemKind.OUTPUT)


def _add(item: Item, data: dict[str, str], secret: _SecretMaker) -> None:
    """Add an item to the settings or to the secrets."""
    if cause := kubernetes.refusal(item.key, item.text or ""):
        raise Refused(cause, "rename the entry, or set it on the platform")
    if item.text is not None:
        data[item.key] = item.text
    else:
        secret.add(item)


class _SecretMaker:
    """Makes the data and the template of one ExternalSecret."""

    def __init__(self, exporter: _Exporter, scope: Scope) -> None:
        self.exporter = exporter
        self.keys = {item.key for item in scope.items}
        self.items: dict[str, Item] = {}
        self.refs: dict[str, RemoteRef] = {}  # by the name in the template
        self.sources: dict[str, Any] = {}  # `dataFrom`, by the name of the generator
        self._names: dict[tuple[object, ...], str] = {}
        self._templates: dict[str, str] = {}

    def add(self, item: Item) -> None:
        """Add an entry. Raises Refused before anything of it is added."""
        for taken in item.secrets:
            if isinstance(found := remote_ref(taken, self.exporter.settings.kv_version), Generated):
                self.exporter.generator(found)
        self._templates[item.key] = template_of(item.pieces, lambda taken: self._name(item, taken))
        self.items[item.key] = item

    def _name(self, item: Item, taken: Taken) -> str:
        """Return the name of a secret in the template. The same part of the same secret is requested once."""
        found = remote_ref(taken, self.exporter.settings.kv_version)
        if isinstance(found, Generated):
            return self._generated_name(found)
        self.exporter.uses_store(taken.store, found)
        name = self._names.get(found.identity)
        if name is None:
            name = self._new_name(item)
            self._names[found.identity] = name
            self.refs[name] = found
        return name

    def _new_name(self, item: Item) -> str:
        """Return a name that a template can use, and that no key of the Secret has unless it is that key's own."""
        if item.single is not None and item.key.isidentifier():
            return item.key
        number = 1 + sum(1 for name in self.refs if name.startswith(f"{_identifier(item.key)}_"))
        return self._free(f"{_identifier(item.key)}_{number}")

    def _free(self, name: str) -> str:
        while name in self.keys or name in self.refs:
            name += "_"
        return name

    def _generated_name(self, found: Generated) -> str:
        generator = self.exporter.generator(found)
        prefix = f"{_identifier(generator)}_"
        while any(f"{key}_".startswith(prefix) for key in self.keys):
            prefix += "_"
        ref = {"apiVersion": GENERATORS, "kind": "VaultDynamicSecret", "name": generator}
        # The fields of a generator have no names of their own choice, so each gets a prefix.
        self.sources[generator] = {
            "sourceRef": {"generatorRef": ref},
            "rewrite": [{"regexp": {"source": "^", "target": prefix}}],
        }
        return prefix + found.field

    def template(self) -> Manifest:
        """Return the content of the template; empty if each secret is a whole value under its own key."""
        reloader = {"metadata": {"annotations": dict(RELOADER)}} if self.exporter.settings.reloader else {}
        is_needed = any(text != f"{{{{ .{key} }}}}" for key, text in self._templates.items())
        if not is_needed and not reloader:
            return {}
        return {**reloader, "data": dict(sorted(self._templates.items()))}


def _identifier(text: str) -> str:
    """Return `text` as a name that a template can use."""
    name = "".join(char if char.isascii() and char.isalnum() else "_" for char in text)
    return name if name[:1].isalpha() or name[:1] == "_" else f"_{name}"
