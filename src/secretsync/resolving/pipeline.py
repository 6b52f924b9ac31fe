"""From a plan to a configuration, or to what the stores say about its secrets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from secretsync.config.config import Config, Resolved
from secretsync.core.errors import (
    ResolutionError,
    ValidationError,
)
from secretsync.core.model import Payload, SecretInfo
from secretsync.planning.plan import EntryId, Plan
from secretsync.planning.request import (
    ConfigRequest,
    load_plan,
    make_deadline,
)
from secretsync.providers.interface import Deadline, Provider
from secretsync.resolving.fetch import Answers, StoreState, fetch, identify, inspect
from secretsync.resolving.resolve import Inputs, resolve
from secretsync.resolving.stores import Stores, open_stores

if TYPE_CHECKING:
    from secretsync.policy.policy_file import Policy
    from secretsync.policy.rules import Finding
    from secretsync.resolving.access_log import AccessLog
    from secretsync.resolving.activity import StoreActivity
    from secretsync.resolving.value_checks import Hazard

__all__ = ["fetch_logged", "identify_stores", "inspect_plan", "log_warning", "resolve_plan", "value_findings"]


def resolve_plan(
    plan: Plan,
    environ: Mapping[str, str],
    *,
    timeout: float | None = None,
    stores: Mapping[str, Provider] | None = None,
    known: Mapping[EntryId, Resolved] | None = None,
    request: ConfigRequest | None = None,
    validate: bool = False,
    check_values: bool = False,
    warn: Callable[[Finding], None] | None = None,
    log: AccessLog | None = None,
    on_activity: Callable[[StoreActivity], None] | None = None,
) -> Config:
    """The configuration that a plan gives: ask the stores, put the answers in, judge the values.

    `check_values`: refuse empty secrets, and secrets that change how a URL is read, also without `validate`. A lenient
    environment warns of them in any case.
    `known`: entries whose values are known already; no store is asked for them.
    `warn`: called with each warning; None means that it is logged. `log`: the access log of reads of secrets.
    `on_activity`: called with the activity of each store.

    Raises ConfigurationError for a missing SDK or a bad policy, ResolutionError with every secret that could not be
    had, ValidationError with every value that is not allowed.
    """
    deadline = make_deadline(plan.bindings, timeout)
    policy = None
    hazards: list[Hazard] = []
    if validate:
        from secretsync.policy.policy_file import open_policy  # who does not validate needs none of it

        policy = open_policy(plan.project)
    asked = plan.without(known) if known else plan
    with open_stores(asked, environ, stores, on_activity) as opened:
        answers = fetch_logged(asked, opened, deadline, log)

    def reload() -> Config:
        again = load_plan(request, environ, stores) if request is not None else plan
        return resolve_plan(
            again, environ, timeout=timeout, stores=stores, request=request, validate=validate, warn=warn, log=log
        )

    def check(inputs: Inputs, values: Mapping[EntryId, Resolved]) -> None:
        from secretsync.resolving.value_checks import find_hazards

        hazards.extend(find_hazards(inputs, values))

    is_checked = validate or check_values or not plan.is_strict
    result = resolve(asked, answers, environ, inherited=known, reload=reload, check=check if is_checked else None)
    if not isinstance(result, Config):
        raise ResolutionError(result)
    if policy is not None or hazards:
        _validate(result, plan, policy, environ, warn or _log, hazards)
    return result


def fetch_logged(plan: Plan, stores: Stores, deadline: Deadline, log: AccessLog | None) -> Answers[Payload]:
    """The values of every secret that the plan needs, written down in the access log where there is one."""
    if log is None:
        return fetch(plan, stores, deadline)
    from secretsync.resolving.access_log import reads_of

    reads = reads_of(plan)
    log.prepare(reads)
    answers = fetch(plan, stores, deadline)
    log.write(reads, answers)
    return answers


def _validate(
    config: Config,
    plan: Plan,
    policy: Policy | None,
    environ: Mapping[str, str],
    warn: Callable[[Finding], None],
    hazards: Iterable[Hazard],
) -> None:
    """Raise ValidationError with every finding that is an error, and pass the others to `warn`.

    `policy`: None means that only `hazards` are findings.
    """
    from secretsync.policy.policy_file import read_policy
    from secretsync.policy.rules import Severity
    from secretsync.policy.validate import judge, subjects_of, today, without_ignored

    findings = value_findings(hazards, is_strict=plan.is_strict)
    if policy is not None:
        verdict = judge(
            policy,
            subjects_of(config),
            is_strict=plan.is_strict,
            environ=environ,
            services=config.services,
            known_services=plan.known_services,
        )
        findings = (*verdict.findings, *findings)
    findings = tuple(without_ignored(policy or read_policy(plan.project), findings, today))
    errors = [finding.problem for finding in findings if finding.severity is Severity.ERROR]
    for finding in findings:
        if finding.severity is not Severity.ERROR:
            warn(finding)
    if errors:
        raise ValidationError(errors)


def value_findings(hazards: Iterable[Hazard], *, is_strict: bool) -> tuple[Finding, ...]:
    """Return the findings of values: errors only in strict environments."""
    from secretsync.policy.rules import Severity, found

    return tuple(
        found(
            one.rule,
            one.message,
            key=one.key,
            file=one.file,
            line=one.line,
            hint=one.hint,
            severity=Severity.ERROR if is_strict and one.is_refused else Severity.WARNING,
        )
        for one in hazards
    )


def _log(finding: Finding) -> None:
    log_warning(str(finding.problem))


def log_warning(text: str) -> None:
    """Log `text` as a warning of `secretsync`."""
    import logging

    logging.getLogger("secretsync").warning("%s", text)


def inspect_plan(
    plan: Plan,
    environ: Mapping[str, str],
    *,
    timeout: float | None = None,
    on_activity: Callable[[StoreActivity], None] | None = None,
) -> Answers[SecretInfo]:
    """What the stores say about every secret of a plan, without a value.

    `on_activity`: called with the activity of each store.

    Raises ConfigurationError for a missing SDK.
    """
    with open_stores(plan, environ, on_activity=on_activity) as opened:
        return inspect(plan, opened, make_deadline(plan.bindings, timeout))


def identify_stores(
    request: ConfigRequest, environ: Mapping[str, str], *, timeout: float | None = None
) -> tuple[str, tuple[StoreState, ...]]:
    """What the environment is called, and who we are at each store that it refers to or configures.

    Raises ConfigurationError with everything that is wrong in the files, or for a missing SDK.
    """
    plan = load_plan(request, environ)
    configs = {**plan.bindings.stores, **plan.stores}
    with Stores(configs, plan.project, environ) as opened:
        return plan.project.label, identify(opened, make_deadline(plan.bindings, timeout))
