"""What `run` leaves for `resolve_config` inside the application: which names it resolved, where, and no value."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from secretsync.config import Resolved
from secretsync.envfiles import EnvFile
from secretsync.model import Origin, Secret, variable_text
from secretsync.names import is_entry_name
from secretsync.plan import EntryId, Plan
from secretsync.project import Project
from secretsync.secrecy import secret_entries
from secretsync.variables import FILE, variable_entry

__all__ = ["VARIABLE", "describe", "has_resolved", "project", "read", "services", "variables"]

VARIABLE = "SECRETSYNC_RESOLVED"
_SCHEMA = 1


def describe(of: Project, selected: Sequence[str], resolved: Mapping[str, Resolved], paths: Mapping[str, str]) -> str:
    """The text of the variable: the project, the services that were selected, and what is known of each name.

    `paths`: the names whose values are in files, and those.
    """
    import json

    told_files = _told_files(of)
    names: dict[str, dict[str, object]] = {
        key: {
            "file": told_files[found.entry.file],
            "secret": found.origin.is_secret,
            "references": list(found.origin.references),
            "stores": list(found.origin.stores),
            "versions": list(found.origin.versions),
        }
        for key, found in resolved.items()
    }
    for key, path in paths.items():
        names[key]["path"] = path
    document = {"schema": _SCHEMA, **_identity(of), "services": list(selected), "names": names}
    return json.dumps(document, ensure_ascii=True, separators=(",", ":"))


def _identity(of: Project) -> dict[str, object]:
    """What makes two resolutions the same: the environment, or the files in its place, and where they are."""
    if of.environment is not None:
        return {"environment": of.environment, "root": os.path.realpath(of.root)}
    bindings = None if of.bindings is None else os.path.realpath(of.bindings.path)
    return {"files": [os.path.realpath(source.path) for source in of.files], "bindings": bindings}


def _told_files(of: Project) -> dict[str, str]:
    """What each file is called in the variable: the application may name the same files from another folder."""
    if of.environment is not None:
        return {FILE: FILE, **{source.shown: source.shown for source in of.files}}
    return {FILE: FILE, **{source.shown: os.path.realpath(source.path) for source in of.files}}


def project(environ: Mapping[str, str]) -> tuple[str | None, str | None, tuple[str, ...] | None, str | None] | None:
    """Environment, root, files and bindings of what `run` resolved for this process; None where it was not there."""
    document = _parse(environ.get(VARIABLE, ""))
    if document is None:
        return None
    environment, root, bindings = (document.get(key) for key in ("environment", "root", "bindings"))
    if isinstance(environment, str) and isinstance(root, str):
        return environment, root, None, None
    files = document.get("files")
    if isinstance(files, list) and files and all(isinstance(file, str) for file in files):
        return None, None, tuple(files), bindings if isinstance(bindings, str) else None
    return None


def variables(environ: Mapping[str, str]) -> EnvFile | None:
    """The names that came from placeholders in variables, as entries again; None where there is none.

    The variables themselves hold the values by now.
    """
    document = _parse(environ.get(VARIABLE, ""))
    names = {} if document is None else document["names"]
    found = [key for key, told in names.items() if told.get("file") == FILE and is_entry_name(key)]
    entries = tuple(variable_entry(key, f"$<env:{key}>") for key in found)
    return EnvFile(file=FILE, service=None, entries=entries) if entries else None


def services(of: Project, environ: Mapping[str, str]) -> tuple[str, ...] | None:
    """The services that `run` selected, where it resolved this very project; None otherwise."""
    document = _parse(environ.get(VARIABLE, ""))
    if document is None or not _is_of(of, document):
        return None
    return tuple(name for name in _strings(document.get("services")) if name in of.services)


def has_resolved(of: Project, environ: Mapping[str, str]) -> bool:
    """Whether `run` started this process with this very project resolved."""
    document = _parse(environ.get(VARIABLE, ""))
    return document is not None and _is_of(of, document)


def read(plan: Plan, environ: Mapping[str, str]) -> dict[EntryId, Resolved]:
    """The entries that `run` resolved for this very project, with the values that it handed over.

    Empty where `run` was not there, or resolved something else.
    """
    document = _parse(environ.get(VARIABLE, ""))
    if document is None or not _is_of(plan.project, document):
        return {}
    found: dict[EntryId, Resolved] = {}
    secret = secret_entries(plan)
    files = {told: shown for shown, told in _told_files(plan.project).items()}
    for key, told in document["names"].items():
        entry_id = (files.get(str(told.get("file")), ""), key)
        planned = plan.entries.get(entry_id)
        value = _value(key, told.get("path"), environ)
        if planned is None or value is None:
            continue
        entry = planned.entry
        origin = Origin(
            key=key,
            file=entry.file,
            line=entry.line,
            service=entry.service,
            is_secret=bool(told.get("secret")) or entry_id in secret,
            references=_strings(told.get("references")),
            stores=_strings(told.get("stores")),
            versions=tuple(version if isinstance(version, str) else None for version in _list(told.get("versions"))),
        )
        found[entry_id] = Resolved(entry, value, origin, (value,), is_from_store=origin.is_secret)
    return found


def _value(key: str, path: object, environ: Mapping[str, str]) -> Secret | None:
    """What `run` handed over for `key`: in its variable, or in its file; None where it is not there any more."""
    if path is None:
        return Secret(variable_text(environ[key])) if key in environ else None
    if not isinstance(path, str):
        return None
    from secretsync.providers.files import read_secret_file

    data = read_secret_file(path)
    return Secret(data.decode("utf-8", "surrogateescape")) if isinstance(data, bytes) else None


def _is_of(of: Project, document: Mapping[str, Any]) -> bool:
    return all(document.get(key) == value for key, value in _identity(of).items())


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _strings(value: object) -> tuple[str, ...]:
    return tuple(item for item in _list(value) if isinstance(item, str))


def _parse(text: str) -> dict[str, Any] | None:
    """The document, or None where the variable is not ours or was changed."""
    if not text:
        return None
    import json

    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or document.get("schema") != _SCHEMA:
        return None
    names = document.get("names")
    if not isinstance(names, dict) or not all(isinstance(told, dict) for told in names.values()):
        return None
    return document
