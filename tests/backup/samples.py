"""Projects, archives made by hand, and what trees hold, for the tests of backup and restore."""

import gzip
import hashlib
import io
import json
import resource
import shutil
import signal
import tarfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from secretsync.backup.tree import Kind, read_trees
from tests.support.projects import Project

AT = datetime(2026, 11, 26, 19, 38, 50, tzinfo=UTC)

FILES = {
    "env/production/common.env": "DEBUG=False\nPORT=8000\n",
    "env/production/security.env": "# signs sessions\nSECRET_KEY=$<SECRET_KEY>\nURL=pg://app:${PW}@db/app\nPW=$<PW>\n",
    "env/production/policy.toml": "[required]\nSECRET_KEY = 'signs sessions and tokens for a long time'\n",
    "env/test/common.env": "DEBUG=True\r\nNAME='a b'",
    "providers/production.toml": "[secrets]\nSECRET_KEY = 'docker:secret_key'\nPW = 'docker:pw'\n",
}
MODES = {
    "env/production": 0o2750,
    "env/production/security.env": 0o640,
    "env/production/policy.toml": 0o400,
    "env/test": 0o500,
    "providers": 0o711,
}

State = dict[str, tuple[Kind, int, bytes | None]]


def state(root: Path | str) -> State:
    """Kind, mode and bytes of everything in both trees."""
    return {path: (node.kind, node.mode, node.data) for path, node in read_trees(str(root)).items()}


def make_modes(made: Project) -> Project:
    """Give the project modes that no umask gives."""
    for path in sorted(made.root.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    for name, mode in MODES.items():
        if (made.root / name).exists():
            (made.root / name).chmod(mode)
    return made


def lose(tree: Path) -> None:
    """Remove a tree, whatever the modes in it."""
    for folder in (tree, *(path for path in tree.rglob("*") if path.is_dir() and not path.is_symlink())):
        folder.chmod(0o700)
    shutil.rmtree(tree)


def limit_files(size: int) -> None:
    """Let no file of this process grow over `size` bytes, as on a full disk; for a child before it starts."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


Member = tuple[tarfile.TarInfo, bytes]


def member(path: str, data: bytes | None = b"", *, mode: int | None = None, **fields: Any) -> Member:
    """Return a member made by hand; data None: a folder. `fields` are attributes of its header."""
    info = tarfile.TarInfo(path)
    info.type = tarfile.DIRTYPE if data is None else tarfile.REGTYPE
    info.mode = mode if mode is not None else (0o755 if data is None else 0o644)
    info.size = len(data or b"")
    for name, value in fields.items():
        setattr(info, name, value)
    return info, data or b""


def described(members: Sequence[Member]) -> list[dict[str, object]]:
    """Return the manifest that describes `members` as they are."""
    entries: list[dict[str, object]] = []
    for info, data in members:
        entry: dict[str, object] = {"path": info.name, "kind": "folder" if info.isdir() else "file"}
        entry["mode"] = f"{info.mode:04o}"
        if not info.isdir():
            entry |= {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        entries.append(entry)
    return entries


def packed(members: Sequence[Member], **options: Any) -> bytes:
    """Return a .tar.gz of `members`, in this order."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT, **options) as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return gzip.compress(stream.getvalue(), mtime=0)


def archive_of(
    members: Sequence[Member],
    *,
    change: Callable[[dict[str, Any]], object] = lambda manifest: None,
    first: Sequence[Member] = (),
) -> bytes:
    """Return an archive of `members` behind a manifest that describes them, after `change` had its way with that."""
    manifest: dict[str, Any] = {
        "schema": 1,
        "kind": "secretsync-backup",
        "created": "2026-11-26T19:38:50Z",
        "project": "/srv/app",
        "entries": described(members),
    }
    change(manifest)
    return packed([*first, member("manifest.json", json.dumps(manifest).encode()), *members])


GOOD = (
    member("env", None),
    member("env/production", None),
    member("env/production/common.env", b"DEBUG=False\n"),
)
