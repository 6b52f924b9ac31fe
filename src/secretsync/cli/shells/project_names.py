"""List the names that a project has, for completion. No store is asked, and no value is returned."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping

from secretsync.core.model import Entry
from secretsync.core.names import is_key
from secretsync.core.timestamps import format_timestamp
from secretsync.project.bindings import Bindings
from secretsync.project.bindings_file import read_bindings
from secretsync.project.env_file import read_env_file
from secretsync.project.layout import Project, environments, find_root, named_environment, open_files, open_project
from secretsync.providers.registry import BUILT_IN, provider_names

Words = dict[str, str]  # each name with its help, which may be empty

_BARE_NAME = re.compile(r"\$<([A-Za-z_][A-Za-z0-9_.-]*)(?=[>?]|:[-?])")


class ProjectNames:
    """The names of the project that the options select. A method raises a SecretSyncError if it cannot be read."""

    def __init__(self, given: Mapping[str, list[str]], environ: Mapping[str, str]) -> None:
        """Select a project. `given`: the values of the options so far, by their long names."""
        self._given = given
        self._environ = environ

    def environments(self) -> Words:
        """Return the environments."""
        return dict.fromkeys(environments(self._root()), "")

    def services(self) -> Words:
        """Return the services of the environments."""
        return {service: "" for project in self._projects() for service in project.services}

    def keys(self) -> Words:
        """Return the keys of the env files, each with the file that has it."""
        return {entry.key: entry.file for project in self._projects() for entry in _entries(project)}

    def secrets(self) -> Words:
        """Return the names of secrets: those in the bindings, and those in placeholders."""
        found: Words = {}
        for project in self._projects():
            for entry in _entries(project):
                if not entry.literal:
                    found.update(dict.fromkeys(_BARE_NAME.findall(entry.text), entry.file))
            found.update(dict.fromkeys(_bindings(project).secrets, project.bindings.shown if project.bindings else ""))
        return found

    def stores(self) -> Words:
        """Return the stores: those of the bindings, and those that need no settings."""
        named = {name: "" for project in self._projects() for name in _bindings(project).stores}
        return named | dict.fromkeys(BUILT_IN, "")

    def places(self) -> Words:
        """Return the beginning of a reference for each store."""
        return {f"{name}:": text for name, text in self.stores().items()}

    def providers(self) -> Words:
        """Return the installed providers."""
        return dict.fromkeys(provider_names(), "")

    def records(self) -> Words:
        """Return the names of the records of the environment, the newest first, and the environments."""
        from secretsync.tracking.track import history_file, records_of

        found: Words = {}
        if self._environment() is not None:
            for project in self._projects():
                path = history_file(project, self._last("--history"))
                for number, record in enumerate(reversed(records_of(project, path))):
                    found[f"HEAD~{number}" if number else "HEAD"] = format_timestamp(record.time)
        return found | self.environments()

    def variables(self) -> Words:
        """Return the names of inherited variables."""
        return {name: "" for name in sorted(self._environ) if is_key(name)}

    def _last(self, option: str) -> str | None:
        values = self._given.get(option)
        return os.path.expanduser(values[-1]) if values else None

    def _root(self) -> str:
        return find_root(self._last("--root"), self._environ)

    def _environment(self) -> str | None:
        return self._last("--environment") or named_environment(self._environ)

    def _projects(self) -> Iterator[Project]:
        """Yield the environment that is named, or else every environment of the project."""
        named_files = [*self._given.get("--env-file", ()), *self._given.get("--env-file-optional", ())]
        files = [os.path.expanduser(path) for path in named_files]
        if files:
            yield open_files(files, self._last("--bindings"), root=self._last("--root"), optional=files)
            return
        root = self._root()
        named = self._environment()
        for name in environments(root) if named is None else (named,):
            yield open_project(name, root)


def _entries(project: Project) -> Iterator[Entry]:
    for source in project.files:
        # Pipes are refused, because reading one would take its content from the command.
        yield from read_env_file(source.path, file=source.shown, service=source.service).entries


def _bindings(project: Project) -> Bindings:
    if project.bindings is None:
        return Bindings()
    return read_bindings(project.bindings.path, project.bindings.shown)
