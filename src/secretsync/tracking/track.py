"""Record the state of an environment, and find recorded states."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from secretsync.core.errors import ConfigurationError, ResolutionError, UsageError
from secretsync.core.records import Record
from secretsync.core.system.current_user import actor
from secretsync.core.system.git import GitError, run_git
from secretsync.core.text import count_of
from secretsync.core.timestamps import format_timestamp, parse_timestamp
from secretsync.planning.plan import Plan
from secretsync.planning.request import read_project_names
from secretsync.project.layout import Project
from secretsync.resolving.stores import StoreAccess
from secretsync.tracking.compare import Comparison, compare
from secretsync.tracking.history import EnvironmentState, HistoryRecord
from secretsync.tracking.history_file import append_record, read_history, rewrite_records
from secretsync.tracking.recorded_text import without_secrets
from secretsync.tracking.snapshot import observe

KEPT = 10  # records that a history keeps
_INDEX = re.compile(r"HEAD(?:~(\d{0,6}))?")
# Files that `backup` and `audit --save` write. They are searched in the project and one folder deep.
_KEPT_FILE = re.compile(r"secretsync-\d{8}T\d{6}Z(?:-\d+)?\.tar\.gz|audit-.+-\d{8}T\d{6}Z(?:-\d+)?\.json")


class Tracked(Record, kw_only=True):
    """The result of recording a state."""

    record: HistoryRecord  # the new record, or the last one if nothing has changed since
    is_new: bool
    changes: Comparison | None  # since the previous record; None: there is no previous record


class Purged(Record, kw_only=True):
    """The values that were removed from a history, by the keys of their entries."""

    history: str  # the path for people
    keys: tuple[str, ...]
    other_files: tuple[str, ...]  # archives and saved audits, which may hold the same values


def history_file(project: Project, path: str | None) -> str:
    """Return the path of a project's history. Raises UsageError if the project needs `path` and it is None."""
    if path is not None:
        if path in ("", "-"):
            raise UsageError("--history names a file: it is read as well as written")
        return path
    if not project.is_in_folders:
        raise UsageError("env files have no history of their own; name one: --history FILE")
    return os.path.join(project.root, ".secretsync", "history", f"{project.environment}.json")


def shown_path(project: Project, path: str) -> str:
    """Return `path` for messages: relative to the root if it is below the root."""
    relative = os.path.relpath(path, project.root) if os.path.isabs(path) else path
    return path if relative.startswith("..") else relative


def records_of(project: Project, path: str) -> tuple[HistoryRecord, ...]:
    """Return the records at `path`, the oldest first, without texts that may be secrets.

    Raises ConfigurationError if the file is not a history of this project, or if the policy cannot be read.
    """
    names, problems = read_project_names(project)
    if problems:
        raise ConfigurationError(problems)
    return without_secrets(read_history(path, project.label, shown_path(project, path)), names)[0]


def purge(project: Project, path: str) -> Purged | None:
    """Remove texts that may be secrets from the history at `path`, in one step; return None without such a text.

    Raises ConfigurationError as `records_of` does, and OutputError if the file cannot be written.
    """
    names, problems = read_project_names(project)
    if problems:
        raise ConfigurationError(problems)
    shown = shown_path(project, path)
    if not without_secrets(read_history(path, project.label, shown), names)[1]:
        return None
    removed: list[str] = []

    def clean(records: Sequence[HistoryRecord]) -> Sequence[HistoryRecord] | None:
        cleaned, keys = without_secrets(records, names)
        removed.extend(keys)
        return cleaned if keys else None

    rewrite_records(path, project.label, shown, clean)
    return Purged(history=shown, keys=tuple(removed), other_files=_kept_files(project)) if removed else None


def _kept_files(project: Project) -> tuple[str, ...]:
    """Return the archives of `backup` and the files of `audit --save` in the project and in the working directory."""
    found: dict[str, str] = {}
    for top in dict.fromkeys((project.root, os.getcwd())):
        folders = [top, *(entry.path for entry in _entries(top) if entry.is_dir(follow_symlinks=False))]
        for entry in (entry for folder in folders for entry in _entries(folder)):
            if _KEPT_FILE.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                found[os.path.realpath(entry.path)] = shown_path(project, os.path.abspath(entry.path))
    return tuple(sorted(found.values()))


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:  # a folder of another user holds no file that this user could delete
        return []


def present_state(plan: Plan, access: StoreAccess | None) -> EnvironmentState:
    """Return the present state of a plan's environment. `access`: None means that no store is asked.

    Raises ResolutionError if a store fails or refuses, because an incomplete state would look complete.
    """
    state, problems = observe(plan, None if access is None else access.metadata(plan))
    if problems:
        raise ResolutionError(problems)
    return state


def track(
    plan: Plan,
    environ: Mapping[str, str],
    *,
    path: str,
    message: str | None = None,
    keep: int = KEPT,
    always: bool = False,
    access: StoreAccess | None = None,
    on_purge: Callable[[Purged], None] | None = None,
) -> Tracked:
    """Record the state of a plan's environment in the history at `path`, if it differs from the last record.

    Texts that may be secrets are removed from earlier records first.

    `keep`: the number of records that the history keeps.
    `always`: True if an unchanged state is recorded too.
    `access`: None means that no store is asked.
    `on_purge`: called with the removed values.

    Raises ResolutionError if a store did not answer, ConfigurationError for a damaged history, and OutputError if it
    cannot be written. Nothing is recorded then.
    """
    project = plan.project
    # Before a request to a store: a damaged history is an error, and a secret in it does not wait for a store.
    purged = purge(project, path)
    if purged is not None and on_purge is not None:
        on_purge(purged)
    state = present_state(plan, access)
    commit, is_uncommitted = _commit(project, environ)
    outcome: list[Tracked] = []

    def make(records: Sequence[HistoryRecord]) -> HistoryRecord | None:
        last = records[-1] if records else None
        changes = None if last is None else compare(last.state, state)
        if last is not None and not always and not _is_news(last.state, state, changes):
            outcome.append(Tracked(record=last, is_new=False, changes=changes))
            return None
        record = HistoryRecord(
            time=datetime.now(UTC).replace(microsecond=0),
            state=state,
            actor=actor(environ),
            message=message,
            commit=commit,
            uncommitted=is_uncommitted,
        )
        outcome.append(Tracked(record=record, is_new=True, changes=changes))
        return record

    append_record(path, project.label, shown_path(project, path), make, keep=keep)
    return outcome[0]


def _is_news(last: EnvironmentState, state: EnvironmentState, changes: Comparison | None) -> bool:
    """Return True if something differs, or if `state` is the first one with versions after states without versions."""
    if changes:
        return True
    return not state.offline and (last.offline or last.entries != state.entries or last.stores != state.stores)


def is_record_name(text: str) -> bool:
    """Return True if `text` names a record: HEAD, HEAD~2, or a time."""
    return _INDEX.fullmatch(text) is not None or parse_timestamp(text) is not None


def find_record(records: Sequence[HistoryRecord], text: str, environment: str) -> HistoryRecord:
    """Return the record that `text` names: HEAD is the last, HEAD~1 the one before, a time the last one until then.

    Raises UsageError if there is no such record.
    """
    if not records:
        raise UsageError(f"there is no record of {environment} yet; `secretsync track` makes the first")
    time = parse_timestamp(text)
    if time is not None:
        earlier = [record for record in records if record.time <= time]
        if earlier:
            return earlier[-1]
        raise UsageError(f"no record of {environment} is that old; the first is of {format_timestamp(records[0].time)}")
    match = _INDEX.fullmatch(text)
    back = 0 if match is None or "~" not in text else int(match[1] or 1)
    if back >= len(records):
        there = f"there {'is' if len(records) == 1 else 'are'} {count_of(len(records), 'record')}"
        raise UsageError(f"{text}: {there} of {environment}; `secretsync track --list` shows them")
    return records[-1 - back]


def _commit(project: Project, environ: Mapping[str, str]) -> tuple[str | None, bool]:
    """Return the commit that is checked out, and True if the configuration differs from it; None without git."""
    # git accepts paths that do not exist.
    paths = [file.path for file in project.files] + ([project.bindings.path] if project.bindings else [])
    try:
        commit = run_git(project.root, environ, "rev-parse", "--verify", "--quiet", "HEAD").strip()
    except GitError:
        return None, False
    try:
        return commit, bool(run_git(project.root, environ, "status", "--porcelain", "--", *paths).strip())
    except GitError:
        return commit, False
