"""From the options that commands share to plans and configurations."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from secretsync.cli.console import say
from secretsync.core.errors import UsageError

if TYPE_CHECKING:
    from secretsync.config.config import Config
    from secretsync.core.model import Environ
    from secretsync.planning.plan import Plan
    from secretsync.planning.request import ConfigRequest
    from secretsync.policy.rules import Finding
    from secretsync.project.env_file import EnvFile
    from secretsync.resolving.access_log import AccessLog
    from secretsync.resolving.handover import Handover

__all__ = [
    "access_log",
    "activity_printer",
    "environment_of",
    "handed_over",
    "open_plan",
    "open_plans",
    "resolve_valid",
    "visible_environ",
]


def environment_of(
    options: argparse.Namespace,
    environ: Environ,
    *,
    must_be_named: bool,
    variables: EnvFile | None = None,
    is_judged: bool = False,
) -> ConfigRequest:
    """What the options name. Raises UsageError where they exclude each other, or nothing is named and must be.

    `variables`: the placeholders that stand in inherited variables; with them there need be no env file. `is_judged`:
    env files without the name of an environment are strict.
    """
    from secretsync.planning.request import ConfigRequest
    from secretsync.project.layout import named_environment

    services = None if options.service is None else tuple(options.service)
    if options.env_file is not None:
        if services is not None:
            raise UsageError("--service belongs to an environment: env files have no services")
        return ConfigRequest(
            environment=options.environment,
            root=options.root,
            files=tuple(options.env_file),
            bindings=options.bindings,
            variables=variables,
            is_judged=is_judged,
        )
    if options.environment is None and options.bindings is None and (started := _as_started(environ)) is not None:
        source = ConfigRequest(root=options.root, services=services, variables=variables)
        return started.complete(source, environ)._replace(is_judged=is_judged)
    # An empty name is a name that was not filled in: it is refused, and nothing else is taken in its place.
    environment = named_environment(environ) if options.environment is None else options.environment
    is_without_files = variables is not None and environment is None and not _has_environments(options.root, environ)
    if is_without_files:
        return ConfigRequest(root=options.root, bindings=options.bindings, variables=variables)
    if options.bindings is not None:
        raise UsageError("--bindings goes with --env-file; an environment has providers/<environment>.toml")
    if environment is None and must_be_named:
        raise UsageError(
            "no environment is named, and a guess could start the wrong one; give -e NAME, or set $SECRETSYNC_ENV"
        )
    return ConfigRequest(environment=environment, root=options.root, services=services, variables=variables)


def _as_started(environ: Environ) -> Handover | None:
    """Return what `run` resolved if an application that it started calls this command; None if `run` read no files."""
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
    """Return what a `run` handed over to this process; None if there is none, or if its variables are damaged."""
    from secretsync.resolving.handover import Handover, HandoverError

    try:
        return Handover.from_environ(environ)
    except HandoverError:
        return None


def _has_environments(root: str | None, environ: Environ) -> bool:
    from secretsync.project.layout import find_root

    try:
        find_root(root, environ)
    except UsageError:
        return False
    return True


def open_plan(
    options: argparse.Namespace,
    *,
    must_be_named: bool = False,
    environ: Environ | None = None,
    variables: EnvFile | None = None,
    is_judged: bool = False,
    kept: Collection[str] = (),
) -> tuple[Plan, Environ]:
    """The plan that the options ask for, and the process environment (None: as it is now).

    `kept`: the names of variables that stay in it, although another `run` resolved them.
    """
    from secretsync.core.model import Environ
    from secretsync.planning.request import load_plan

    environ = Environ(os.environ) if environ is None else environ
    source = environment_of(options, environ, must_be_named=must_be_named, variables=variables, is_judged=is_judged)
    environ = visible_environ(source, environ, kept)
    plan = load_plan(source, environ)
    if options.verbose:
        _say_what_is_planned(plan)
    return plan, environ


def _say_what_is_planned(plan: Plan) -> None:
    strictness = "strict" if plan.is_strict else "lenient"
    entries = f"{len(plan.entries)} entr{'y' if len(plan.entries) == 1 else 'ies'}"
    secrets = f"{len(plan.refs)} secret{'' if len(plan.refs) == 1 else 's'}"
    say(f"{plan.project.label}: {strictness}, {entries}, {secrets} to look for")


def open_plans(
    options: argparse.Namespace, environ: Environ, known: Mapping[str, str] | None = None
) -> tuple[list[Plan], bool]:
    """The plans of all that `add_source(several=True)` lets a caller name, and whether several were asked for.

    `known`: the variables that the plans may count on; None: those of `environ`. Raises ConfigurationError with the
    problems of all of them.
    """
    from secretsync.core.errors import ConfigurationError, Problem
    from secretsync.planning.request import load_plan
    from secretsync.project.layout import environments, find_root

    names: tuple[str | None, ...] = tuple(dict.fromkeys(options.environment or ())) or (None,)
    if options.all:
        if options.environment or options.env_file is not None:
            raise UsageError("--all takes every environment; it excludes --environment and --env-file")
        names = environments(find_root(options.root, environ))
    plans: list[Plan] = []
    problems: list[Problem] = []
    for name in names:
        of_one = argparse.Namespace(**{**vars(options), "environment": name})
        try:
            source = environment_of(of_one, environ, must_be_named=False, is_judged=True)
            plans.append(load_plan(source, environ if known is None else known))
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError(problems)
    if options.verbose:
        for plan in plans:
            _say_what_is_planned(plan)
    return plans, options.all or len(names) > 1


def access_log(options: argparse.Namespace, environ: Mapping[str, str]) -> AccessLog | None:
    """Where reads of secrets are written down, if anywhere. Raises UsageError where that is required and not said."""
    path = environ.get("SECRETSYNC_ACCESS_LOG") if options.access_log is None else options.access_log
    if not path:
        if options.require_access_log or options.access_log is not None:
            raise UsageError("no access log is named; give --access-log FILE, or set $SECRETSYNC_ACCESS_LOG")
        return None
    from secretsync.resolving.access_log import AccessLog

    return AccessLog(path, environ, warn=lambda text: say(f"warning: {text}"), is_required=options.require_access_log)


def resolve_valid(plan: Plan, environ: Environ, options: argparse.Namespace) -> Config:
    """The configuration of a plan, its values judged where it is strict. Warnings are said on stderr."""
    from secretsync.core.errors import ValidationError
    from secretsync.resolving.pipeline import resolve_plan

    is_judged = plan.is_strict and not options.no_validate
    if plan.is_strict and options.no_validate:
        say(f"{plan.project.label}: values are not validated (--no-validate)")

    def warn(finding: Finding) -> None:
        if not options.quiet:
            say(f"warning: {finding.problem}")

    try:
        return resolve_plan(
            plan,
            environ,
            timeout=options.timeout,
            validate=is_judged,
            warn=warn,
            log=access_log(options, environ),
            on_activity=activity_printer(options),
        )
    except ValidationError:
        say("in an emergency, --no-validate takes the values as they are")
        raise


def activity_printer(options: argparse.Namespace) -> Callable[[object], None] | None:
    """With --verbose, who says what each store did: how many requests, and how long its answers took."""
    return (lambda work: say(str(work))) if options.verbose else None
