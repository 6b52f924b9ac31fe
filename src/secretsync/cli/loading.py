"""Turn the options that commands share into requests, plans and configurations."""

from __future__ import annotations

import os

from secretsync.cli import console
from secretsync.core.errors import UsageError
from secretsync.core.records import replace
from secretsync.core.text import count_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Collection, Mapping

    from secretsync.config.config import Config
    from secretsync.core.model import SecretRef
    from secretsync.core.secret import Environ
    from secretsync.planning.plan import Plan
    from secretsync.planning.request import ConfigRequest
    from secretsync.policy.findings import RuleFinding
    from secretsync.project.env_file import EnvFile
    from secretsync.resolving.handover import Handover
    from secretsync.resolving.leases import StoreLeases
    from secretsync.resolving.requests.access_log import AccessLog
    from secretsync.resolving.requests.activity import StoreActivity
    from secretsync.resolving.requests.waiting import WaitDisplay
    from secretsync.resolving.stores import StoreAccess


def environment_of(
    options: argparse.Namespace,
    environ: Environ,
    *,
    has_default: bool = False,
    variables: EnvFile | None = None,
    is_judged: bool = False,
) -> ConfigRequest:
    """Return the request for the configuration that the options select.

    `has_default`: take development if no environment is named. `variables`: the placeholders in inherited variables,
    which make env files optional. `is_judged`: env files without the name of an environment are strict. Raises
    UsageError if options exclude each other, or if no environment is named and there is no default.
    """
    from secretsync.planning.request import ConfigRequest
    from secretsync.project.bindings import DEFAULT_TIMEOUT
    from secretsync.project.layout import named_environment

    services = None if options.service is None else tuple(options.service)
    if options.env_file is not None:
        if services is not None:
            raise UsageError("--service selects from env/; remove it, because --env-file has no services")
        return ConfigRequest(
            environment=options.environment,
            root=options.root,
            files=tuple(options.env_file),
            bindings=options.bindings,
            variables=variables,
            is_judged=is_judged,
            optional=_optional_files(options),
            pipe_seconds=options.timeout or DEFAULT_TIMEOUT,
        )
    if options.environment is None and options.bindings is None and (started := _as_started(environ)) is not None:
        source = ConfigRequest(root=options.root, services=services, variables=variables)
        return replace(started.complete(source, environ), is_judged=is_judged)
    # An empty name is refused later: it is a name that somebody forgot to fill in, so a default would be a guess.
    environment = named_environment(environ) if options.environment is None else options.environment
    is_without_files = variables is not None and environment is None and not has_environments(options.root, environ)
    if is_without_files:
        return ConfigRequest(root=options.root, bindings=options.bindings, variables=variables)
    if options.bindings is not None:
        raise UsageError("--bindings needs --env-file; without it, write the bindings in providers/<environment>.toml")
    if environment is None and not has_default:
        raise no_environment(options, environ)
    return ConfigRequest(environment=environment, root=options.root, services=services, variables=variables)


def no_environment(options: argparse.Namespace, environ: Environ) -> UsageError:
    """Return the refusal of options without an environment, with the environments of the project.

    A default would make a command read another environment than the user meant, and a check of it would be green.
    """
    from secretsync.project.layout import environments, find_root

    try:
        names = environments(find_root(options.root, environ))
    except UsageError:
        if hasattr(options, "env_file"):
            raise
        names = ()  # `import` makes the first environment
    if not hasattr(options, "env_file"):
        known = f" (the project has {', '.join(names)})" if names else ""
        return UsageError(f"no environment is named{known}; give -e NAME, or set $SECRETSYNC_ENV")
    known = f"the project has {', '.join(names)}" if names else "env/ has none, and `secretsync init` creates some"
    every = ", --all" if hasattr(options, "all") else ""
    return UsageError(
        f"no environment is named ({known}); give -e NAME{every} or --env-file FILE, or set $SECRETSYNC_ENV"
    )


def _optional_files(options: argparse.Namespace) -> tuple[str, ...]:
    """Return the files that do not have to exist. A file that both options name has to."""
    optional = getattr(options, "optional_files", [])
    named = options.env_file or ()
    return tuple(file for file in optional if named.count(file) == optional.count(file))


def _as_started(environ: Environ) -> Handover | None:
    """Return the handover of `run` if its application calls this command; None if `run` read no files."""
    from secretsync.resolving.handover import Handover

    handover = Handover.from_environ(environ)
    return None if handover is None or handover.files == () else handover


def visible_environ(source: ConfigRequest, environ: Environ, kept: Collection[str] = ()) -> Environ:
    """Return `environ` without the values that `run` handed over, unless `source` is what `run` resolved.

    A command that an application calls for another environment must not find the application's values in it.
    `kept`: the names of variables that stay.
    """
    from secretsync.planning.request import open_request

    handover = handed_over(environ)
    if handover is None or handover.is_of(open_request(source, environ)):
        return environ
    return handover.hide(environ, kept)


def handed_over(environ: Mapping[str, str]) -> Handover | None:
    """Return what a `run` handed over to this process; None without one, or if its variables are damaged."""
    from secretsync.resolving.handover import Handover, HandoverError

    try:
        return Handover.from_environ(environ)
    except HandoverError:
        return None


def has_environments(root: str | None, environ: Environ) -> bool:
    """Return True if `root`, or this folder or one above it, is a project."""
    from secretsync.project.layout import find_root

    try:
        find_root(root, environ)
    except UsageError:
        return False
    return True


def open_plan(
    options: argparse.Namespace,
    *,
    has_default: bool = False,
    environ: Environ | None = None,
    variables: EnvFile | None = None,
    is_judged: bool = False,
    kept: Collection[str] = (),
    inherited: Collection[str] | None = None,
) -> tuple[Plan, Environ]:
    """Return the plan for the options, and the environment variables that the command may use.

    `environ`: the variables of the process; None means `os.environ`. `kept`: the names of variables that the command
    may use although another `run` resolved them. `inherited`: the names of variables that --inherited-wins prefers;
    None means all of `environ`. The other arguments are those of `environment_of`.
    """
    from secretsync.core.secret import Environ
    from secretsync.planning.request import load_plan

    environ = Environ(os.environ) if environ is None else environ
    source = environment_of(options, environ, has_default=has_default, variables=variables, is_judged=is_judged)
    environ = visible_environ(source, environ, kept)
    if getattr(options, "inherited_wins", False):
        source = replace(source, winners=frozenset(environ if inherited is None else inherited))
    plan = load_plan(source, environ)
    if options.verbose:
        log_plan(plan)
    return plan, environ


_SELECTING = ("SECRETSYNC_ROOT", "SECRETSYNC_ENV", "ENVIRONMENT")  # the variables that select a configuration


def open_any_plan(options: argparse.Namespace) -> Plan:
    """Return the plan for any process environment, so that a result does not depend on the machine that writes it."""
    from secretsync.core.secret import AnyEnviron, Environ
    from secretsync.planning.request import load_plan

    environ = Environ(os.environ)
    source = environment_of(options, environ)
    plan = load_plan(source, AnyEnviron({name: environ[name] for name in _SELECTING if name in environ}))
    if options.verbose:
        log_plan(plan)
    return plan


def log_plan(plan: Plan) -> None:
    """Print what a plan has, for --verbose."""
    strictness = "strict" if plan.is_strict else "lenient"
    entries = count_of(len(plan.entries), "entry", "entries")
    console.info(f"{plan.project.label}: {strictness}, {entries}, {count_of(len(plan.refs), 'reference')}")


def store_access(
    options: argparse.Namespace,
    environ: Mapping[str, str],
    *,
    is_logged: bool = False,
    on_activity: Callable[[StoreActivity], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
    is_hidden: bool = True,
) -> StoreAccess:
    """Return how a command asks the stores.

    `is_logged`: True if reads of secrets are written to the access log that the options name.
    `on_activity`: called with --verbose; None means that the activity is printed.
    `is_hidden`: True if other processes must not read the memory of this one.
    """
    from secretsync.resolving.stores import StoreAccess

    if is_hidden:
        hide_memory(options)
    handover = handed_over(os.environ)
    return StoreAccess(
        environ,
        timeout=options.timeout,
        access_log=_access_log(options, environ) if is_logged else None,
        on_activity=(on_activity or _print_activity) if options.verbose else None,
        progress=progress,
        on_wait=lambda: _wait_line(options),
        withheld=() if handover is None else handover.withheld,
    )


def hide_memory(options: argparse.Namespace) -> None:
    """Forbid other processes of the same user to read credentials and values from the memory of this process."""
    from secretsync.running.process_protection import hide_process

    failure = hide_process()
    if failure is not None and not vars(options).get("quiet", False):
        console.info(f"processes of the same user can read the memory of SecretSync: {failure}")


def _warn_of_end(seconds: float, ref: SecretRef, what: str) -> None:
    from secretsync.core.durations import format_duration  # Imported only if a secret is leased.

    console.info(
        f"{ref} ends with {what} in {format_duration(seconds)}, the shortest of this configuration; nothing renews it: "
        "restart the application before, or let it call refresh()"
    )


def _wait_line(options: argparse.Namespace) -> WaitDisplay:
    from secretsync.cli.output.wait_line import WaitLine  # Imported only if a request is sent again.

    return WaitLine(is_quiet=options.quiet)


def _print_activity(activity: StoreActivity) -> None:
    console.info(str(activity))


def _access_log(options: argparse.Namespace, environ: Mapping[str, str]) -> AccessLog | None:
    """Return the access log, or None if none is configured. Raises UsageError if one is required but not named."""
    path = environ.get("SECRETSYNC_ACCESS_LOG") if options.access_log is None else options.access_log
    if not path:
        if options.require_access_log or options.access_log is not None:
            raise UsageError("no access log is named; give --access-log FILE, or set $SECRETSYNC_ACCESS_LOG")
        return None
    from secretsync.resolving.requests.access_log import AccessLog

    return AccessLog(path, environ, warn=console.warn, is_required=options.require_access_log)


def finding_printer(options: argparse.Namespace) -> Callable[[RuleFinding], None]:
    """Return the function that prints a finding as a warning, except with --quiet."""

    def warn(finding: RuleFinding) -> None:
        if not options.quiet:
            console.warn(str(finding.problem))

    return warn


def resolve_valid(
    plan: Plan,
    environ: Environ,
    options: argparse.Namespace,
    *,
    is_hidden: bool | None = None,
    on_leases: Callable[[tuple[StoreLeases, ...]], None] | None = None,
) -> Config:
    """Return the resolved configuration of a plan. The values of a strict environment are validated.

    `is_hidden`: as in `store_access`; None means True if the values of a store are not on this machine anyway.
    `on_leases`: called with the leases that another process renews; None means that there is no such process.
    """
    from secretsync.core.errors import ValidationError
    from secretsync.resolving.pipeline import resolve_plan

    is_judged = plan.is_strict and not options.no_validate
    if plan.is_strict and options.no_validate:
        console.info(f"{plan.project.label}: values are not validated (--no-validate)")

    if is_hidden is None:
        # Files and variables can be read by the same processes, and the protection costs a start some milliseconds.
        used = [plan.specs[store] for store in {ref.store for ref in plan.refs}]
        is_hidden = any(spec.is_secret_store and not spec.is_local for spec in used)
    access = store_access(options, environ, is_logged=True, is_hidden=is_hidden)
    is_warned = on_leases is None and not options.quiet
    access = replace(access, on_lease=_warn_of_end if is_warned else None, on_leases=on_leases)
    try:
        return resolve_plan(plan, access, validate=is_judged, warn=finding_printer(options))
    except ValidationError as error:
        error.add_note("in an emergency, --no-validate accepts the values")  # printed behind the problems
        raise
