"""Put inherited variables above the env files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from secretsync.core.model import Entry
from secretsync.core.records import replace
from secretsync.core.secret import variable_text
from secretsync.planning.plan import Plan
from secretsync.planning.secrecy import secret_entries
from secretsync.project.env_file import EnvFile
from secretsync.project.environ_entries import FILE, variable_entry


def winning_variables(
    plan: Plan, environ: Mapping[str, str], winners: Iterable[str], variables: EnvFile | None
) -> EnvFile:
    """Return the inherited variables whose names are settings of `plan`, as entries.

    `winners`: the names that the application inherits. `variables`: the inherited variables with placeholders, which
    stay placeholders. A key that is secret in one of the files keeps the value of the files.
    """
    secret = {key for _, key in secret_entries(plan)}
    settings = {key for file, key in plan.entries if file != FILE and key not in secret}
    placeholders = () if variables is None else variables.entries
    entries = {entry.key: entry for entry in placeholders if entry.key in settings}
    for name in winners:
        if name in settings and name in environ and name not in entries:
            entries[name] = replace(variable_entry(name, variable_text(environ[name])), literal=True)
    return EnvFile(file=FILE, service=None, entries=tuple(entries.values()))


def above(files: Sequence[EnvFile], variables: EnvFile) -> tuple[EnvFile, ...]:
    """Return the layers of a plan with `variables` above `files`, also above the files of services.

    Other placeholders in variables, which are among `files`, stay below the files.
    """
    names = {entry.key for entry in variables.entries}
    rest = [replace(file, entries=_without(file.entries, names)) for file in files if file.file != FILE]
    lower = [entry for file in files if file.file == FILE for entry in file.entries if entry.key not in names]
    used = {entry.key for file in rest for entry in file.entries}
    # One file is one layer. A placeholder in a variable that no file defines has the same value in any layer.
    entries = (*variables.entries, *(entry for entry in lower if entry.key not in used))
    return (*rest, replace(variables, entries=entries))


def _without(entries: Iterable[Entry], names: set[str]) -> tuple[Entry, ...]:
    return tuple(entry for entry in entries if entry.key not in names)
