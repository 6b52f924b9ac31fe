"""The evidence of an audit: what files, git, the other environments and, on wish, the stores say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from secretsync.audit.evidence import Ages, Evidence, Online
from secretsync.audit.report import AuditReport, audit
from secretsync.audit.state import file_states, git_state, owners
from secretsync.core.errors import ProblemKind, SecretSyncError
from secretsync.core.model import AnyEnviron, Secret
from secretsync.inspection.check import check
from secretsync.planning.plan import EntryId, EnvironPart, Plan
from secretsync.planning.request import ConfigRequest, load_plan, make_deadline
from secretsync.policy.policy_file import open_policy
from secretsync.policy.rules import RULES, Finding, Severity, found
from secretsync.policy.validate import planned_subjects, written_values
from secretsync.project.env_file import read_env_file
from secretsync.project.layout import Project, environments
from secretsync.resolving.pipeline import fetch_logged, inspect_plan, value_findings
from secretsync.resolving.resolve import resolve_values
from secretsync.resolving.stores import open_stores
from secretsync.resolving.value_checks import Hazard, find_hazards
from secretsync.rotation.report import RotationReport, State, assess

if TYPE_CHECKING:
    from secretsync.resolving.access_log import AccessLog
    from secretsync.resolving.activity import StoreActivity

__all__ = ["audit_plan"]


def audit_plan(
    plan: Plan,
    environ: Mapping[str, str],
    *,
    at: datetime,
    is_online: bool = False,
    timeout: float | None = None,
    log: AccessLog | None = None,
    on_activity: Callable[[StoreActivity], None] | None = None,
) -> AuditReport:
    """What an audit of a plan's environment at the moment `at` (aware, UTC) finds.

    `is_online`: ask the stores for values and ages; what they do not give is in the report.
    `log`: the access log of reads of secrets.
    `on_activity`: called with the activity of each store.

    Raises ConfigurationError for a bad policy or a missing SDK.
    """
    policy = open_policy(plan.project)
    values, online = written_values(plan), None
    if is_online:
        values, online = _ask_for_audit(plan, environ, at, timeout, log, on_activity)
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
                for part in planned.all_parts
                if isinstance(part, EnvironPart) and environ.get(part.name) is None
            ),
        )
    )


def _ask_for_audit(
    plan: Plan,
    environ: Mapping[str, str],
    at: datetime,
    timeout: float | None,
    log: AccessLog | None,
    on_activity: Callable[[StoreActivity], None] | None,
) -> tuple[dict[EntryId, Secret], Online]:
    """The values that the stores give, and what they say besides; what they do not give is a problem, not an end."""
    with open_stores(plan, environ, on_activity=on_activity) as opened:
        answers = fetch_logged(plan, opened, make_deadline(plan.bindings, timeout), log)
        hazards: list[Hazard] = []
        values, problems = resolve_values(
            plan, answers, environ, lambda inputs, resolved: hazards.extend(find_hazards(inputs, resolved))
        )
    infos = inspect_plan(plan, environ, timeout=timeout, on_activity=on_activity)
    checked = check(plan, infos, at)
    told = {problem.key for problem in problems}
    by_metadata = [problem for problem in checked.problems if problem.key not in told]
    # The right to read metadata is another one than that to read values: who lacks it has a secret all the same.
    unusable = tuple(problem for problem in by_metadata if problem.kind is ProblemKind.UNUSABLE)
    unseen = [f"metadata: {problem}" for problem in by_metadata if problem.kind is not ProblemKind.UNUSABLE]
    report = assess(plan, infos, at)
    return values, Online(
        problems=(*problems, *unusable),
        findings=(*value_findings(hazards, is_strict=plan.is_strict), *_age_findings(plan, report)),
        ages=_ages(report),
        not_checked=(*checked.not_checked, *unseen),
    )


# The rule that speaks of a state; what a store did not answer is no finding, but a problem.
_AGE_RULES = {
    State.OVERDUE: "rotation-overdue",
    State.EXPIRED: "rotation-expired",
    State.DUE: "rotation-due",
    State.UNKNOWN: "rotation-undated",
}


def _age_findings(plan: Plan, report: RotationReport) -> Iterator[Finding]:
    """What `check-rotation` finds, at the first entry that uses the secret."""
    for finding in report.findings:
        rule = _AGE_RULES.get(finding.state)
        if rule is None or finding.kind is not None or (rule == "rotation-undated" and not plan.is_strict):
            continue
        key = finding.keys[0]
        is_weak = RULES[rule].severity is Severity.WARNING or not plan.is_strict
        yield found(
            rule,
            f"{finding.reference}: {finding.cause}",
            key=key.name,
            file=key.file,
            line=key.line,
            hint=finding.hint,
            severity=Severity.WARNING if is_weak else Severity.ERROR,
        )


def _ages(report: RotationReport) -> Ages:
    summary = report.summary
    return Ages(
        secrets=len(report.secrets),
        dated=sum(secret.age is not None for secret in report.secrets),
        exempt=summary[State.EXEMPT],
        overdue=summary[State.OVERDUE] + summary[State.EXPIRED],
    )


def _other_plans(project: Project, environ: Mapping[str, str]) -> dict[str, Plan | str]:
    """The plans of the project's other environments, or why there is none."""
    if not project.is_in_folders:
        return {}
    plans: dict[str, Plan | str] = {}
    for name in environments(project.root):
        if name == project.environment:
            continue
        try:
            plans[name] = load_plan(ConfigRequest(environment=name, root=project.root), AnyEnviron(environ))
        except SecretSyncError as error:
            plans[name] = f"it cannot be read ({len(error.problems)} problems)"
    return plans
