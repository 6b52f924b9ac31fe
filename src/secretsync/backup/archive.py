"""The archive: a .tar.gz of folders and files behind a manifest of checksums, written the same way each time.

Reading takes nothing on trust: what is not exactly what the manifest says, or could leave env/ and providers/, is
refused before anything is looked at further.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn

from secretsync.backup.tree import MAX_COUNT, MAX_DEPTH, MAX_FILE_BYTES, MAX_TOTAL_BYTES, TREES, Kind, Node
from secretsync.core.errors import OutputError, Problem, ProblemKind
from secretsync.core.records import Record
from secretsync.core.text import printable

MANIFEST = "manifest.json"
_KIND = "secretsync-backup"
_SCHEMA = 1
_MAX_MANIFEST = 8 * 1024 * 1024
# With the blocks that tar puts around each file.
_MAX_TAR = MAX_TOTAL_BYTES + _MAX_MANIFEST + MAX_COUNT * 4096
MAX_ARCHIVE_BYTES = _MAX_TAR
_MAX_NAME = 255  # bytes of one name


class Archive(Record, kw_only=True):
    """An archive that was verified to its end."""

    created: str  # UTC, with Z
    project: str  # the folder that it was made of
    nodes: Mapping[str, Node]


def write_archive(nodes: Mapping[str, Node], *, project: str, at: datetime) -> bytes:
    """Return the archive of `nodes`, folders and readable files only. Same content and time give the same bytes."""
    manifest = {
        "schema": _SCHEMA,
        "kind": _KIND,
        "created": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "project": project,
        "entries": [_entry(node) for _, node in sorted(nodes.items())],
    }
    text = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=True)
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        _add(tar, MANIFEST, 0o600, f"{text}\n".encode(), at)
        for path, node in sorted(nodes.items()):
            _add(tar, path, node.mode, node.data, at)
    return gzip.compress(stream.getvalue(), mtime=0)


def _entry(node: Node) -> dict[str, object]:
    entry: dict[str, object] = {"path": node.path, "kind": node.kind.value, "mode": f"{node.mode:04o}"}
    if node.data is not None:
        entry |= {"size": len(node.data), "sha256": hashlib.sha256(node.data).hexdigest()}
    return entry


def _add(tar: tarfile.TarFile, path: str, mode: int, data: bytes | None, at: datetime) -> None:
    info = tarfile.TarInfo(path)
    info.mode, info.mtime = mode, int(at.timestamp())
    info.type = tarfile.DIRTYPE if data is None else tarfile.REGTYPE
    info.size = len(data or b"")
    tar.addfile(info, io.BytesIO(data or b""))


def name_refusal(path: str) -> str | None:
    """Return the reason why a path cannot be in an archive, or None."""
    parts = path.split("/")
    if parts[0] not in TREES:
        return "it is outside env/ and providers/"
    if len(parts) > MAX_DEPTH + 1 or any(part in ("", ".", "..") for part in parts):
        return "its path could lead elsewhere"
    # Surrogates stand for bytes that are not UTF-8; they are not printable either.
    if not path.isprintable() or any(len(part.encode("utf-8", "surrogatepass")) > _MAX_NAME for part in parts):
        return "its name holds control characters or bytes that are not UTF-8, or is too long"
    return None


def mode_refusal(kind: Kind, mode: int) -> str | None:
    """Return the reason why a mode cannot be in an archive, or None. The setgid bit of folders is harmless."""
    allowed, needed = (0o2777, 0o500) if kind is Kind.FOLDER else (0o777, 0o400)
    if mode & ~allowed:
        return f"its mode {mode:04o} has setuid, setgid or sticky bits, which configuration does not need"
    if mode & needed != needed:
        return f"its mode {mode:04o} keeps its own owner out"
    return None


def read_archive(data: bytes, file: str) -> Archive:
    """Return the archive in `data`, verified to its end. Raises OutputError with `file` and the reason."""
    cause = None
    try:
        return _read(data)
    except _Refused as refused:
        cause = str(refused)
    # What tarfile raises for headers that were made to trip it is not all TarError.
    except (tarfile.TarError, zlib.error, EOFError, OverflowError, ValueError, RecursionError):
        cause = "it is damaged: this is no archive that can be read"
    hint = "nothing was changed; take another archive"
    raise OutputError([Problem(kind=ProblemKind.OUTPUT, file=file, cause=cause, hint=hint)])


class _Refused(Exception):  # noqa: N818 - it does not leave this module
    """The reason to refuse an archive."""


def _refuse(path: str, cause: str) -> NoReturn:
    message = f"{printable(path)}: {cause}"
    raise _Refused(message)


def _read(data: bytes) -> Archive:
    tar = _inflate(data)
    members: dict[str, tuple[Kind, int, bytes | None]] = {}
    manifest: dict[str, Any] | None = None
    for info, content in _members(tar):
        if manifest is None:
            manifest = _parse_manifest(info, content)
            continue
        kind = Kind.FOLDER if content is None else Kind.FILE
        if refusal := name_refusal(info.name) or mode_refusal(kind, info.mode):
            _refuse(info.name, refusal)
        if info.name in members:
            _refuse(info.name, "it is there twice")
        members[info.name] = kind, info.mode, content
    if manifest is None:
        message = "it is empty"
        raise _Refused(message)
    return Archive(created=manifest["created"], project=manifest["project"], nodes=_compare(manifest, members))


def _inflate(data: bytes) -> bytes:
    """Return the unpacked bytes, up to the maximum size of an archive."""
    unpacker = zlib.decompressobj(wbits=31)
    unpacked = unpacker.decompress(data, _MAX_TAR + 1)
    if len(unpacked) > _MAX_TAR:
        message = "it unpacks to more than an archive may hold"
        raise _Refused(message)
    if not unpacker.eof:
        message = "it is cut off"
        raise _Refused(message)
    if unpacker.unused_data:
        message = "something stands behind its end"
        raise _Refused(message)
    return unpacked


def _members(data: bytes) -> Iterator[tuple[tarfile.TarInfo, bytes | None]]:
    """Each member and its bytes, None for a folder: nothing but plain files and folders is let through."""
    stream = io.BytesIO(data)
    count = 0
    with tarfile.open(fileobj=stream, mode="r:") as tar:
        while (info := tar.next()) is not None:
            count += 1
            if count > MAX_COUNT + 1:
                message = "it has more members than an archive may hold"
                raise _Refused(message)
            if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE) or info.sparse is not None:
                _refuse(info.name, "it is neither a file nor a folder")
            if set(info.pax_headers) - {"path"} or tar.pax_headers:
                _refuse(info.name, "it has attributes that we do not write")
            if info.isdir():
                if info.size:
                    _refuse(info.name, "it is a folder with content")
                yield info, None
                continue
            if info.size > max(MAX_FILE_BYTES, _MAX_MANIFEST):
                _refuse(info.name, "it is larger than a file may be")
            opened = tar.extractfile(info)
            content = opened.read() if opened is not None else b""
            if len(content) != info.size:
                message = "it is cut off"
                raise _Refused(message)
            yield info, content
        # tarfile ends silently at a header that it cannot read; the end itself is nothing but zeros.
        if data[tar.offset :].strip(b"\0") or len(data) < tar.offset + 1024:
            message = "it is damaged, or something stands behind its end"
            raise _Refused(message)


def _parse_manifest(info: tarfile.TarInfo, content: bytes | None) -> dict[str, Any]:
    """Return the manifest, which must be the first member."""
    if info.name != MANIFEST or content is None:
        message = "it does not begin with a manifest: `secretsync backup` did not write it"
        raise _Refused(message)
    found: Any = None
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or found.get("kind") != _KIND:
        message = "its manifest is not one of SecretSync"
        raise _Refused(message)
    if found.get("schema") != _SCHEMA:
        message = "it was written by another version of SecretSync, in a form that this one does not know"
        raise _Refused(message)
    texts = all(isinstance(found.get(key), str) for key in ("created", "project"))
    entries = found.get("entries")
    if not texts or not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        message = "its manifest is damaged"
        raise _Refused(message)
    return found


def _compare(manifest: Mapping[str, Any], members: Mapping[str, tuple[Kind, int, bytes | None]]) -> dict[str, Node]:
    """Return the members as nodes. Each must match the manifest, and its folder must be in the archive."""
    nodes = {
        path: Node(path=path, kind=kind, mode=mode, data=content) for path, (kind, mode, content) in members.items()
    }
    listed = {str(entry.get("path")): entry for entry in manifest["entries"]}
    if len(listed) != len(manifest["entries"]):
        message = "its manifest names a file twice"
        raise _Refused(message)
    for path in sorted(set(listed) ^ set(nodes)):
        _refuse(
            path,
            "the manifest has it, and the archive does not have it"
            if path in listed
            else "the manifest does not have it",
        )
    total = 0
    for path, node in nodes.items():
        if listed[path] != _entry(node):
            _refuse(path, "it is not what the manifest says: its size, its mode or its checksum differs")
        parent = path.rpartition("/")[0]
        if (parent and (parent not in nodes or nodes[parent].kind is not Kind.FOLDER)) or (
            not parent and node.kind is not Kind.FOLDER
        ):
            _refuse(path, "the folder that it lies in is missing")
        total += len(node.data or b"")
    if total > MAX_TOTAL_BYTES:
        message = "it holds more than an archive may"
        raise _Refused(message)
    return dict(sorted(nodes.items()))
