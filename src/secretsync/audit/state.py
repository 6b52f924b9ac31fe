"""Read the evidence of an audit from the file system and from git."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping

from secretsync.audit.evidence import FileState, GitFailure, GitState
from secretsync.audit.git import is_private_path, secret_folders
from secretsync.core.system.git import GitError, ignored_paths, run_git
from secretsync.planning.plan import Plan
from secretsync.project.env_file import read_env_file
from secretsync.project.layout import Project, policy_file

_MOST_RENDERED = 500  # files in the form of an env file outside env/ that are looked into


def owners(project: Project) -> frozenset[int]:
    """Return the users that may own the files of a project: root, the current user, the owner of the project."""
    return frozenset({0, os.geteuid(), os.stat(project.root).st_uid})


def file_states(project: Project) -> tuple[FileState, ...]:
    """Return the modes and owners of the files of an environment, and of their directories."""
    paths = {source.shown: source.path for source in project.files}
    for source in (project.bindings, policy_file(project)):
        if source is not None:
            paths[source.shown] = source.path
    folders = {".": project.root}
    if project.is_in_folders and project.environment is not None:
        folders["env"] = os.path.join(project.root, "env")
        folders[f"env/{project.environment}"] = os.path.join(project.root, "env", project.environment)
        folders["providers"] = os.path.join(project.root, "providers")
    found = []
    for shown, path in (*folders.items(), *paths.items()):
        try:
            status = os.stat(path)
        except OSError:
            continue  # the plan has read every file, so this is a directory that is not needed
        found.append(
            FileState(
                shown=shown,
                mode=stat.S_IMODE(status.st_mode),
                owner=status.st_uid,
                is_folder=stat.S_ISDIR(status.st_mode),
            )
        )
    return tuple(found)


def git_state(plan: Plan, environ: Mapping[str, str]) -> GitState | GitFailure:
    """Return the answers of git on the project's directory, or the reason why git did not answer."""
    root = plan.project.root
    ours = [state.shown for state in file_states(plan.project) if not state.is_folder]
    folders = secret_folders(plan)
    wanted = [":(glob)**/.env*", ":(glob)**/.secrets/**", ":(glob)**/.secretsync-*"]
    wanted += [f":(literal){folder}" for folder in folders]
    try:
        tracked = _listed(root, environ)
        untracked = _listed(root, environ, "--others", "--exclude-standard", "--", *wanted)
        ignored = ignored_paths(root, environ, ours, keeps_index=True)
    except GitError as error:
        return GitFailure(error.cause, error.hint)
    exposed = [path for path in untracked if is_private_path(path, folders)]
    names = _env_files(tracked)
    read = [read_env_file(os.path.join(root, path), file=path, service=None) for path in names[:_MOST_RENDERED]]
    return GitState(
        tracked=tuple(tracked),
        ignored=ignored,
        exposed=tuple(sorted(exposed)),
        rendered=tuple(read),
        unread=len(names[_MOST_RENDERED:]),
    )


def _listed(root: str, environ: Mapping[str, str], *arguments: str) -> list[str]:
    """Return the paths that `git ls-files` prints."""
    text = run_git(root, environ, "ls-files", "-z", *arguments, keeps_index=True)
    return [path for path in text.split("\0") if path]


def _env_files(tracked: list[str]) -> list[str]:
    """Return the tracked files in the form of an env file outside env/."""
    names = []
    for path in tracked:
        name = path.rsplit("/", 1)[-1]
        if (name.endswith(".env") or name.startswith(".env")) and not path.startswith("env/"):
            names.append(path)
    return names
