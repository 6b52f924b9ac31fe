"""Read what an application was started with: from the hand-over of its process, or from the record of `run`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from secretsync.core.exact_json import NotJsonError, parse_json
from secretsync.core.model import SecretRef
from secretsync.core.records import Record
from secretsync.core.secret import Secret
from secretsync.core.timestamps import format_timestamp, parse_timestamp
from secretsync.planning.request import ConfigRequest
from secretsync.project.placeholders import StorePath, parse_reference
from secretsync.resolving.handover import Handover
from secretsync.resolving.handover_codec import are_strings, content_digest

_SCHEMA = 1
_KEY_TEXT = Secret("the key of a record")
_TYPES: Mapping[str, Any] = {
    "project": str,
    "environment": (str, type(None)),
    "root": str,
    "files": (list, type(None)),
    "bindings": (str, type(None)),
    "services": list,
    "pid": (int, type(None)),
    "started": str,
    "key_id": str,
    "secrets": list,
}


class UsedSecret(Record, kw_only=True):
    """A secret that an application was started with."""

    variable: str
    key: str
    file: str
    reference: str
    version: str | None
    digest: str | None  # of a file without a version
    ref: SecretRef | None  # the whole secret; None if the reference is not one


class Started(Record, kw_only=True):
    """What an application was started with, without values."""

    environment: str | None
    root: str
    files: tuple[str, ...] | None
    bindings: str | None
    services: tuple[str, ...]
    pid: int | None
    started: datetime | None  # None: the time cannot be one
    key_id: str  # of the key of the digests
    secrets: tuple[UsedSecret, ...]
    name: str = ""  # for messages
    program: str | None = None
    record: str | None = None  # the file that `run` keeps up to date
    is_trusted: bool = False  # True: only this user and root can have written it
    key: bytes | None = None  # of the digests; None: it is not known

    _unseen = ("key",)

    @classmethod
    def of_handover(cls, handover: Handover, pid: int | None) -> Started:
        """Return what `handover` says."""
        key = bytes.fromhex(handover.key)
        return cls(
            environment=handover.environment,
            root=handover.root,
            files=handover.files,
            bindings=handover.bindings,
            services=handover.services,
            pid=pid,
            started=_moment(handover.started),
            key_id=content_digest(key, _KEY_TEXT),
            secrets=tuple(_used(handover.names)),
            record=handover.record,
            key=key,
        )

    @property
    def label(self) -> str:
        """The name of the environment, or the files of one without a name."""
        return self.environment or ", ".join(self.files or ()) or "-"

    @property
    def is_reproducible(self) -> bool:
        """True if the configuration is in env files, which can be read again."""
        return (self.files is None and self.bindings is None) or bool(self.files)

    @property
    def place(self) -> tuple[object, ...]:
        """What the configuration was made from. Two processes with one place have one plan."""
        return self.environment, self.root, self.files, self.bindings, self.services

    def request(self, root: str | None = None) -> ConfigRequest:
        """Return the request for the configuration of the application. `root`: in place of its own folder."""
        return ConfigRequest(
            environment=self.environment,
            root=root or self.root,
            files=self.files,
            bindings=self.bindings,
            services=self.services if self.files is None else None,
            is_unnamed=self.environment is None,
            is_judged=True,
        )

    def of(self, ref: SecretRef) -> list[UsedSecret]:
        """Return the uses of one secret."""
        return [used for used in self.secrets if used.ref == ref]

    def is_same(self, used: UsedSecret, content: Secret) -> bool | None:
        """Return True if a file has the content that the application was started with; None if that is not known."""
        if used.digest is None or self.key is None:
            return None
        return content_digest(self.key, content) == used.digest


def record_of(handover: Handover, project: str, pid: int | None) -> dict[str, object]:
    """Return the document of --record. It has no value, and not the key of its digests."""
    started = Started.of_handover(handover, pid)
    return {
        "schema": _SCHEMA,
        "project": project,
        "environment": started.environment,
        "root": started.root,
        "files": None if started.files is None else list(started.files),
        "bindings": started.bindings,
        "services": list(started.services),
        "pid": pid,
        "started": format_timestamp(started.started or datetime.now(UTC)),
        "key_id": started.key_id,
        "secrets": [
            {
                "variable": used.variable,
                "key": used.key,
                "file": used.file,
                "reference": used.reference,
                "version": used.version,
                "digest": used.digest,
            }
            for used in started.secrets
        ],
    }


def parse_record(data: bytes) -> Started | None:
    """Return what a record says; None if `data` is not a record."""
    try:
        document = parse_json(data.decode("utf-8-sig"), integer=_integer, decimal=float)
    except (UnicodeDecodeError, NotJsonError, RecursionError):
        return None
    if not isinstance(document, dict) or document.get("schema") != _SCHEMA:
        return None
    fields = {name: document.get(name, ...) for name in _TYPES}
    if not all(isinstance(fields[name], kind) for name, kind in _TYPES.items()):
        return None
    secrets = [_parse_used(row) for row in fields.pop("secrets")]
    lists = (fields["services"], fields["files"] if fields["files"] is not None else [])
    if None in secrets or not all(map(are_strings, lists)):
        return None
    del fields["project"]
    started = parse_timestamp(fields.pop("started"))
    fields["files"] = None if fields["files"] is None else tuple(fields["files"])
    fields["services"] = tuple(fields["services"])
    return Started(**fields, started=started, secrets=tuple(one for one in secrets if one is not None))


def _integer(digits: str) -> int | None:
    return int(digits) if len(digits) <= 15 else None


def _parse_used(row: Any) -> UsedSecret | None:
    texts = ("variable", "key", "file", "reference")
    if not isinstance(row, dict) or not all(isinstance(row.get(name), str) for name in texts):
        return None
    if not all(isinstance(row.get(name), str | None) for name in ("version", "digest")):
        return None
    fields: dict[str, Any] = {name: row.get(name) for name in (*texts, "version", "digest")}
    return UsedSecret(**fields, ref=_ref(fields["reference"]))


def _used(names: Mapping[str, Mapping[str, Any]]) -> Iterator[UsedSecret]:
    for name, row in sorted(names.items()):
        references: Sequence[str] = row.get("references", ())
        versions, digests = row.get("versions", ()), row.get("digests", ())
        for index, reference in enumerate(references):
            yield UsedSecret(
                variable=name,
                key=row.get("key", name),
                file=row["file"],
                reference=reference,
                version=versions[index] if index < len(versions) else None,
                digest=digests[index] if index < len(digests) else None,
                ref=_ref(reference),
            )


def _ref(reference: str) -> SecretRef | None:
    parsed = parse_reference(reference)
    if not isinstance(parsed, StorePath):
        return None
    options = dict(parsed.options)
    return SecretRef(parsed.store, parsed.path, options.get("version"), options.get("stage"))


def _moment(seconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None
