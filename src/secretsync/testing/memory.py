"""A store in memory."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from secretsync.core.errors import ProblemKind
from secretsync.core.model import Clock, Failed, Found, Missing, SecretInfo, SecretRef
from secretsync.core.records import replace
from secretsync.core.secret import Payload
from secretsync.providers.interface import Answer, Deadline, Identity, Information, ProviderSpec
from secretsync.providers.writing import Change, Written, unchanged

LONG_TIMEOUT = 60.0  # seconds: a deadline that no test is meant to reach


class MemoryProvider:
    """A store in memory: `resolve_config("test", stores={"vault": MemoryProvider({"secret/app": {"key": "x"}})})`.

    A mapping as a value is a secret of several fields, kept as JSON. `fetched` and `described` list what was asked.
    """

    spec = ProviderSpec(
        name="memory",
        title="A store in memory",
        path_help="any path",
        options=("version", "stage"),
        key="{name}",
        is_writable=True,
    )

    def __init__(self, secrets: Mapping[str, str | bytes | Mapping[str, object]] | None = None) -> None:
        self._versions: dict[str, list[tuple[Payload, SecretInfo]]] = {}
        self._failures: dict[str, Failed] = {}
        self._infos: dict[str, SecretInfo] = {}
        self._hanging = threading.Event()
        self._released = threading.Event()
        self._writing = threading.Lock()
        self.fetched: list[SecretRef] = []
        self.described: list[SecretRef] = []
        for path, value in (secrets or {}).items():
            self.put(path, value)

    def put(self, path: str, value: str | bytes | Mapping[str, object], *, created: datetime | None = None) -> str:
        """Store a new version of the secret at `path`; returns its id. `created`: aware; None: now."""
        versions = self._versions.setdefault(path, [])
        version, moment = str(len(versions) + 1), created or datetime.now(UTC)
        text = value if isinstance(value, str | bytes) else json.dumps(value, ensure_ascii=False)
        info = SecretInfo(version=version, created=moment, clock=Clock.VERSION_CREATED)
        versions.append((Payload(text, version=version, created=moment), info))
        return version

    def describe_as(self, path: str, info: SecretInfo) -> None:
        """Answer questions about the newest version of the secret at `path` with `info` from now on."""
        self._infos[path] = info

    def fail(self, path: str, kind: ProblemKind, cause: str, hint: str | None = None) -> None:
        """Answer for `path` with a failure from now on."""
        self._failures[path] = Failed(kind, cause, hint)

    def hang(self) -> None:
        """Answer nothing any more until `release()`."""
        self._released.clear()
        self._hanging.set()

    def release(self) -> None:
        """End `hang()`."""
        self._hanging.clear()
        self._released.set()

    def fetch(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Answer]:
        """See Provider."""
        self.fetched += refs
        for ref in refs:
            self._wait(deadline)
            outcome = self._find(ref)
            yield ref, Found(outcome[0]) if isinstance(outcome, tuple) else outcome

    def describe(self, refs: Sequence[SecretRef], deadline: Deadline) -> Iterator[Information]:
        """See Provider."""
        self.described += refs
        for ref in refs:
            self._wait(deadline)
            outcome = self._find(ref)
            yield ref, Found(self._info(ref, outcome[1])) if isinstance(outcome, tuple) else outcome

    def write(self, ref: SecretRef, change: Change, deadline: Deadline) -> Found[Written] | Failed:
        """See WritableProvider."""
        self._wait(deadline)
        with self._writing:
            found = self._find(ref)
            if isinstance(found, Failed):
                return found
            present = found[0] if isinstance(found, tuple) else None
            before = None if present is None else present.version
            new = change.apply(present)
            if new is None:
                return unchanged(before)
            if isinstance(new, Failed):
                return new
            after = self.put(ref.path, new.reveal())
            return Found(Written(before=before, after=after, is_new=present is None))

    def _wait(self, deadline: Deadline) -> None:
        if self._hanging.is_set():
            self._released.wait(deadline.remaining() + LONG_TIMEOUT)

    def _find(self, ref: SecretRef) -> tuple[Payload, SecretInfo] | Missing | Failed:
        if ref.path in self._failures:
            return self._failures[ref.path]
        versions = self._versions.get(ref.path, [])
        wanted = [version for version in versions if ref.version in (None, version[1].version)]
        return wanted[-1] if wanted else Missing(f"memory has no {ref.path}")

    def _info(self, ref: SecretRef, info: SecretInfo) -> SecretInfo:
        newest = self._versions[ref.path][-1][1].version
        if info.version == newest and ref.path in self._infos:
            return self._infos[ref.path]
        return info if info.version == newest else replace(info, newer_version=newest)

    def identity(self) -> Identity:
        """See Provider."""
        return Identity(store="memory", provider="memory", endpoint="this process")

    def close(self) -> None:
        """See Provider."""
