"""What `run` resolved, for `resolve_config` in the application that it starts."""

from __future__ import annotations

import os
import time

from secretsync.config.config import Config
from secretsync.core.errors import UsageError
from secretsync.core.files import STANDARD_INPUT
from secretsync.core.model import Resolved
from secretsync.core.names import is_environment_name, is_key
from secretsync.core.records import Record, replace
from secretsync.core.secret import Environ, Secret
from secretsync.planning.request import ConfigRequest
from secretsync.project.env_file import EnvFile
from secretsync.project.environ_entries import FILE, variable_entry
from secretsync.project.layout import Project, find_root, named_environment
from secretsync.resolving.handover_codec import (
    KEY_BYTES,
    KEY_VARIABLE,
    VALUE_PREFIX,
    VARIABLE,
    content_digest,
    decode,
    digests,
    encode,
    handover_variables,
    value_variables,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from typing import Any

_OF_EVERY_PROCESS = ("HOME", "HOSTNAME", "LANG", "PATH", "TERM", "TZ", "USER")


class HandoverError(UsageError):
    """The variables of `run` are damaged."""


class Handover(Record, kw_only=True):
    """The result of `run`: the project, where each value came from, and digests of the values."""

    environment: str | None  # None: the files were not given the name of an environment
    root: str
    is_strict: bool
    files: tuple[str, ...] | None  # None: those in the folders of the environment
    bindings: str | None  # None: those in the folders, or none
    named: str | None  # the environment that the variables of the application name at its start
    validates: bool  # False: `run` had the option not to validate the values
    services: tuple[str, ...]  # those that were selected
    withheld: tuple[str, ...]  # variables for the access to stores that the application does not have
    started: int  # when the values had been read, in seconds since 1970
    record: str | None  # the file of --record
    names: Mapping[str, Mapping[str, Any]]  # variable -> file, key, secret, references, stores, versions, digests, path
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
        is_strict: bool,
        withheld: Sequence[str],
        validates: bool,
        record: str | None = None,
        key: bytes | None = None,
    ) -> Handover:
        """Return what `run` passes on.

        `resolved`: by the names of their variables. `paths`: the file of each value that is handed over in a file.
        `environ`: the environment of the application. `is_strict`: True if the name or the bindings make it strict.
        `withheld`: the variables for the access to stores that `environ` does not have.
        `validates`: False if the values are to be taken without validation. `record`: the file of --record.
        `key`: of the digests; None means a new one.
        """
        shown = handed_files(project)
        key = os.urandom(KEY_BYTES) if key is None else key[:KEY_BYTES]
        secret = [name for name, found in resolved.items() if found.is_secret]
        secrets, settings = digests(key, {name: found.value for name, found in resolved.items()}, secret)
        # Folders determine their bindings. A project of variables alone has none, so its bindings may be anywhere.
        bindings = None if project.is_in_folders and project.files else project.bindings
        return cls(
            environment=project.environment,
            root=os.path.realpath(project.root),
            is_strict=is_strict,
            files=None if project.is_in_folders else _real_paths(file.path for file in project.files),
            bindings=None if bindings is None else os.path.realpath(bindings.path),
            named=_named(environ),
            validates=validates,
            services=tuple(services),
            withheld=tuple(withheld),
            started=int(time.time()),
            record=None if record is None else os.path.abspath(record),
            names={
                name: _row(name, found, shown[found.entry.file], paths.get(name), key)
                for name, found in resolved.items()
            },
            secrets=secrets,
            settings=settings,
            key=key.hex(),
        )

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Handover | None:
        """Return what `run` passed to this process or to an ancestor; None if no variable of `run` is set.

        Raises HandoverError if the variables are damaged, or were written by another version of SecretSync.
        """
        if VARIABLE not in environ and KEY_VARIABLE not in environ:
            return None
        fields = decode(environ)
        if fields is None:
            raise HandoverError(
                f"${VARIABLE}: it is damaged, or another version of SecretSync wrote it, so the environment that `run` "
                "resolved is unknown; name the environment, or start the application again"
            )
        return cls(**fields)

    def to_variables(self) -> dict[str, str]:
        """Return the variables for the environment of the application. All text in them is ASCII."""
        return encode({field: getattr(self, field) for field in self._fields})

    @property
    def label(self) -> str:
        """The name of what was resolved, for messages."""
        return self.environment or ", ".join(self.files or ()) or FILE

    def complete(self, source: ConfigRequest, environ: Mapping[str, str]) -> ConfigRequest:
        """Return `source` with what `run` resolved in place of what the caller did not name.

        Raises UsageError if a variable was changed since the start, and now names another environment.
        """
        mine = replace(
            source, environment=self.environment, is_unnamed=self.environment is None, is_judged=self.is_strict
        )
        if source.environment is None and source.files is None:
            self._refuse_other_name(environ)
            return replace(mine, root=source.root or self.root, files=self.files, bindings=self.bindings)
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
        return replace(mine, root=self.root, files=self.files, bindings=self.bindings)

    def _refuse_other_name(self, environ: Mapping[str, str]) -> None:
        now = _named(environ)
        if self.environment is not None and now not in (None, self.named, self.environment):
            variable = "SECRETSYNC_ENV" if environ.get("SECRETSYNC_ENV") else "ENVIRONMENT"
            raise UsageError(
                f"${variable}: it was changed after `secretsync run` had resolved {self.environment}, and names "
                "another environment now; name the environment that is meant"
            )

    def is_of(self, project: Project) -> bool:
        """Return True if `run` resolved this project."""
        if project.environment != self.environment:
            return False
        if project.is_in_folders:
            return self.files is None and os.path.realpath(project.root) == self.root
        bindings = None if project.bindings is None else os.path.realpath(project.bindings.path)
        return _real_paths(file.path for file in project.files) == self.files and bindings == self.bindings

    @property
    def variables(self) -> EnvFile | None:
        """The names that came from variables or from pipes, as entries again; None if there is no such name.

        The variables themselves contain the values now. If `run` read no file, there may be no name at all.
        """
        found = [self.entry_key(name) for name, row in self.names.items() if row["file"] == FILE and is_key(name)]
        entries = tuple(variable_entry(name, f"$<env:{name}>") for name in found)
        return EnvFile(file=FILE, service=None, entries=entries) if entries or self.files == () else None

    def entry_key(self, name: str) -> str:
        """Return the key of the entry whose value is in the variable `name`."""
        key: str = self.names[name].get("key", name)
        return key

    def handed_names(self, environ: Mapping[str, str]) -> tuple[str, ...]:
        """Return the variables of `environ` that contain what `run` resolved, or name a file that contains it.

        PATH and the like are included only if they are secrets, because a process cannot work without them.
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


def hidden_values(config: Config) -> dict[str, Resolved]:
    """Return the values that have no variable, because the file of a service defines their key, by names of their own.

    An application that asks for the shared configuration or for another service needs them.
    """
    return {f"{VALUE_PREFIX}{number}": found for number, found in enumerate(config.overridden(), 1)}


def _row(name: str, found: Resolved, file: str, path: str | None, key: bytes) -> dict[str, Any]:
    """Return the origin of one value without what is empty. `key`: of the digests of secrets without versions."""
    origin = found.origin
    row: dict[str, Any] = {
        "key": None if origin.key == name else origin.key,
        "secret": origin.is_secret,
        "references": origin.references,
        "stores": origin.stores,
        "versions": origin.versions,
        "digests": [None if one is None else content_digest(key, one) for one in found.contents],
        "path": path,
        "pieces": 0 if path else _pieces(name, found),
    }
    return {"file": file, **{name: value for name, value in row.items() if value}}


def _pieces(name: str, found: Resolved) -> int:
    """Return in how many variables a value without a variable of its own is; 0 for one as it is."""
    is_hidden = name.startswith(VALUE_PREFIX)
    count = len(value_variables(name, found.value.reveal())) if is_hidden else 1
    return count if count > 1 else 0


def handed_variables(name: str, value: Secret) -> dict[str, str]:
    """Return the variables of a value of `hidden_values`, or of another value as it is."""
    return value_variables(name, value.reveal()) if name.startswith(VALUE_PREFIX) else {name: value.reveal()}


def handed_files(project: Project) -> dict[str, str]:
    """Return each file's name in the variable. Files that were named one by one get their absolute path there.

    Otherwise an application in another working directory could not name the same file. The entries of a pipe become
    entries of the process environment.
    """
    if project.is_in_folders:
        return {FILE: FILE, **{source.shown: source.shown for source in project.files}}
    files = {source.shown: source.path for source in project.files}
    return {FILE: FILE, **{shown: (_real_paths([path]) or (FILE,))[0] for shown, path in files.items()}}


def _real_paths(paths: Iterable[str]) -> tuple[str, ...]:
    """Return the regular files without links. A file that is named twice counts where it was named last.

    A pipe and standard input are not among them, because the application cannot read them a second time.
    """
    real = [os.path.realpath(path) for path in paths if path != STANDARD_INPUT and os.path.isfile(path)]
    return tuple(reversed(dict.fromkeys(reversed(real))))


def _named(environ: Mapping[str, str]) -> str | None:
    """Return the environment that the variables name; "" for a text that cannot be a name and is not repeated."""
    name = named_environment(environ)
    return name if name is None or is_environment_name(name) else ""
