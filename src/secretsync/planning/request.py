"""What a configuration is made from, as a caller names it, and the plan that the files give."""

from __future__ import annotations

import os

from secretsync.core.errors import ConfigurationError, Problem, UsageError
from secretsync.core.model import Entry
from secretsync.core.names import SensitiveNames
from secretsync.core.records import Record, replace
from secretsync.planning.plan import Plan
from secretsync.planning.planner import make_plan
from secretsync.project.bindings import DEFAULT_TIMEOUT, Bindings
from secretsync.project.env_file import EnvFile, read_env_file
from secretsync.project.layout import (
    Project,
    SourceFile,
    absolute,
    check_environment_name,
    find_root,
    named_environment,
    open_files,
    open_project,
    open_without_files,
    policy_file,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from secretsync.providers.interface import Provider


class ConfigRequest(Record, kw_only=True):
    """The environment, folder and files from which the caller wants a configuration."""

    environment: str | None = None
    root: str | None = None
    services: tuple[str, ...] | None = None
    files: tuple[str, ...] | None = None
    bindings: str | None = None
    variables: EnvFile | None = None  # placeholders in inherited variables, below all files
    is_unnamed: bool = False  # True: the environment has no name, and no variable gives one
    is_judged: bool = False  # True: files without the name of an environment are strict
    read_files: tuple[EnvFile, ...] = ()  # those of `files` that were read already, because a pipe is read once
    optional: tuple[str, ...] = ()  # those of `files` that do not have to exist
    pipe_seconds: float = DEFAULT_TIMEOUT  # the longest time until the end of a pipe in `files`
    winners: frozenset[str] = frozenset()  # inherited variables that replace settings of the files
    are_variables_highest: bool = False  # True: `variables` are above all files


def make_request(
    environment: str | None,
    root: str | os.PathLike[str] | None,
    services: Iterable[str] | None,
    files: Iterable[str | os.PathLike[str]] | None,
    bindings: str | os.PathLike[str] | None,
    timeout: float | None = None,
) -> ConfigRequest:
    """Return what the arguments of a library call name. Raises UsageError for arguments of a wrong type."""
    from secretsync.planning.arguments import path_of, paths_of, text_of, texts_of  # Imported only by the library.

    return ConfigRequest(
        environment=text_of("environment", environment),
        root=path_of("root", root),
        services=texts_of("services", services),
        files=paths_of("files", files),
        bindings=path_of("bindings", bindings),
        pipe_seconds=DEFAULT_TIMEOUT if timeout is None or not timeout > 0 else timeout,
    )


def load_plan(
    request: ConfigRequest,
    environ: Mapping[str, str],
    stores: Mapping[str, Provider] | None = None,
    template_entries: Sequence[Entry] = (),
) -> Plan:
    """Return the plan of what the caller named, and of `template_entries`. Reads files, asks no store.

    Raises UsageError for names and folders, ConfigurationError with every problem of the whole environment.
    """
    project = open_request(request, environ)
    known = {file.file: file for file in request.read_files}
    files = [known.get(source.shown) or _read(source, request.pipe_seconds) for source in project.files]
    lowest = () if request.variables is None or request.are_variables_highest else (request.variables,)
    highest = request.variables if request.are_variables_highest else None
    bindings = read_project_bindings(project)
    replaced = {name: provider.spec for name, provider in (stores or {}).items()}
    names, policy_problems = read_project_names(project)

    def planned(highest: EnvFile | None) -> tuple[Plan | None, tuple[Problem, ...]]:
        layers: Sequence[EnvFile] = (*lowest, *files)
        if highest is not None:
            from secretsync.planning.inherited import above  # imported only if variables replace entries

            layers = above(layers, highest)
        services = request.services
        return make_plan(project, layers, bindings, environ, services, replaced, template_entries, names)

    plan, problems = planned(highest)
    if plan is not None and request.winners:
        from secretsync.planning.inherited import winning_variables

        plan, problems = planned(winning_variables(plan, environ, request.winners, request.variables))
    if plan is None or policy_problems:
        raise ConfigurationError([*problems, *policy_problems])
    return replace(plan, files=tuple(files))


def read_named_files(request: ConfigRequest, environ: Mapping[str, str]) -> tuple[EnvFile, ...]:
    """Return the env files that `request` names one by one, for `read_files` of further requests of the same files.

    Raises UsageError if a file does not exist.
    """
    return tuple(_read(source, request.pipe_seconds) for source in open_request(request, environ).files)


def _read(source: SourceFile, pipe_seconds: float) -> EnvFile:
    """Return an env file of a project. Only a file that was named on its own may be a pipe."""
    seconds = pipe_seconds if source.is_named else None
    return read_env_file(
        source.path,
        file=source.shown,
        service=source.service,
        pipe_seconds=seconds,
        may_be_empty=source.is_optional,
    )


def open_request(request: ConfigRequest, environ: Mapping[str, str]) -> Project:
    """Return the project that the caller named. Reads no env file.

    Raises UsageError for names and folders, and where a part of what is named would be ignored.
    """
    environment = request.environment
    if environment is None and not request.is_unnamed:
        environment = named_environment(environ)
    if environment is not None:
        check_environment_name(environment)  # before anything on disk is looked at
    if request.files == () and request.variables is not None:
        return open_without_files(environment, request.bindings, root=request.root, is_strict_unnamed=request.is_judged)
    if request.files is not None:
        return open_files(
            request.files,
            request.bindings,
            root=request.root,
            environment=environment,
            is_strict_unnamed=request.is_judged,
            optional=request.optional,
        )
    try:
        root = find_root(request.root, environ)
    except UsageError:
        if request.variables is None:
            raise
        return open_without_files(environment, request.bindings, root=request.root or environ.get("SECRETSYNC_ROOT"))
    if request.bindings is not None:
        raise UsageError("bindings go with files; an environment has providers/<environment>.toml")
    return open_project("development" if environment is None else environment, root)


def read_project_bindings(project: Project) -> Bindings:
    """Return the bindings of a project, empty if there is no file. Their `problems` has the mistakes."""
    file = project.bindings
    if file is None:
        return Bindings()
    # Imported only if there is a bindings file, because reading TOML makes the start slower.
    from secretsync.project.bindings_file import read_bindings

    return read_bindings(file.path, file.shown)


def project_name(project: Project) -> str:
    """Return the name of the project in reports."""
    return read_project_bindings(project).project_name(project.root)


def requested_project_name(request: ConfigRequest, environ: Mapping[str, str]) -> str:
    """Return the name of the project in a report about a configuration that cannot be read."""
    try:
        return project_name(open_request(request, environ))
    except UsageError:
        pass
    try:
        return Bindings().project_name(find_root(request.root, environ))
    except UsageError:
        return Bindings().project_name(absolute(request.root or os.curdir))


def read_project_names(project: Project) -> tuple[SensitiveNames, tuple[Problem, ...]]:
    """Return the sensitive names of a project, and the problems that keep its policy from changing them."""
    file = policy_file(project)
    if file is None:
        return SensitiveNames(), ()
    # Imported only if there is a policy, because reading TOML makes the start slower.
    from secretsync.project.sensitive_names import read_names

    return read_names(file)
