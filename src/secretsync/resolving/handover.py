"""Pass the result of a resolution from `run` to `resolve_config` in the application, through environment variables."""

# $SECRETSYNC_RESOLVED is JSON that contains no value. If it would be large, only its head stays there, and the rest is
# compressed and split into $SECRETSYNC_RESOLVED_1, _2, ... because Linux limits the size of one variable.
# $SECRETSYNC_RESOLVED_KEY is the random key of the digests of all values. It is a variable of its own, because a digest
# whose key is known reveals a short secret. A reader of both variables can read the values themselves beside them.
from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from secretsync.config.config import Resolved
from secretsync.core.errors import UsageError
from secretsync.core.model import Environ, Origin, Secret, variable_text
from secretsync.core.names import is_entry_name, is_environment_name
from secretsync.core.records import Record
from secretsync.planning.plan import EntryId, Plan
from secretsync.planning.request import ConfigRequest
from secretsync.planning.secrecy import secret_entries
from secretsync.project.env_file import EnvFile
from secretsync.project.environ_entries import FILE, variable_entry
from secretsync.project.layout import Project, find_root, named_environment

__all__ = ["KEY_VARIABLE", "VARIABLE", "Handover", "HandoverError", "handover_variables"]

VARIABLE = "SECRETSYNC_RESOLVED"
KEY_VARIABLE = f"{VARIABLE}_KEY"
_SCHEMA = 2
_KEY_BYTES = 16
_MOST_INLINE = 16_384  # characters of the variable; a larger text is compressed
_PART = 120_000  # characters of one further variable, below the limit of Linux (131,071 bytes with the name)
_MOST_PARTS = 100
_MOST_BYTES = 64 * 1024 * 1024  # after decompression
_OF_EVERY_PROCESS = ("HOME", "HOSTNAME", "LANG", "PATH", "TERM", "TZ", "USER")
_HEAD = ("schema", "environment", "root", "bindings", "named", "validates")


class HandoverError(UsageError):
    """The variables of `run` are damaged."""


class Handover(Record, kw_only=True):
    """What `run` resolved: which project, where each value came from, and what its values were, as digests."""

    environment: str | None  # None: the files were not given the name of an environment
    root: str
    is_strict: bool  # by the name of the environment, or without a name by the command
    files: tuple[str, ...] | None  # None: those in the folders of the environment
    bindings: str | None  # None: those in the folders, or none
    named: str | None  # the environment that the variables of the application name at its start
    validates: bool  # False: `run` was told not to validate the values
    services: tuple[str, ...]  # those that were selected
    names: Mapping[str, Mapping[str, Any]]  # key -> file, secret, references, stores, versions, path
    secrets: str  # the digest of all values of secret entries
    settings: str  # the digest of all other values
    key: str  # of both digests, in hexadecimal

    _unseen = ("key", "secrets", "settings")

    @classmethod
    def of(
        cls,
        project: Project,
        services: Sequence[str],
        resolved: Mapping[str, Resolved],
        paths: Mapping[str, str],
        environ: Mapping[str, str],
        *,
        validates: bool,
    ) -> Handover:
        """Return what `run` passes on.

        `paths`: the file of each value that is handed over in a file. `environ`: the environment of the application.
        `validates`: False if the values are to be taken without validation.
        """
        shown = _shown_files(project)
        key = os.urandom(_KEY_BYTES)
        secrets = [(name, found.value) for name, found in resolved.items() if found.origin.is_secret]
        settings = [(name, found.value) for name, found in resolved.items() if not found.origin.is_secret]
        # Folders determine their bindings. A project of variables alone has none, so its bindings may be anywhere.
        bindings = None if project.is_in_folders and project.files else project.bindings
        return cls(
            environment=project.environment,
            root=os.path.realpath(project.root),
            is_strict=project.is_strict,
            files=None if project.is_in_folders else _real_paths(file.path for file in project.files),
            bindings=None if bindings is None else os.path.realpath(bindings.path),
            named=_named(environ),
            validates=validates,
            services=tuple(services),
            names={name: _row(found, shown[found.entry.file], paths.get(name)) for name, found in resolved.items()},
            secrets=_digest(key, secrets),
            settings=_digest(key, settings),
            key=key.hex(),
        )

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Handover | None:
        """Return what `run` passed to this process or to an ancestor; None if no variable of `run` is set.

        Raises HandoverError if the variables are damaged, or were written by another version of SecretSync.
        """
        if VARIABLE not in environ and KEY_VARIABLE not in environ:
            return None
        document = _read(environ)
        key = environ.get(KEY_VARIABLE, "")
        handover = None if document is None else _checked(document, key)
        if handover is None:
            raise HandoverError(
                f"${VARIABLE}: it is damaged, or another version of SecretSync wrote it, so the environment that `run` "
                "resolved is unknown; name the environment, or start the application again"
            )
        return handover

    def to_variables(self) -> dict[str, str]:
        """Return the variables for the environment of the application. All text in them is ASCII."""
        document: dict[str, Any] = {"schema": _SCHEMA}
        for field in self._fields:
            if field != "key":
                document[field] = getattr(self, field)
        text = _dump(document)
        variables = {KEY_VARIABLE: self.key}
        if len(text) <= _MOST_INLINE:
            return {VARIABLE: text, **variables}
        import zlib
        from binascii import b2a_base64

        head = {name: document.pop(name) for name in _HEAD}
        packed = b2a_base64(zlib.compress(_dump(document).encode("ascii")), newline=False).decode("ascii")
        parts = [packed[start : start + _PART] for start in range(0, len(packed), _PART)]
        variables |= {f"{VARIABLE}_{number}": part for number, part in enumerate(parts, 1)}
        return {VARIABLE: _dump({**head, "parts": len(parts)}), **variables}

    @property
    def label(self) -> str:
        """The name of what was resolved, for messages."""
        return self.environment or ", ".join(self.files or ()) or FILE

    def complete(self, source: ConfigRequest, environ: Mapping[str, str]) -> ConfigRequest:
        """Return `source` with what `run` resolved in place of what the caller did not name.

        Raises UsageError if a variable was changed since the start, and now names another environment.
        """
        mine = source._replace(
            environment=self.environment, is_unnamed=self.environment is None, is_judged=self.is_strict
        )
        if source.environment is None and source.files is None:
            self._refuse_other_name(environ)
            return mine._replace(root=source.root or self.root, files=self.files, bindings=self.bindings)
        if source.files is not None:
            is_same = self.files is not None and _real_paths(source.files) == self.files
            return mine if is_same and source.environment is None else source
        if source.environment != self.environment or source.root is not None:
            return source
        try:
            root = find_root(None, environ)
        except UsageError:
            root = self.root
        if os.path.realpath(root) != self.root:
            return source
        return mine._replace(root=self.root, files=self.files, bindings=self.bindings)

    def _refuse_other_name(self, environ: Mapping[str, str]) -> None:
        now = _named(environ)
        if self.environment is not None and now not in (None, self.named, self.environment):
            variable = "SECRETSYNC_ENV" if environ.get("SECRETSYNC_ENV") else "ENVIRONMENT"
            raise UsageError(
                f"${variable}: it was changed after `secretsync run` had resolved {self.environment}, and names "
                "another environment now; name the environment that is meant"
            )

    def is_of(self, project: Project) -> bool:
        """True if `run` resolved this project."""
        if project.environment != self.environment:
            return False
        if project.is_in_folders:
            return self.files is None and os.path.realpath(project.root) == self.root
        bindings = None if project.bindings is None else os.path.realpath(project.bindings.path)
        return _real_paths(file.path for file in project.files) == self.files and bindings == self.bindings

    @property
    def variables(self) -> EnvFile | None:
        """The names that came from placeholders in variables, as entries again; None if there is no such name.

        The variables themselves contain the values now.
        """
        found = [name for name, row in self.names.items() if row["file"] == FILE and is_entry_name(name)]
        entries = tuple(variable_entry(name, f"$<env:{name}>") for name in found)
        return EnvFile(file=FILE, service=None, entries=entries) if entries else None

    def values(self, environ: Mapping[str, str]) -> HandedValues:
        """Return the values that were handed over, as they are in `environ` and in the files now."""
        found: dict[str, Secret] = {}
        for name, row in self.names.items():
            if (value := _value(name, row.get("path"), environ)) is not None:
                found[name] = value
        key = bytes.fromhex(self.key)
        secrets = [(name, value) for name, value in found.items() if self.names[name].get("secret")]
        settings = [(name, value) for name, value in found.items() if not self.names[name].get("secret")]
        return HandedValues(
            handover=self,
            of_names=found,
            are_secrets_intact=_digest(key, secrets) == self.secrets,
            are_settings_intact=_digest(key, settings) == self.settings,
        )

    def handed_names(self, environ: Mapping[str, str]) -> tuple[str, ...]:
        """Return the variables of `environ` that contain what `run` resolved, or name a file that contains it.

        Without PATH and its like, unless they are secrets, because no process can do without them.
        """
        rows = self.names.items()
        names = {name for name, row in rows if name not in _OF_EVERY_PROCESS or row.get("secret")}
        names |= {f"{name}_FILE" for name, row in rows if "path" in row}
        return tuple(sorted(name for name in names if name in environ))

    def hide(self, environ: Mapping[str, str], kept: Collection[str] = ()) -> Environ:
        """Return `environ` without the variables that `run` set, so that no other configuration contains them.

        `kept`: the names of variables that stay.
        """
        hidden = set(self.handed_names(environ)).difference(kept)
        return _PartialEnviron(environ, frozenset((*hidden, *handover_variables(environ))))


class HandedValues(Record, kw_only=True):
    """The values that `run` handed over, and which of them are still those that it resolved."""

    handover: Handover
    of_names: Mapping[str, Secret]
    are_secrets_intact: bool
    are_settings_intact: bool

    _unseen = ("of_names",)

    def resolved(self, plan: Plan) -> dict[EntryId, Resolved]:
        """Return the entries of `plan` that `run` resolved; none if a secret was changed since."""
        if not self.are_secrets_intact:
            return {}
        found: dict[EntryId, Resolved] = {}
        secret = secret_entries(plan)
        shown = {**{of_run: here for here, of_run in _shown_files(plan.project).items()}, FILE: FILE}
        for name, value in self.of_names.items():
            row = self.handover.names[name]
            entry_id = (shown.get(row["file"], row["file"]), name)  # a file that is gone keeps its name in the row
            if (planned := plan.entries.get(entry_id)) is None:
                continue
            entry = planned.entry
            origin = Origin(
                key=name,
                file=entry.file,
                line=entry.line,
                service=entry.service,
                is_secret=bool(row.get("secret")) or entry_id in secret,
                references=tuple(row.get("references", ())),
                stores=tuple(row.get("stores", ())),
                versions=tuple(row.get("versions", ())),
            )
            found[entry_id] = Resolved(entry, value, origin, (value,), is_from_store=origin.is_secret)
        return found


class _PartialEnviron(Environ):
    """The process environment without some of its variables."""

    __slots__ = ("__hidden",)

    def __init__(self, environ: Mapping[str, str], hidden: frozenset[str]) -> None:
        super().__init__(environ)
        self.__hidden = hidden

    def __getitem__(self, key: str) -> str:
        if key in self.__hidden:
            raise KeyError(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        return key not in self.__hidden and super().__contains__(key)

    def __iter__(self) -> Iterator[str]:
        return (name for name in super().__iter__() if name not in self.__hidden)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def handover_variables(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of all variables that some `run` set for its own use."""
    return tuple(
        name
        for name in environ
        if name in (VARIABLE, KEY_VARIABLE)
        or (name.startswith(f"{VARIABLE}_") and name.removeprefix(f"{VARIABLE}_").isdecimal())
    )


def _row(found: Resolved, file: str, path: str | None) -> dict[str, Any]:
    """Return the origin of one value without what is empty."""
    origin = found.origin
    row: dict[str, Any] = {
        "secret": origin.is_secret,
        "references": origin.references,
        "stores": origin.stores,
        "versions": origin.versions,
        "path": path,
    }
    return {"file": file, **{name: value for name, value in row.items() if value}}


def _shown_files(project: Project) -> dict[str, str]:
    """Return each file's name in the variable. Files that were named one by one get their absolute path there.

    Otherwise an application in another working directory could not name the same file. The entries of a pipe become
    entries of the process environment.
    """
    if project.is_in_folders:
        return {FILE: FILE, **{source.shown: source.shown for source in project.files}}
    files = {source.shown: os.path.realpath(source.path) for source in project.files}
    return {FILE: FILE, **{shown: path if os.path.isfile(path) else FILE for shown, path in files.items()}}


def _real_paths(paths: Iterable[str]) -> tuple[str, ...]:
    """Return the regular files without links. A file that is named twice counts where it was named last.

    A pipe is not among them, because the application cannot read it a second time.
    """
    real = [os.path.realpath(path) for path in paths if os.path.isfile(path)]
    return tuple(reversed(dict.fromkeys(reversed(real))))


def _named(environ: Mapping[str, str]) -> str | None:
    """Return the environment that the variables name; "" for a text that cannot be a name and is not repeated."""
    name = named_environment(environ)
    return name if name is None or is_environment_name(name) else ""


def _value(name: str, path: str | None, environ: Mapping[str, str]) -> Secret | None:
    """Return the value of `name` in its variable or its file; None if it does not exist any more."""
    if path is None:
        return Secret(variable_text(environ[name])) if name in environ else None
    from secretsync.providers.files import read_secret_file

    data = read_secret_file(path)
    return Secret(data.decode("utf-8", "surrogateescape")) if isinstance(data, bytes) else None


def _digest(key: bytes, values: Iterable[tuple[str, Secret]]) -> str:
    """Return the keyed digest of all names and values, in hexadecimal."""
    try:
        from _blake2 import blake2b  # hashlib loads OpenSSL, which costs every start several milliseconds
    except ImportError:
        from hashlib import blake2b

    digest = blake2b(key=key, digest_size=16)
    for name, value in sorted(values, key=lambda pair: pair[0]):
        for text in (name, value.reveal()):
            data = text.encode("utf-8", "surrogateescape")
            digest.update(len(data).to_bytes(8, "big"))
            digest.update(data)
    return digest.hexdigest()


def _dump(document: Mapping[str, Any]) -> str:
    import json

    return json.dumps(document, ensure_ascii=True, separators=(",", ":"))


def _read(environ: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the document in the variables; None if it is damaged."""
    head = _parse(environ.get(VARIABLE, ""))
    if head is None or head.get("schema") != _SCHEMA:
        return None
    if "parts" not in head:
        return head
    count = head.pop("parts")
    if not isinstance(count, int) or not 0 < count <= _MOST_PARTS:
        return None
    import zlib
    from binascii import a2b_base64

    packed = "".join(environ.get(f"{VARIABLE}_{number}", "") for number in range(1, count + 1))
    try:
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(a2b_base64(packed, strict_mode=True), _MOST_BYTES)
        text = data.decode("ascii") if unpacker.eof and not unpacker.unused_data else ""
    except (ValueError, zlib.error):
        return None
    rest = _parse(text)
    return None if rest is None else {**rest, **head}


def _parse(text: str) -> dict[str, Any] | None:
    if not text:
        return None
    import json

    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _checked(document: Mapping[str, Any], key: str) -> Handover | None:
    """Return the document as a Handover; None if a part is not there or not of its type."""
    text, name = str, (str, type(None))
    types: dict[str, Any] = {"environment": name, "root": text, "bindings": name, "named": name, "validates": bool}
    types |= {"is_strict": bool, "names": dict, "secrets": text, "settings": text}
    if not all(field in document and isinstance(document[field], kind) for field, kind in types.items()):
        return None
    services, files = document.get("services"), document.get("files")
    is_sound = (
        _are_strings(services)
        and (files is None or _are_strings(files))
        and all(_is_row(row) for row in document["names"].values())
        and len(key) == 2 * _KEY_BYTES
        and all(character in "0123456789abcdef" for character in key)
    )
    if not is_sound or (files is None and document["environment"] is None):
        return None
    fields = {field: document[field] for field in types}
    return Handover(**fields, services=tuple(services or ()), files=None if files is None else tuple(files), key=key)


def _is_row(row: object) -> bool:
    if not isinstance(row, dict) or not isinstance(row.get("file"), str) or not isinstance(row.get("path", ""), str):
        return False
    versions = row.get("versions", [])
    return (
        _are_strings(row.get("references", []))
        and _are_strings(row.get("stores", []))
        and isinstance(versions, list)
        and all(version is None or isinstance(version, str) for version in versions)
    )


def _are_strings(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
