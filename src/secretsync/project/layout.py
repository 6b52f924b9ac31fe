"""Where a project is, and which files an environment has."""

from __future__ import annotations

import os

from secretsync.core.errors import UsageError
from secretsync.core.files import STANDARD_INPUT
from secretsync.core.names import LENIENT_ENVIRONMENTS, is_environment_name, is_lenient
from secretsync.core.records import Record
from secretsync.core.text import is_shown, looks_like_value, path_or, suggestion

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

# Written in the root before a restore puts its trees in place, removed once they are: a sign of one that was cut short.
UNFINISHED_RESTORE = ".secretsync-restore.json"

# Names that environments usually have: a message shows them also if the project does not have them.
_STRICT_ENVIRONMENTS = ("production", "prod", "staging", "stage", "preview", "qa", "uat")

# Files with a meaning of their own; every other *.env file is a service.
COMMON, SECURITY = "common", "security"

_STANDARD_INPUTS = ("-", STANDARD_INPUT, "/dev/fd/0", "/proc/self/fd/0")  # names of one and the same pipe

NO_PROJECT = (
    "no env/<environment>/*.env was found here or in a folder above; "
    "`secretsync init` makes a first one; or name another folder (--root, root=), or files one by one "
    '(--env-file .env, files=[".env"])'
)


def is_security_file(file: str) -> bool:
    """Return True if `file`, a path as it is shown to people, is a security.env."""
    return file.rpartition("/")[2] == f"{SECURITY}.env"


class SourceFile(Record, kw_only=True):
    """One env file that is to be read."""

    path: str
    shown: str  # as it is shown to people
    service: str | None
    is_named: bool = False  # a user named it on its own, so that it may be a pipe
    is_optional: bool = False  # a pipe may end without a byte


class Project(Record, kw_only=True):
    """The files of an environment, before they are read.

    `files` stand with the lowest first: common, security, then the services by name. `environment` is None if no
    environment is named, which only files that were named one by one allow.
    """

    root: str
    environment: str | None
    is_strict: bool  # by the environment's name; the bindings may say otherwise
    files: tuple[SourceFile, ...]
    bindings: SourceFile | None
    is_in_folders: bool = True  # False: the files were named one by one; env/ and providers/ are not read

    @property
    def services(self) -> tuple[str, ...]:
        """Return the names of the services that have a file."""
        return tuple(source.service for source in self.files if source.service is not None)

    @property
    def label(self) -> str:
        """Return the name in reports."""
        return self.environment or ", ".join(source.shown for source in self.files) or "process environment"


def named_environment(environ: Mapping[str, str]) -> str | None:
    """Return the environment that the process environment names, or None."""
    return environ.get("SECRETSYNC_ENV") or environ.get("ENVIRONMENT") or None


def absolute(path: str) -> str:
    """`path` from the root of the file system. Raises UsageError where the working directory is not there any more."""
    try:
        return os.path.abspath(path)
    except FileNotFoundError:
        cause = "the working directory is not there any more"
    raise UsageError(f"{cause}; change to one that is, or name the project's folder with --root")


def find_root(root: str | None, environ: Mapping[str, str], *, start: str | None = None) -> str:
    """Return the project's root: `root`, else `$SECRETSYNC_ROOT`, else the nearest upwards with `env/<name>/*.env`.

    Raises UsageError if there is no project.
    """
    for given, source in ((root, "--root"), (environ.get("SECRETSYNC_ROOT"), "$SECRETSYNC_ROOT")):
        if given:
            _refuse_unfinished(given)
            if not os.path.isdir(os.path.join(given, "env")):
                shown = path_or(given, "the project's folder")
                raise UsageError(f"{shown}: there is no folder env/ in it ({source}); `secretsync init` makes one")
            return absolute(given)
    folder = absolute(start or os.curdir)
    while True:
        _refuse_unfinished(folder)
        if _environment_names(os.path.join(folder, "env")):
            return folder
        parent = os.path.dirname(folder)
        if parent == folder:
            break
        folder = parent
    raise UsageError(NO_PROJECT)


def _refuse_unfinished(folder: str) -> None:
    """Raise UsageError where a restore is under way, or was cut short: files of two moments stand side by side."""
    if os.path.lexists(os.path.join(folder, UNFINISHED_RESTORE)):
        raise UsageError(
            f"{folder}: a restore is under way there, or was cut short; `secretsync restore --resume` finishes it"
        )


def environments(root: str) -> tuple[str, ...]:
    """Return the names of a project's environments."""
    return _environment_names(os.path.join(root, "env"))


def _environment_names(folder: str) -> tuple[str, ...]:
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return ()
    return tuple(name for name in names if is_environment_name(name) and _env_files(os.path.join(folder, name)))


def _env_files(folder: str) -> list[str]:
    """Return the names of the env files in `folder`, sorted, without hidden files."""
    try:
        return sorted(name for name in os.listdir(folder) if name.endswith(".env") and not name.startswith("."))
    except OSError:
        return []


def open_project(environment: str, root: str) -> Project:
    """Return the files of one environment below `root`.

    Raises UsageError for an invalid name (before a path is built from it), an environment that is not there, a
    file that is no service, or a link that leads out of `env/`.
    """
    check_environment_name(environment)
    _check_environment(environment, root)
    folder = os.path.join(root, "env", environment)
    stems = {name.removesuffix(".env") for name in _env_files(folder)}
    services = sorted(stems - {COMMON, SECURITY})
    order = [stem for stem in (COMMON, SECURITY) if stem in stems] + services
    files = []
    for stem in order:
        shown = f"env/{environment}/{stem}.env"
        if not is_environment_name(stem):
            raise UsageError(f"{shown}: a service's name is letters, digits, '_' and '-', at most 64; rename the file")
        path = os.path.join(folder, f"{stem}.env")
        # The environment's folder may be such a link as well.
        if not _is_below(path, os.path.join(root, "env")):
            raise UsageError(f"{shown}: it is a link that leads out of env/; put the file itself there")
        files.append(SourceFile(path=path, shown=shown, service=None if stem in (COMMON, SECURITY) else stem))
    return Project(
        root=root,
        environment=environment,
        is_strict=not is_lenient(environment),
        files=tuple(files),
        bindings=_bindings_of(environment, root),
    )


def _bindings_of(environment: str, root: str) -> SourceFile | None:
    shown = f"providers/{environment}.toml"
    path = os.path.join(root, shown)
    return SourceFile(path=path, shown=shown, service=None) if os.path.lexists(path) else None


def check_environment_name(environment: str) -> None:
    """Raise UsageError for what is no environment's name. Nothing on disk is looked at."""
    if not is_environment_name(environment):
        raise UsageError(
            "an environment's name is letters, digits, '_' and '-', at most 64, and begins with no sign; "
            "name a file with --env-file or files=[...]"
        )


def _check_environment(environment: str, root: str) -> None:
    known = environments(root)
    if environment not in known:
        hint = suggestion(environment, known)
        if is_shown(environment, (*known, *LENIENT_ENVIRONMENTS, *_STRICT_ENVIRONMENTS)):
            raise UsageError(f"env/{environment}: there is no env file there; {hint}")
        raise UsageError(f"env/: there is no environment of this name; {hint}")


def _is_below(path: str, folder: str) -> bool:
    real = os.path.realpath(folder)
    return os.path.commonpath([real, os.path.realpath(path)]) == real


def open_files(
    files: Sequence[str],
    bindings: str | None,
    *,
    root: str | None = None,
    environment: str | None = None,
    is_strict_unnamed: bool = False,
    optional: Collection[str] = (),
) -> Project:
    """Return a project of files that were named one by one: later files override earlier ones.

    `optional`: those of `files` that do not have to exist.
    `environment`: a name, which decides strictness and fills `{environment}` in the keys of stores; None: the project
    has no name, and is strict if `is_strict_unnamed`.

    Raises UsageError for an empty list, an empty or wrong name, or a file that does not exist.
    """
    if environment is not None:
        check_environment_name(environment)
        if looks_like_value(environment):  # Reports would print it, because it does not need to be a folder.
            raise UsageError("the name of the environment looks like a secret; give another name")
    if not files:
        raise UsageError("no env file is named")
    if "" in files:
        raise UsageError("the name of an env file is empty; name a file")
    optional = {_name(path) for path in optional}
    # A file that is named twice counts where it was named last.
    names = tuple(reversed(dict.fromkeys(map(_name, reversed(files)))))
    names = tuple(path for path in names if path not in optional or not _is_absent(path))
    for path in (*names, *([bindings] if bindings else [])):
        if not os.path.lexists(path) and not (path == "-" and path in names):
            hint = ""
            if path.startswith(("/dev/fd/", "/proc/self/fd/")):
                hint = "; a program between the shell and SecretSync closed it, as sudo does: use --env-file -"
            raise UsageError(f"{path_or(path, 'a file that was named')}: there is no such file{hint}")
    return Project(
        root=absolute(root or os.curdir),
        environment=environment,
        is_strict=is_strict_unnamed if environment is None else not is_lenient(environment),
        files=tuple(_named_file(path, is_optional=path in optional) for path in names),
        bindings=SourceFile(path=bindings, shown=bindings, service=None) if bindings else None,
        is_in_folders=False,
    )


def _name(path: str) -> str:
    return "-" if path in _STANDARD_INPUTS else path


def _is_absent(path: str) -> bool:
    """Return True if there is no file at `path`. False if that is unknown, because a directory cannot be searched."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return path != "-"
    except (OSError, ValueError):
        return False
    return False


def _named_file(path: str, *, is_optional: bool) -> SourceFile:
    is_input = path == "-"
    return SourceFile(
        path=STANDARD_INPUT if is_input else path,
        shown="standard input" if is_input else path,
        service=None,
        is_named=True,
        is_optional=is_optional,
    )


def open_without_files(
    environment: str | None, bindings: str | None, *, root: str | None, is_strict_unnamed: bool = True
) -> Project:
    """Return a project without env files, for placeholders in variables.

    `is_strict_unnamed`: whether the project is strict if no environment is named.

    Raises UsageError for an invalid name, or for bindings or a root that are not there.
    """
    for path in (root, bindings):
        if path and not os.path.lexists(path):
            raise UsageError(f"{path_or(path, 'a path that was named')}: there is no such file or folder")
    root = absolute(root or os.curdir)
    named = SourceFile(path=bindings, shown=bindings, service=None) if bindings else None
    if environment is not None:
        check_environment_name(environment)
        named = named or _bindings_of(environment, root)
    is_strict = is_strict_unnamed if environment is None else not is_lenient(environment)
    return Project(
        root=root,
        environment=environment,
        is_strict=is_strict,
        files=(),
        bindings=named,
        is_in_folders=environment is not None,
    )


def policy_file(project: Project) -> SourceFile | None:
    """Return the policy file of the environment; None if it does not exist, or if env files were named one by one."""
    if not project.is_in_folders or project.environment is None:
        return None
    path = os.path.join(project.root, "env", project.environment, "policy.toml")
    shown = f"env/{project.environment}/policy.toml"
    return SourceFile(path=path, shown=shown, service=None) if os.path.lexists(path) else None
