"""Reading what an audit looks at from the file system and from git."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Mapping

from secretsync.audit.evidence import FileState, GitState
from secretsync.audit.git import is_private_path, secret_folders
from secretsync.planning.plan import Plan
from secretsync.project.env_file import read_env_file
from secretsync.project.layout import Project, policy_file

__all__ = ["file_states", "git_state", "owners"]

_SECONDS = 20  # that git may take
_MOST_RENDERED = 500  # files in the form of an env file outside env/ that are looked into


def owners(project: Project) -> frozenset[int]:
    """Who may own the files of a project: root, who runs us, who owns the project's folder."""
    return frozenset({0, os.geteuid(), os.stat(project.root).st_uid})


def file_states(project: Project) -> tuple[FileState, ...]:
    """Modes and owners of the files of an environment, and of the folders that they are in."""
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
            continue  # the plan was made of what can be read: this one is a folder that is not needed
        found.append(
            FileState(
                shown=shown,
                mode=stat.S_IMODE(status.st_mode),
                owner=status.st_uid,
                is_folder=stat.S_ISDIR(status.st_mode),
            )
        )
    return tuple(found)


def git_state(plan: Plan, environ: Mapping[str, str]) -> GitState | str:
    """What git says of the project's folder, or why it could not be asked."""
    root = plan.project.root
    try:
        tracked = _git(root, environ, "ls-files", "-z")
        folders = secret_folders(plan)
        wanted = [":(glob)**/.env*", ":(glob)**/.secrets/**", ":(glob)**/.secretsync-*"]
        wanted += [f":(literal){folder}" for folder in folders]
        untracked = _git(root, environ, "ls-files", "-z", "--others", "--exclude-standard", "--", *wanted)
        ours = [state.shown for state in file_states(plan.project) if not state.is_folder]
        ignored = _git(root, environ, "check-ignore", "-z", "-v", "--stdin", given="\0".join(ours))
    except FileNotFoundError:
        return "git is not installed"
    except subprocess.TimeoutExpired:
        return "git did not answer in time"
    except subprocess.CalledProcessError as error:
        said = (error.stderr or "").split("\n")[0]
        refused = "it refused the folder, which another user owns" if "dubious ownership" in said else ""
        return f"git could not be asked: {refused}" if refused else "this is no git repository"
    except OSError as error:
        return f"git could not be started: {error.strerror}"
    exposed = [path for path in untracked if is_private_path(path, folders)]
    names = _env_files(tracked)
    read = [read_env_file(os.path.join(root, path), file=path, service=None) for path in names[:_MOST_RENDERED]]
    return GitState(
        tracked=tuple(tracked),
        ignored=_ignored(ignored),
        exposed=tuple(sorted(exposed)),
        rendered=tuple(read),
        unread=len(names[_MOST_RENDERED:]),
    )


def _git(root: str, environ: Mapping[str, str], *arguments: str, given: str = "") -> list[str]:
    """What git prints, split at NUL."""
    # A hook's git runs us with its own folder in GIT_DIR; its index is the one that counts.
    kept = {name: environ[name] for name in environ if not name.startswith("GIT_") or name == "GIT_INDEX_FILE"}
    done = subprocess.run(
        # No program that the repository's configuration names is started.
        ["git", "-c", "core.fsmonitor=false", "-C", root, *arguments],  # noqa: S607 - the user's own git
        env={**kept, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"},
        input=given,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode != 0 and not (arguments[0] == "check-ignore" and done.returncode == 1):
        raise subprocess.CalledProcessError(done.returncode, "git", stderr=done.stderr)
    return [item for item in done.stdout.split("\0") if item]


def _ignored(items: list[str]) -> dict[str, str]:
    """Each ignored path and the rule: check-ignore gives source, line, pattern and path of each."""
    found = {}
    for source, line, pattern, path in zip(*[iter(items)] * 4, strict=False):
        if not pattern.startswith("!"):
            found[path] = f"{source}:{line}: {pattern}"
    return found


def _env_files(tracked: list[str]) -> list[str]:
    """The tracked files in the form of an env file that are none of an environment's."""
    names = []
    for path in tracked:
        name = path.rsplit("/", 1)[-1]
        if (name.endswith(".env") or name.startswith(".env")) and not path.startswith("env/"):
            names.append(path)
    return names
