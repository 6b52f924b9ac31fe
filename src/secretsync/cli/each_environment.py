"""Do one thing with each environment that the options select; a broken environment does not stop the others."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from secretsync.cli import console
from secretsync.cli.loading import environment_of, log_plan, visible_environ
from secretsync.core.errors import OutputError, Problem, SecretSyncError, UsageError
from secretsync.core.names import LENIENT_ENVIRONMENTS
from secretsync.core.records import replace
from secretsync.core.secret import Environ
from secretsync.core.text import is_shown, looks_like_value, path_or
from secretsync.planning.plan import Plan
from secretsync.planning.request import ConfigRequest, load_plan, read_named_files, requested_project_name
from secretsync.project.layout import environments, find_root, named_environment

T = TypeVar("T")


def _same(environ: Environ) -> Environ:
    return environ


def each_environment(
    options: argparse.Namespace,
    environ: Environ,
    judge: Callable[[Plan, Environ], T],
    failed: Callable[[str, str, tuple[Problem, ...]], T],
    *,
    known: Callable[[Environ], Environ] = _same,
    keeps_failures: bool = False,
    prints_failures: bool = True,
) -> tuple[list[T], bool]:
    """Return the result of each environment that the options select, and True if the user asked for several.

    `judge`: called with the plan of an environment and the variables that it may use.
    `failed`: called with the names of the project and of an environment that cannot be judged, and with its problems,
    for its result. An environment that is the only one raises its error instead, unless `keeps_failures`.
    `prints_failures`: print the problems of one of several environments; False if the command prints its results there.
    `known`: returns the variables in which a plan looks up the names that no file defines.

    Raises UsageError for options that exclude each other or name no environment, and OutputError.
    """
    sources = _sources(options, environ)
    is_several = options.all or len(sources) > 1
    results = each_source(
        sources,
        options,
        environ,
        judge,
        failed,
        known=known,
        keeps_failures=keeps_failures or is_several,
        prints_failures=prints_failures and is_several,
    )
    return results, is_several


def each_source(
    sources: Sequence[ConfigRequest],
    options: argparse.Namespace,
    environ: Environ,
    judge: Callable[[Plan, Environ], T],
    failed: Callable[[str, str, tuple[Problem, ...]], T],
    *,
    known: Callable[[Environ], Environ] = _same,
    keeps_failures: bool,
    prints_failures: bool,
) -> list[T]:
    """Return the result of each configuration; see `each_environment`. `keeps_failures`: no error is raised."""
    results: list[T] = []
    for source in sources:
        try:
            visible = visible_environ(source, environ)
            plan = load_plan(source, known(visible))
            if options.verbose:
                log_plan(plan)
            results.append(judge(plan, visible))
        except OutputError:
            raise
        except SecretSyncError as error:
            if not keeps_failures:
                raise
            label = _label(source, environ)
            if prints_failures:
                console.print_problems(f"{options.command_name} -e {label}", error.problems)
            results.append(failed(requested_project_name(source, environ), label, error.problems))
    return results


def _sources(options: argparse.Namespace, environ: Environ) -> list[ConfigRequest]:
    names: tuple[str | None, ...] = tuple(dict.fromkeys(options.environment or ())) or (None,)
    if options.all:
        if options.environment or options.env_file is not None:
            raise UsageError("--all takes every environment; remove --environment and --env-file")
        names = every_environment(find_root(options.root, environ))
    sources = list(_requests(options, environ, names))
    if len(sources) > 1 and sources[0].files is not None:
        read = read_named_files(sources[0], environ)
        return [replace(source, read_files=read) for source in sources]
    return sources


def every_environment(root: str) -> tuple[str, ...]:
    """Return the environments of a project. Raises UsageError for none, because a check of nothing would be green."""
    if names := environments(root):
        return names
    raise UsageError(f"{root}: env/ has no environment; `secretsync init` creates some")


def _requests(options: argparse.Namespace, environ: Environ, names: tuple[str | None, ...]) -> Iterator[ConfigRequest]:
    for name in names:
        single = argparse.Namespace(**{**vars(options), "environment": name})
        yield environment_of(single, environ, is_judged=True)


def _label(source: ConfigRequest, environ: Environ) -> str:
    """Return the name of an environment for a report about a configuration that cannot be read.

    A name that the project does not have is shown only if it cannot be a pasted secret.
    """
    name = source.environment or named_environment(environ)
    if name is None:
        return ", ".join(path_or(file, "a file") for file in source.files or ()) or "none"
    if source.files is not None:  # then the name does not need to be that of a folder
        return "unknown" if looks_like_value(name) else name
    try:
        known = environments(find_root(source.root, environ))
    except UsageError:
        known = ()
    return name if is_shown(name, (*known, *LENIENT_ENVIRONMENTS)) else "unknown"
