"""Read Secrets and ConfigMaps of Kubernetes."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any

from secretsync.core.names import is_key
from secretsync.moving.source_entry import Source, SourceEntry, literal_entry
from secretsync.moving.sources import bad_source
from secretsync.moving.sources.json_ import text_of
from secretsync.moving.sources.yaml_file import load_documents


def read(data: bytes, file: str, _service: str | None) -> Source:
    """Return the entries of all Secrets and ConfigMaps of a file; `stringData` replaces `data`, as in the cluster."""
    found: dict[str, SourceEntry] = {}
    manifests = [one for document in load_documents(data, file) for one in _manifests(document)]
    if not manifests:
        raise bad_source(file, "it has no manifest of kind Secret or ConfigMap")
    for manifest in manifests:
        members: dict[str, Any] = {}
        is_secret = manifest["kind"] == "Secret"
        for key, value in _members(manifest, "data", file).items():
            members[key] = _decoded(key, value, file) if is_secret else value
        members.update(_members(manifest, "stringData", file) if is_secret else {})
        for key, value in members.items():
            entry = literal_entry(key, text_of(key, value, file), file=file)
            if key in found and found[key].value != entry.value:
                raise bad_source(file, "two manifests have different values", "import them one by one", key=key)
            found[key] = entry
    return Source(tuple(found.values()))


def _members(manifest: dict[str, Any], field: str, file: str) -> dict[str, Any]:
    """Return the names and values in a field. Raises ConfigurationError for any other content."""
    members = manifest.get(field) or {}
    if not isinstance(members, dict):
        raise bad_source(file, f"{field} is not a mapping of names and values", "write NAME: value")
    if not all(isinstance(key, str) and is_key(key) for key in members):
        raise bad_source(file, "a name of it cannot be a variable", "rename it in the manifest")
    return members


def _manifests(document: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(document, dict):
        return
    if document.get("kind") == "List":
        items = document.get("items")
        for item in items if isinstance(items, list) else ():
            yield from _manifests(item)
    elif document.get("kind") in ("Secret", "ConfigMap"):
        yield document


def _decoded(key: str, value: Any, file: str) -> str:
    text = None
    try:
        text = base64.b64decode("".join(str(value or "").split()), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        text = None
    if text is None:
        raise bad_source(file, "the value is not base64 of UTF-8 text", "store it as base64", key=key)
    return text
