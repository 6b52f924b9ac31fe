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
        for key, value in (manifest.get("data") or {}).items():
            members[key] = _decoded(key, value, file) if is_secret else value
        members.update((manifest.get("stringData") or {}) if is_secret else {})
        for key, value in members.items():
            if not isinstance(key, str) or not is_key(key):
                raise bad_source(file, "a name of it cannot be a variable", "rename it in the manifest")
            entry = literal_entry(key, text_of(key, value, file), file=file)
            if key in found and found[key].value != entry.value:
                raise bad_source(file, "two manifests have different values", "import them one by one", key=key)
            found[key] = entry
    return Source(tuple(found.values()))


def _manifests(document: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(document, dict):
        return
    if document.get("kind") == "List":
        for item in document.get("items") or []:
            yield from _manifests(item)
    elif document.get("kind") in ("Secret", "ConfigMap"):
        yield document


def _decoded(key: Any, value: Any, file: str) -> str:
    text = None
    try:
        text = base64.b64decode("".join(str(value or "").split()), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        text = None
    if text is None:
        raise bad_source(file, "the value is not base64 of UTF-8 text", "store it as base64", key=str(key))
    return text
