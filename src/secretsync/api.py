"""Resolve a configuration, or check how old its secrets are: the two functions of the library."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from secretsync.config.config import Config
from secretsync.core.errors import ConfigurationError, UsageError
from secretsync.core.frames import hides_variables
from secretsync.core.model import Resolved
from secretsync.core.records import replace
from secretsync.core.secret import Environ
from secretsync.planning.arguments import check_environ, check_stores, check_timeout, check_type
from secretsync.planning.plan import EntryId, Plan
from secretsync.planning.request import ConfigRequest, load_plan, make_request, open_request
from secretsync.project.layout import NO_PROJECT
from secretsync.providers.interface import Provider
from secretsync.resolving.handover import Handover, HandoverError
from secretsync.resolving.pipeline import log_warning, resolve_plan
from secretsync.resolving.stores import StoreAccess

if TYPE_CHECKING:
    from datetime import datetime

    from secretsync.resolving.requests.access_log import AccessLog
    from secretsync.rotation.report import RotationReport


@hides_variables
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
    """Return the configuration of `environment`, with every selected secret resolved.

    environment: the name of a folder in `env/`; None means the environment for which `run` started this application,
    else `$SECRETSYNC_ENV`, `$ENVIRONMENT`, else development.
    root: the folder of the project; None means `$SECRETSYNC_ROOT`, else the nearest parent folder with an
    `env/<name>/*.env`.
    services: the services to resolve; None means all, or those that `run` selected if it started this application.
    environ: the process environment to use; None means `os.environ`. It is never changed.
    timeout: seconds above zero for the whole resolution; None means the `timeout` of the bindings, else 30.
    files: env files that are used in place of `env/`; later files override earlier files. `environment` is then only a
    name. It decides strictness and fills `{environment}` in the keys of stores; files without a name are lenient.
    bindings: the bindings file for `files`.
    stores: providers that are used in place of configured stores, by store name; for tests. The values that `run`
    resolved are not used then.
    validate: True if values are validated by `env/<environment>/policy.toml` and the built-in rules; None means that
    they are validated in strict environments. Warnings are logged as `secretsync`.

    In an application that `secretsync run` started for the same environment, the values that `run` resolved and
    validated are used. They are in the process environment, and no store is asked. If a secret was changed there since,
    none of these values is used. The stores are asked, and a warning is logged.

    Logins and connections to stores are kept for the next call and for `refresh`; `close_stores` ends them.

    Raises ConfigurationError (ValidationError is a subclass), ResolutionError or UsageError, each with every problem.
    """
    check_environ(environ)
    check_timeout(timeout)
    check_stores(stores)
    check_type("validate", validate, bool, "True or False")
    environ = Environ(os.environ if environ is None else environ)
    request = make_request(environment, root, services, files, bindings, timeout)
    request, handover = _complete(request, environ)
    withheld = () if handover is None else handover.withheld
    plan = None
    if handover is not None:
        plan = None if stores is not None else _without_files(request, handover, environ)
        own = request if plan is not None else _as_resolved(request, handover, environ)
        request, environ = (request, handover.hide(environ)) if own is None else (own, environ)
        handover = None if own is None or stores is not None else handover
    plan = plan or _plan(request, handover, environ, stores)
    known, is_judged = _handed_over(handover, plan, environ)
    return resolve_plan(
        plan,
        StoreAccess(
            environ,
            timeout=timeout,
            replaced=stores,
            access_log=_access_log(environ),
            withheld=withheld,
            are_kept=True,
        ),
        known=known,
        request=request,
        validate=plan.is_strict and not is_judged if validate is None else validate,
    )


def _complete(request: ConfigRequest, environ: Mapping[str, str]) -> tuple[ConfigRequest, Handover | None]:
    """Return `request` with what `run` resolved for all that it does not name, and what `run` handed over.

    Raises HandoverError if nothing is named and the variables of `run` are damaged: any environment would be a guess.
    """
    try:
        handover = Handover.from_environ(environ)
    except HandoverError as error:
        if request.environment is None and request.files is None:
            raise
        log_warning(f"{error}; the stores are asked")
        return request, None
    return (request, None) if handover is None else (handover.complete(request, environ), handover)


def _without_files(request: ConfigRequest, handover: Handover, environ: Mapping[str, str]) -> Plan | None:
    """Return a plan of what `run` handed over, if `request` asks for that and its files do not exist any more."""
    mine = (handover.environment, handover.root, handover.files)
    if (request.environment, request.root, request.files) != mine or handover.files == ():
        return None
    try:
        open_request(request, environ)
    except UsageError:
        from secretsync.resolving.handed_values import HandedValues  # Imported only if the files do not exist.
        from secretsync.resolving.handover_plan import plan_without_files
    else:
        return None
    return plan_without_files(HandedValues.read(handover, environ), environ, request.services)


def _plan(
    request: ConfigRequest,
    handover: Handover | None,
    environ: Mapping[str, str],
    stores: Mapping[str, Provider] | None,
) -> Plan:
    """Return the plan of the files, or of what `run` handed over if the files cannot be planned in this process.

    A file may use a variable that `run` had and the application does not have, for example because of `--clean`.
    """
    try:
        return load_plan(request, environ, stores)
    except UsageError as error:
        if handover is not None or error.problems[0].cause != NO_PROJECT:
            raise
    except ConfigurationError:
        if handover is None or not set(request.services or ()) <= set(handover.services):
            raise
        from secretsync.resolving.handed_values import HandedValues  # Imported only if the files cannot be planned.
        from secretsync.resolving.handover_plan import plan_without_files

        values = HandedValues.read(handover, environ)
        if not values.are_secrets_intact:
            raise
        return plan_without_files(values, environ, request.services)
    raise UsageError(f"{NO_PROJECT}; if this application has no files, start it through `secretsync run`")


def _as_resolved(request: ConfigRequest, handover: Handover, environ: Mapping[str, str]) -> ConfigRequest | None:
    """Return `request` with the variables and services of `run`; None if `run` resolved another configuration."""
    own = replace(request, variables=handover.variables, are_variables_highest=True)
    project = open_request(own, environ)
    if not handover.is_of(project):
        return None
    if own.services is None:
        own = replace(own, services=tuple(name for name in handover.services if name in project.services))
    return own


def _handed_over(
    handover: Handover | None, plan: Plan, environ: Mapping[str, str]
) -> tuple[dict[EntryId, Resolved], bool]:
    """Return the values that `run` handed over for `plan`, and whether no validation is needed any more."""
    if handover is None:
        return {}, False
    from secretsync.resolving.handed_values import HandedValues  # Imported only in an application that `run` started.

    values = HandedValues.read(handover, environ)
    is_judged = not handover.validates or (values.are_secrets_intact and values.are_settings_intact)
    if not values.are_secrets_intact:
        if handover.variables is not None:
            raise UsageError(
                f"{handover.label}: a secret was changed after `secretsync run` had resolved it from a placeholder in "
                "a variable, and only `run` can resolve it again; start the application again"
            )
        log_warning(
            f"{handover.label}: a secret was changed after `secretsync run` had resolved it, so none of the values "
            "that `run` handed over is used; the stores are asked"
        )
    return values.resolved(plan), is_judged


def _access_log(environ: Mapping[str, str]) -> AccessLog | None:
    """Return the access log that the environment names; None if it names no file."""
    path = environ.get("SECRETSYNC_ACCESS_LOG")
    if not path:
        return None
    from secretsync.resolving.requests.access_log import AccessLog  # Imported only if an access log is configured.

    return AccessLog(path, environ, warn=log_warning)


@hides_variables
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
    """Return how old the secrets of `environment` are, compared with its policy. No value is requested.

    now: the time of the check, with a time zone; None means the present time.
    timeout: seconds for all stores together; None means the `timeout` of the bindings, else 30, and 1 more for each 25
    secrets.
    strict: True if a secret that is due or of unknown age is a finding too.
    progress: called with each answer: the number of answers, and of secrets that were requested.
    The other arguments are as in `resolve_config`.

    A secret without an answer from its store is a row of the report. Raises ConfigurationError for wrong files or a
    missing SDK, and UsageError, also for a `now` without a time zone.
    """
    from datetime import datetime

    check_environ(environ)
    check_timeout(timeout)
    check_stores(stores)
    check_type("strict", strict, bool, "True or False")
    check_type("now", now, datetime, "a datetime with a time zone")
    if now is not None and now.utcoffset() is None:
        raise UsageError("now has no time zone, and could be any moment of a day; give an aware datetime")
    environ = Environ(os.environ if environ is None else environ)
    named = replace(make_request(environment, root, services, files, bindings, timeout), is_judged=True)
    request, handover = _complete(named, environ)
    withheld = () if handover is None else handover.withheld
    if handover is not None and _as_resolved(request, handover, environ) is None:
        environ = handover.hide(environ)
    plan = load_plan(request, environ, stores)
    from secretsync.rotation.check import rotation_of_plan  # Imported only here, because resolving does not need it.

    access = StoreAccess(environ, timeout=timeout, replaced=stores, progress=progress, withheld=withheld, are_kept=True)
    return rotation_of_plan(plan, access, now=now, strict=strict)
