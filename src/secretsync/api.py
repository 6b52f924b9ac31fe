"""The library calls: the whole way from the files to a configuration, on one screen."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from secretsync import inherited
from secretsync.bindings import Bindings, read_bindings
from secretsync.config import Config
from secretsync.envfiles import read_env_file
from secretsync.errors import ConfigurationError, ResolutionError, UsageError
from secretsync.explanation import Row, explain, open_settings
from secretsync.fetch import Answers, Stores, fetch, inspect
from secretsync.model import Hidden, SecretInfo
from secretsync.plan import Plan, make_plan
from secretsync.project import Project, find_root, named_environment, open_files, open_project
from secretsync.providers.interface import Deadline, Provider
from secretsync.resolve import resolve

if TYPE_CHECKING:
    from secretsync.rotation import RotationReport

__all__ = ["Environ", "Source", "check_rotation", "explain_plan", "inspect_plan", "load_plan", "resolve_config"]
__all__ += ["resolve_plan", "rotation_of_plan"]

# Stores limit how often metadata are asked for (AWS: ListSecretVersionIds 50 times a second), so time grows with them.
_SECRETS_A_SECOND = 25


class Environ(Hidden, Mapping[str, str]):
    """The process environment, as a mapping that prints none of its values."""

    __slots__ = ("__of",)

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.__of: Callable[[], Mapping[str, str]] = lambda: environ

    def __getitem__(self, key: str) -> str:
        return self.__of()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.__of())

    def __len__(self) -> int:
        return len(self.__of())


class Source(NamedTuple):
    """What a configuration is made from, as the caller names it."""

    environment: str | None = None
    root: str | None = None
    services: tuple[str, ...] | None = None
    files: tuple[str, ...] | None = None
    bindings: str | None = None


def resolve_config(
    environment: str | None = None,
    *,
    root: str | os.PathLike[str] | None = None,
    services: Iterable[str] | None = None,
    environ: Mapping[str, str] | None = None,
    timeout: float | None = None,
    files: Iterable[str | os.PathLike[str]] | None = None,
    bindings: str | os.PathLike[str] | None = None,
    stores: Mapping[str, Provider] | None = None,
) -> Config:
    """The configuration of `environment`, every selected secret in it resolved.

    environment: the name of a folder in `env/`; None: `$SECRETSYNC_ENV`, `$ENVIRONMENT`, else development.
    root: the project's folder; None: `$SECRETSYNC_ROOT`, else the nearest upwards with an `env/<name>/*.env`.
    services: the services to resolve; None: all.
    environ: the process environment to use; None: `os.environ`, which is read and never written.
    timeout: seconds for the whole resolution; None: the bindings' `timeout`, else 30.
    files: env files that take the place of an environment, later ones over earlier ones.
    bindings: the bindings file that goes with `files`.
    stores: providers that take the place of configured stores, by store name; for tests.

    Inside an application that `secretsync run` started for the same environment, the values are those that `run`
    resolved: they are in the process environment, and no store is asked.

    Raises ConfigurationError, ResolutionError or UsageError, each with all that is wrong.
    """
    environ = Environ(os.environ if environ is None else environ)
    source = Source(
        environment=environment,
        root=None if root is None else os.fspath(root),
        services=None if services is None else tuple(services),
        files=None if files is None else tuple(os.fspath(file) for file in files),
        bindings=None if bindings is None else os.fspath(bindings),
    )
    if source.environment is None and source.files is None and named_environment(environ) is None:
        source = _as_started(source, environ)
    plan = load_plan(source, environ, stores)
    return resolve_plan(plan, environ, timeout=timeout, stores=stores, may_inherit=True, source=source)


def _as_started(source: Source, environ: Mapping[str, str]) -> Source:
    """`source`, with what `run` resolved where it started this process and nothing else is named."""
    started = inherited.project(environ)
    if started is None:
        return source
    environment, root, files, bindings = started
    return source._replace(environment=environment, root=source.root or root, files=files, bindings=bindings)


def load_plan(source: Source, environ: Mapping[str, str], stores: Mapping[str, Provider] | None = None) -> Plan:
    """The plan of what the caller named. Reads files, asks no store.

    Raises UsageError for names and folders, ConfigurationError with every problem of the whole environment.
    """
    project = _open(source, environ)
    files = [read_env_file(file.path, file=file.shown, service=file.service) for file in project.files]
    has_bindings = project.bindings
    bindings = read_bindings(has_bindings.path, has_bindings.shown) if has_bindings else Bindings()
    replaced = {name: provider.spec for name, provider in (stores or {}).items()}
    plan, problems = make_plan(project, files, bindings, environ, source.services, replaced)
    if plan is None:
        raise ConfigurationError(problems)
    return plan


def _open(source: Source, environ: Mapping[str, str]) -> Project:
    if source.files is not None:
        return open_files(source.files, source.bindings, root=source.root)
    root = find_root(source.root, environ)
    return open_project(source.environment or named_environment(environ) or "development", root)


def resolve_plan(
    plan: Plan,
    environ: Mapping[str, str],
    *,
    timeout: float | None = None,
    stores: Mapping[str, Provider] | None = None,
    may_inherit: bool = False,
    source: Source | None = None,
) -> Config:
    """The configuration that a plan gives: ask the stores, put the answers in.

    Raises ConfigurationError for a missing SDK, ResolutionError with every secret that could not be had.
    """
    known = inherited.read(plan, environ) if may_inherit else {}
    asked = plan.without(known) if known else plan
    opened = Stores(asked, environ, stores)
    try:
        answers = fetch(asked, opened, Deadline(timeout or plan.bindings.timeout))
    finally:
        opened.close()

    def reload() -> Config:
        again = load_plan(source, environ, stores) if source is not None else plan
        return resolve_plan(again, environ, timeout=timeout, stores=stores, source=source)

    result = resolve(asked, answers, environ, inherited=known, reload=reload)
    if isinstance(result, Config):
        return result
    raise ResolutionError(result)


def inspect_plan(plan: Plan, environ: Mapping[str, str], *, timeout: float | None = None) -> Answers[SecretInfo]:
    """What the stores say about every secret of a plan, without a value.

    Raises ConfigurationError for a missing SDK.
    """
    opened = Stores(plan, environ)
    try:
        return inspect(plan, opened, Deadline(timeout or plan.bindings.timeout))
    finally:
        opened.close()


def explain_plan(plan: Plan, environ: Mapping[str, str], *, timeout: float | None = None) -> tuple[Row, ...]:
    """Where each value of a plan comes from; secrets are masked, and their values are not asked for."""
    infos = inspect_plan(plan, environ, timeout=timeout)
    settings = open_settings(plan, infos)
    opened = Stores(settings, environ)
    try:
        answers = fetch(settings, opened, Deadline(timeout or plan.bindings.timeout))
    finally:
        opened.close()
    return explain(plan, settings, infos, answers, environ)


def check_rotation(
    environment: str | None = None,
    *,
    root: str | os.PathLike[str] | None = None,
    services: Iterable[str] | None = None,
    environ: Mapping[str, str] | None = None,
    now: datetime | None = None,
    timeout: float | None = None,
    strict: bool = False,
    files: Iterable[str | os.PathLike[str]] | None = None,
    bindings: str | os.PathLike[str] | None = None,
    stores: Mapping[str, Provider] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> RotationReport:
    """How old the secrets of `environment` are, against its policy. No value is asked for.

    now: the moment to answer for, aware; None: this one.
    timeout: seconds for all stores together; None: the bindings' `timeout`, else 30, and 1 more for each 25 secrets.
    strict: what is due or of unknown age counts as a finding too.
    progress: called with each answer: how many there are, and how many secrets were asked for.
    All else is as in `resolve_config`.

    What a store did not answer is a row of the report, not an exception. Raises ConfigurationError for wrong files, or
    a missing SDK, and UsageError, also for a `now` without a time zone.
    """
    if now is not None and now.utcoffset() is None:
        raise UsageError("now has no time zone, and could be any moment of a day; give an aware datetime")
    environ = Environ(os.environ if environ is None else environ)
    source = Source(
        environment=environment,
        root=None if root is None else os.fspath(root),
        services=None if services is None else tuple(services),
        files=None if files is None else tuple(os.fspath(file) for file in files),
        bindings=None if bindings is None else os.fspath(bindings),
    )
    plan = load_plan(source, environ, stores)
    return rotation_of_plan(plan, environ, now=now, timeout=timeout, strict=strict, stores=stores, progress=progress)


def rotation_of_plan(
    plan: Plan,
    environ: Mapping[str, str],
    *,
    now: datetime | None = None,
    timeout: float | None = None,
    strict: bool = False,
    stores: Mapping[str, Provider] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> RotationReport:
    """How old the secrets of a plan are; see `check_rotation`."""
    from secretsync.rotation import assess  # resolving needs none of it

    opened = Stores(plan, environ, stores)
    deadline = Deadline(timeout or plan.bindings.timeout + len(plan.refs) / _SECRETS_A_SECOND)
    try:
        answers = inspect(plan, opened, deadline, progress)
    finally:
        opened.close()
    # After the answers: what was made while they were under way is not in the future.
    return assess(plan, answers, now or datetime.now(UTC), strict=strict)
