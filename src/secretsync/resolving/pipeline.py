"""Resolve a plan: request its secrets from their stores, put the answers in, validate the values."""

from __future__ import annotations

from secretsync.config.config import Config
from secretsync.core.errors import ResolutionError, ValidationError
from secretsync.core.model import Resolved
from secretsync.planning.plan import EntryId, Plan
from secretsync.planning.request import ConfigRequest, load_plan
from secretsync.resolving.resolve import Inputs, resolve
from secretsync.resolving.stores import StoreAccess

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from secretsync.policy.findings import RuleFinding
    from secretsync.policy.policy import Policy
    from secretsync.resolving.value_checks import Hazard


def resolve_plan(
    plan: Plan,
    access: StoreAccess,
    *,
    known: Mapping[EntryId, Resolved] | None = None,
    request: ConfigRequest | None = None,
    validate: bool = False,
    check_values: bool = False,
    warn: Callable[[RuleFinding], None] | None = None,
) -> Config:
    """Return the configuration of a plan.

    `known`: entries whose values are known already; no store is asked for them.
    `request`: where a reload reads the plan from; None means that a reload uses the same plan.
    `validate`: True if the values are validated by the policy.
    `check_values`: refuse empty secrets, and secrets that change how a URL is read, also without `validate`. A lenient
    environment warns of them in any case.
    `warn`: called with each warning; None means that warnings are logged.

    Raises ConfigurationError for a missing SDK or a bad policy, ResolutionError with every secret that cannot be
    resolved, and ValidationError with every value that is not allowed.
    """
    policy = None
    hazards: list[Hazard] = []
    if validate:
        from secretsync.policy.policy_file import open_policy  # Imported only if values are validated.

        policy = open_policy(plan)
    requested = plan.without(known) if known else plan
    answers = access.values(requested)

    def reload() -> Config:
        newest = plan if request is None else load_plan(request, access.environ, access.replaced)
        return resolve_plan(newest, access, request=request, validate=validate, check_values=check_values, warn=warn)

    def check(inputs: Inputs, values: Mapping[EntryId, Resolved]) -> None:
        from secretsync.resolving.value_checks import find_hazards  # Imported only if values are checked.

        hazards.extend(find_hazards(inputs, values))

    # A plan of plain text has no secret whose value could be empty or break a URL.
    has_parts = any(planned.text is None for planned in plan.entries.values())
    is_checked = has_parts and (validate or check_values or not plan.is_strict)
    result = resolve(
        requested, answers, access.environ, inherited=known, reload=reload, check=check if is_checked else None
    )
    if not isinstance(result, Config):
        raise ResolutionError(result)
    if policy is not None or hazards:
        _validate(result, plan, policy, access.environ, warn or _log, hazards)
    return result


def _validate(
    config: Config,
    plan: Plan,
    policy: Policy | None,
    environ: Mapping[str, str],
    warn: Callable[[RuleFinding], None],
    hazards: Iterable[Hazard],
) -> None:
    """Validate all values: raise ValidationError with every error, and call `warn` with each finding below an error.

    `policy`: None means that only `hazards` are findings.
    """
    from secretsync.policy.policy_file import read_policy
    from secretsync.policy.rules import Severity
    from secretsync.policy.subjects import subjects_of
    from secretsync.policy.validate import judge, today, without_ignored

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
    findings = without_ignored(policy or read_policy(plan.project), findings, today)
    errors = [finding.problem for finding in findings if finding.severity is Severity.ERROR]
    for finding in findings:
        if finding.severity is not Severity.ERROR:
            warn(finding)
    if errors:
        raise ValidationError(errors)


def value_findings(hazards: Iterable[Hazard], *, is_strict: bool) -> tuple[RuleFinding, ...]:
    """Return the findings of values: errors only in strict environments."""
    from secretsync.policy.findings import found
    from secretsync.policy.rules import Severity

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


def _log(finding: RuleFinding) -> None:
    log_warning(str(finding.problem))


def log_warning(text: str) -> None:
    """Log `text` as a warning of `secretsync`."""
    import logging

    logging.getLogger("secretsync").warning("%s", text)
