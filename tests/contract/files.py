"""A store whose secrets are files, filled and broken by the contract's tests."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NOBODY = 65534

_watchers: list[Callable[[str], None]] = []


def _on_event(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and isinstance(arguments[0], str):
        for watcher in _watchers:
            watcher(arguments[0])


sys.addaudithook(_on_event)  # for ever: Python takes none off; without watchers it does nothing


class FileStore:
    """A folder with one file a secret."""

    lacks = {  # noqa: RUF012 - the contract's declaration
        "pinned version": "a file has one version",
        "metadata": "a file has no tags or descriptions",
        "unavailable": "files are there without a server",
        "throttled": "files are never busy",
        "hung": "files answer at once",
        "garbled answer": "whatever is in a file is the answer",
    }

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.reads = 0

    @classmethod
    @contextmanager
    def open(cls) -> Iterator["FileStore"]:
        """Yield a store in a folder of its own, which another user can reach, until the test ends."""
        folder = Path(tempfile.mkdtemp(prefix="secretsync-files-"))
        folder.chmod(0o755)
        store = cls(folder)
        _watchers.append(store._count)
        try:
            yield store
        finally:
            _watchers.remove(store._count)
            if os.geteuid() != os.getuid():
                os.seteuid(os.getuid())
            shutil.rmtree(folder)

    def _count(self, path: str) -> None:
        self.reads += path.startswith(f"{self.folder}/")

    def path(self, name: str) -> Path:
        """Return the file of the secret called `name`."""
        return self.folder / name

    def put(self, name: str, value: str | bytes) -> str | None:
        """Write the file; writing is no read."""
        before = self.reads
        self.path(name).write_bytes(value.encode() if isinstance(value, str) else value)
        self.reads = before
        return None

    def values_read(self) -> int:
        """Return how often a file was opened."""
        return self.reads

    def deny(self, name: str) -> None:
        """Close the file, and be somebody else where we are root, who may read everything."""
        self.path(name).chmod(0)
        if os.geteuid() == 0:
            os.seteuid(NOBODY)

    def disable(self, name: str) -> None:
        """Put a folder in the file's place."""
        self.path(name).unlink()
        self.path(name).mkdir()

    def edit_metadata(self, name: str) -> None:
        """Files have none."""
        raise NotImplementedError

    def go_down(self) -> None:
        """Files cannot."""
        raise NotImplementedError

    hang = throttle = garble = go_down
