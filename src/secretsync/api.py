"""The library calls: the whole way from the files to a configuration, on one screen."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from secretsync import inherited
from secretsync.activity import StoreWork
from secretsync.bindings import Bindings, read_bindings
from secretsync.config import Config
from secretsync.envfiles import EnvFile, read_env_file
from secretsync.errors import (
    ConfigurationError,
    Problem,
    ProblemKind,
    ResolutionError,
    SecretSyncError,
    UsageError,
    ValidationError,
)
from secretsync.fetch import Answers, Stores, StoreState, ask_values, fetch, identify, inspect
from secretsync.model import Entry, Failed, Found, HiddenMapping, Missing, Payload, Secret, SecretInfo, SecretRef
from secretsync.placeholders import Fault, parse_reference
from secretsync.plan import EnvironPart, Plan, SecretPart, make_plan
from secretsync.project import (
    Project,
    check_environment_name,
    environments,
    find_root,
    named_environment,
    open_files,
    open_project,
    open_without_files,
)
from secretsync.providers.interface import Deadline, Provider
from secretsync.records import replace
from secretsync.resolve import resolve
from secretsync.selection import select
from secretsync.targets import TargetFinder

if TYPE_CHECKING:
    from datetime import datetime

    from secretsync.audit import AuditReport
    from secretsync.audit.evidence import Online
    from secretsync.explanation import Row
    from secretsync.plan import EntryId
    from secretsync.policy import Policy
    from secretsync.rotation import RotationReport
    from secretsync.rules import Finding

__all__ = [
    "AnyEnviron",
    "Environ",
    "Source",
    "audit_plan",
    "check_rotation",
    "explain_plan",
    "get_secret",
    "identify_stores",
    "inspect_plan",
    "load_plan",
    "open_policy",
    "resolve_config",
    "resolve_plan",
    "rotation_of_plan",
]

# Stores limit how often metadata are asked for (AWS: ListSecretVersionIds 50 times a second), so time grows with them.
_SECRETS_A_SECOND = 25


class Environ(HiddenMapping):
    """The process environment, as a mapping that prints none of its values."""

    __slots__ = ("__of",)

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.__of: Callable[[], Mapping[str, str]] = lambda: environ

    def __getitem__(self, key: str) -> str:
        return self.__of()[key]

    def __contains__(self, key: object) -> bool:
        return key in self.__of()

    def __iter__(self) -> Iterator[str]:
        return iter(self.__of())

    def __len__(self) -> int:
        return len(self.__of())


class AnyEnviron(Environ):
    """The process environment of which nobody knows what it lacks: plans made of it find every variable there.

    An audit before a deployment runs where the variables of the later process are not.
    """

    __slots__ = ()

    def __contains__(self, key: object) -> bool:
        return True


class Source(NamedTuple):
    """What a configuration is made from, as the caller names it."""

    environment: str | None = None
    root: str | None = None
    services: tuple[str, ...] | None = None
    files: tuple[str, ...] | None = None
    bindings: str | None = None
    variables: EnvFile | None = None  # placeholders in inherited variables, below all files


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
    validate: bool | None = None,
) -> Config:
    """The configuration of `environment`, every selected secret in it resolved.

    environment: the name of a folder in `env/`; None: `$SECRETSYNC_ENV`, `$ENVIRONMENT`, else development.
    root: the project's folder; None: `$SECRETSYNC_ROOT`, else the nearest upwards with an `env/<name>/*.env`.
    services: the services to resolve; None: all, or those that `run` selected where it started this application.
    environ: the process environment to use; None: `os.environ`, which is read and never written.
    timeout: seconds above zero for the whole resolution; None: the bindings' `timeout`, else 30.
    files: env files that take the place of an environment, later ones over earlier ones.
    bindings: the bindings file that goes with `files`.
    stores: providers that take the place of configured stores, by store name; for tests. Nothing is inherited then.
    validate: whether values are judged by `env/<environment>/policy.toml` and the built-in rules; None: in strict
    environments. Warnings are logged as `secretsync`.

    Inside an application that `secretsync run` started for the same environment, the values are those that `run`
    resolved and judged: they are in the process environment, and no store is asked.

    Raises ConfigurationError (ValidationError is one), ResolutionError or UsageError, each with all that is wrong.
    """
    for name, given in (("services", services), ("files", files)):
        if isinstance(given, str):
            raise UsageError(f"{name} is a list of strings, not one string: {name}=[{given!r}]")
    if timeout is not None and not timeout > 0:
        raise UsageError("timeout is a number of seconds above zero")
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
    source = source._replace(variables=inherited.variables(environ))
    if source.services is None and inherited.VARIABLE in environ:
        source = source._replace(services=inherited.services(_open(source, environ), environ))
    plan = load_plan(source, environ, stores)
    if validate is None:
        # What `run` was told with --no-validate holds for the application too.
        is_judged = stores is None and inherited.has_resolved(plan.project, environ)
        validate = plan.is_strict and not is_judged
    return resolve_plan(
        plan, environ, timeout=timeout, stores=stores, may_inherit=stores is None, source=source, validate=validate
    )


def _as_started(source: Source, environ: Mapping[str, str]) -> Source:
    """`source`, with what `run` resolved where it started this process and nothing else is named."""
    started = inherited.project(environ)
    if started is None:
        return source
    environment, root, files, bindings = started
    return source._replace(environment=environment, root=source.root or root, files=files, bindings=bindings)


def load_plan(
    source: Source,
    environ: Mapping[str, str],
    stores: Mapping[str, Provider] | None = None,
    extra: Sequence[Entry] = (),
) -> Plan:
    """The plan of what the caller named, and of `extra` entries beside the files. Reads files, asks no store.

    Raises UsageError for names and folders, ConfigurationError with every problem of the whole environment.
    """
    project = _open(source, environ)
    files = [read_env_file(file.path, file=file.shown, service=file.service) for file in project.files]
    if source.variables is not None:
        files.insert(0, source.variables)
    bindings = _read_bindings(project)
    replaced = {name: provider.spec for name, provider in (stores or {}).items()}
    plan, problems = make_plan(project, files, bindings, environ, source.services, replaced, extra)
    if plan is None:
        raise ConfigurationError(problems)
    return plan


def _read_bindings(project: Project) -> Bindings:
    file = project.bindings
    return read_bindings(file.path, file.shown) if file else Bindings()


def _open(source: Source, environ: Mapping[str, str]) -> Project:
    if source.files is not None:
        return open_files(source.files, source.bindings, root=source.root)
    environment = source.environment
    if environment is None:
        environment = named_environment(environ)
    if environment is not None:
        check_environment_name(environment)  # before anything on disk is looked at
    try:
        root = find_root(source.root, environ)
    except UsageError:
        if source.variables is None:
            raise
        return open_without_files(environment, source.bindings, root=source.root or environ.get("SECRETSYNC_ROOT"))
    return open_project("development" if environment is None else environment, root)


def resolve_plan(
    plan: Plan,
    environ: Mapping[str, str],
    *,
    timeout: float | None = None,
    stores: Mapping[str, Provider] | None = None,
    may_inherit: bool = False,
    source: Source | None = None,
    validate: bool = False,
    warn: Callable[[Finding], None] | None = None,
    tell: Callable[[StoreWork], None] | None = None,
) -> Config:
    """The configuration that a plan gives: ask the stores, put the answers in, judge the values.

    `warn`: who hears of what is only a warning; None: it is logged. `tell`: who hears of what each store did.

    Raises ConfigurationError for a missing SDK or a bad policy, ResolutionError with every secret that could not be
    had, ValidationError with every value that is not allowed.
    """
    policy = open_policy(plan) if validate else None
    known = inherited.read(plan, environ) if may_inherit else {}
    asked = plan.without(known) if known else plan
    with Stores(asked.stores, plan.project, environ, stores, tell) as opened:
        answers = fetch(asked, opened, Deadline(plan.bindings.timeout if timeout is None else timeout))

    def reload() -> Config:
        again = load_plan(source, environ, stores) if source is not None else plan
        return resolve_plan(again, environ, timeout=timeout, stores=stores, source=source, validate=validate, warn=warn)

    result = resolve(asked, answers, environ, inherited=known, reload=reload)
    if not isinstance(result, Config):
        raise ResolutionError(result)
    if policy is not None:
        _validate(result, plan, policy, environ, warn or _log)
    return result


def open_policy(plan: Plan) -> Policy:
    """The policy of a plan's environment, an empty one where there is none. Raises ConfigurationError."""
    from secretsync.policy import read_policy

    policy = read_policy(plan.project)
    if policy.problems:
        raise ConfigurationError(policy.problems)
    return policy


def _validate(
    config: Config, plan: Plan, policy: Policy, environ: Mapping[str, str], warn: Callable[[Finding], None]
) -> None:
    """Raise ValidationError with all that is not as it must be; what is less than an error goes to `warn`."""
    from secretsync.rules import Severity
    from secretsync.validation import judge, subjects_of, today, without_ignored

    verdict = judge(
        policy,
        subjects_of(config),
        is_strict=plan.is_strict,
        environ=environ,
        services=config.services,
        known_services=plan.known_services,
    )
    findings = without_ignored(policy, verdict.findings, today)
    errors = [finding.problem for finding in findings if finding.severity is Severity.ERROR]
    for finding in findings:
        if finding.severity is not Severity.ERROR:
            warn(finding)
    if errors:
        raise ValidationError(errors)


def _log(finding: Finding) -> None:
    import logging

    logging.getLogger("secretsync").warning("%s", finding.problem)


def inspect_plan(
    plan: Plan,
    environ: Mapping[str, str],
    *,
    timeout: float | None = None,
    tell: Callable[[StoreWork], None] | None = None,
) -> Answers[SecretInfo]:
    """What the stores say about every secret of a plan, without a value. `tell`: who hears of what each store did.

    Raises ConfigurationError for a missing SDK.
    """
    with Stores(plan.stores, plan.project, environ, tell=tell) as opened:
        return inspect(plan, opened, Deadline(plan.bindings.timeout if timeout is None else timeout))


def get_secret(
    reference: str,
    source: Source,
    environ: Mapping[str, str],
    *,
    timeout: float | None = None,
) -> Secret:
    """The value of one reference, or of a name that the bindings or the lookup order find. No env file is read.

    Raises ConfigurationError for a reference that is wrong, ResolutionError where there is no value.
    """
    project, bindings = _open_bindings(source, environ)
    finder = TargetFinder(bindings, project.environment)
    parsed = parse_reference(reference)
    found = parsed if isinstance(parsed, Fault) else finder.find(parsed)
    problems = [*bindings.problems, *finder.problems]
    if isinstance(found, Fault):
        cause = Problem(kind=ProblemKind.CONFIGURATION, reference=reference, cause=found.cause, hint=found.hint)
        problems.append(cause)
    if problems or isinstance(found, Fault):
        raise ConfigurationError(problems)
    part = SecretPart(reference, found, None, None, 0)
    configs = {target.store: finder.stores[target.store] for target in found}
    deadline = Deadline(bindings.timeout if timeout is None else timeout)
    with Stores(configs, project, environ) as opened:
        index, outcome = ask_values([part], opened, deadline).settle(part)
    selected = select(outcome.value, found[index].selector) if isinstance(outcome, Found) else outcome
    if isinstance(selected, Secret):
        return selected
    kind = selected.kind if isinstance(selected, Failed) else ProblemKind.MISSING
    store, shown = found[index].store, found[index].shown
    raise ResolutionError([Problem(kind=kind, reference=shown, store=store, cause=selected.cause, hint=selected.hint)])


def _open_bindings(source: Source, environ: Mapping[str, str]) -> tuple[Project, Bindings]:
    """The project and its bindings; where there is no project and none is named, the stores as they are by default."""
    is_named = source.environment is not None or source.root is not None or source.files is not None
    try:
        project = _open(source, environ)
    except UsageError:
        if is_named:
            raise
        return Project(root=os.getcwd(), environment=None, is_strict=True, files=(), bindings=None), Bindings()
    return project, _read_bindings(project)


def identify_stores(
    source: Source, environ: Mapping[str, str], *, timeout: float | None = None
) -> tuple[str, tuple[StoreState, ...]]:
    """What the environment is called, and who we are at each store that it refers to or configures.

    Raises ConfigurationError with everything that is wrong in the files, or for a missing SDK.
    """
    plan = load_plan(source, environ)
    configs = {**plan.bindings.stores, **plan.stores}
    with Stores(configs, plan.project, environ) as opened:
        return plan.project.label, identify(opened, Deadline(plan.bindings.timeout if timeout is None else timeout))


def explain_plan(
    plan: Plan,
    environ: Mapping[str, str],
    *,
    timeout: float | None = None,
    tell: Callable[[StoreWork], None] | None = None,
) -> tuple[Row, ...]:
    """Where each value of a plan comes from; secrets are masked, and their values are not asked for."""
    from secretsync.explanation import explain, open_settings

    infos = inspect_plan(plan, environ, timeout=timeout, tell=tell)
    settings = open_settings(plan, infos)
    with Stores(settings.stores, plan.project, environ, tell=tell) as opened:
        answers = _values_of(settings, infos, opened, Deadline(plan.bindings.timeout if timeout is None else timeout))
    return explain(plan, settings, infos, answers, environ)


def _values_of(plan: Plan, infos: Answers[SecretInfo], stores: Stores, deadline: Deadline) -> Answers[Payload]:
    """The values that the metadata found; what is missing or failed is so by them, and not asked for again."""
    outcomes: dict[SecretRef, Found[Payload] | Missing | Failed] = {}
    found = []
    for part in plan.secrets:
        index, outcome = infos.settle(part)
        if isinstance(outcome, Found):
            found.append(replace(part, targets=(part.targets[index],)))
        for target in part.targets:
            if isinstance(info := infos.of(target.ref), Missing | Failed):
                outcomes[target.ref] = info
    answers = ask_values(found, stores, deadline)
    outcomes.update((ref, value) for ref in answers.requested if (value := answers.of(ref)) is not None)
    return Answers(outcomes)


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
    tell: Callable[[StoreWork], None] | None = None,
) -> RotationReport:
    """How old the secrets of a plan are; see `check_rotation`."""
    from datetime import UTC, datetime

    from secretsync.rotation import assess  # resolving needs none of it

    deadline = Deadline(timeout or plan.bindings.timeout + len(plan.refs) / _SECRETS_A_SECOND)
    with Stores(plan.stores, plan.project, environ, stores, tell) as opened:
        answers = inspect(plan, opened, deadline, progress)
    # After the answers: what was made while they were under way is not in the future.
    return assess(plan, answers, now or datetime.now(UTC), strict=strict)


def audit_plan(
    plan: Plan, environ: Mapping[str, str], *, at: datetime, is_online: bool = False, timeout: float | None = None
) -> AuditReport:
    """What an audit of a plan's environment at the moment `at` (aware, UTC) finds.

    `is_online`: ask the stores for values and ages; what they do not give is in the report. Raises
    ConfigurationError for a bad policy or a missing SDK.
    """
    from secretsync.audit import audit
    from secretsync.audit.evidence import Evidence
    from secretsync.audit.reading import file_states, git_state, owners
    from secretsync.validation import planned_subjects, written_values

    policy = open_policy(plan)
    values, online = _ask_for_audit(plan, environ, at, timeout) if is_online else (written_values(plan), None)
    project = plan.project
    return audit(
        Evidence(
            plan=plan,
            policy=policy,
            files=tuple(read_env_file(file.path, file=file.shown, service=file.service) for file in project.files),
            subjects=planned_subjects(plan, values),
            states=file_states(project),
            owners=owners(project),
            git=git_state(plan, environ),
            others=_other_plans(project, environ),
            environ=environ if is_online else None,
            at=at,
            online=online,
            absent=frozenset(
                part.name
                for planned in plan.entries.values()
                for part in planned.parts
                if isinstance(part, EnvironPart) and environ.get(part.name) is None
            ),
        )
    )


def _ask_for_audit(
    plan: Plan, environ: Mapping[str, str], at: datetime, timeout: float | None
) -> tuple[dict[EntryId, Secret], Online]:
    """The values that the stores give, and what they say besides; what they do not give is a problem, not an end."""
    from secretsync.audit.evidence import Online
    from secretsync.checks import check
    from secretsync.resolve import resolve_values

    with Stores(plan.stores, plan.project, environ) as opened:
        values, problems = resolve_values(
            plan, fetch(plan, opened, Deadline(timeout or plan.bindings.timeout)), environ
        )
    checked = check(plan, inspect_plan(plan, environ, timeout=timeout), at)
    told = {problem.key for problem in problems}
    by_metadata = [problem for problem in checked.problems if problem.key not in told]
    # The right to read metadata is another one than that to read values: who lacks it has a secret all the same.
    unusable = tuple(problem for problem in by_metadata if problem.kind is ProblemKind.UNUSABLE)
    unseen = [f"metadata: {problem}" for problem in by_metadata if problem.kind is not ProblemKind.UNUSABLE]
    ages = "the age of secrets beyond declared dates: `secretsync check-rotation` asks for it"
    return values, Online(problems=(*problems, *unusable), not_checked=(*checked.not_checked, *unseen, ages))


def _other_plans(project: Project, environ: Mapping[str, str]) -> dict[str, Plan | str]:
    """The plans of the project's other environments, or why there is none."""
    if project.environment is None:
        return {}
    plans: dict[str, Plan | str] = {}
    for name in environments(project.root):
        if name == project.environment:
            continue
        try:
            plans[name] = load_plan(Source(environment=name, root=project.root), AnyEnviron(environ))
        except SecretSyncError as error:
            plans[name] = f"it cannot be read ({len(error.problems)} problems)"
    return plans
