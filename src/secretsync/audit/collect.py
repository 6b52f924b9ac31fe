"""Collect the evidence of an audit: from files, git, the other environments and, if wanted, the stores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from secretsync.audit.evidence import Ages, Evidence, Online
from secretsync.audit.images import image_copies
from secretsync.audit.report import AuditReport, audit
from secretsync.audit.state import file_states, git_state, owners
from secretsync.core.durations import format_duration
from secretsync.core.errors import ProblemKind, SecretSyncError
from secretsync.core.model import Found, Resolved
from secretsync.core.secret import AnyEnviron, Payload, Secret
from secretsync.core.text import count_of
from secretsync.inspection.check import check
from secretsync.planning.plan import EntryId, EnvironPart, Plan
from secretsync.planning.request import ConfigRequest, load_plan
from secretsync.policy.findings import RuleFinding, found
from secretsync.policy.plaintext import plaintext_of
from secretsync.policy.policy_file import open_policy
from secretsync.policy.rules import RULES
from secretsync.policy.subjects import planned_subjects, written_values
from secretsync.project.layout import Project, environments
from secretsync.resolving.pipeline import value_findings
from secretsync.resolving.resolve import Inputs, resolve_values
from secretsync.resolving.stores import Answers, StoreAccess
from secretsync.resolving.value_checks import Hazard, find_hazards
from secretsync.rotation.age_rules import State
from secretsync.rotation.assess import assess
from secretsync.rotation.report import RotationReport


def audit_plan(
    plan: Plan, environ: Mapping[str, str], *, at: datetime, access: StoreAccess | None = None
) -> AuditReport:
    """Return the findings of an audit of a plan's environment.

    `at`: the time of the audit, in UTC.
    `access`: requests values and ages from the stores; None means an audit of the files alone.

    Raises ConfigurationError for a bad policy or a missing SDK.
    """
    policy = open_policy(plan)
    values, online = (written_values(plan), None) if access is None else _ask_stores(plan, access, at)
    project = plan.project
    return audit(
        Evidence(
            plan=plan,
            policy=policy,
            files=plan.files,
            plaintext=tuple(plaintext_of(plan.files, policy, is_strict=plan.is_strict)),
            subjects=planned_subjects(plan, values),
            states=file_states(project),
            owners=owners(project),
            git=git_state(plan, environ),
            images=image_copies(plan),
            others=_other_plans(project, environ),
            environ=None if access is None else environ,
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


def _ask_stores(plan: Plan, access: StoreAccess, at: datetime) -> tuple[dict[EntryId, Secret], Online]:
    """Return the values and the evidence from the stores. A secret that a store does not return is a problem in it."""
    hazards: list[Hazard] = []

    def check_values(inputs: Inputs, resolved: Mapping[EntryId, Resolved]) -> None:
        hazards.extend(find_hazards(inputs, resolved))

    answers = access.values(plan)
    values, problems = resolve_values(plan, answers, access.environ, check_values)
    infos = access.metadata(plan)
    read = frozenset(ref for ref in answers.requested if isinstance(answers.of(ref), Found))
    checked = check(plan, infos, at, read=read)
    reported = {problem.key for problem in problems}
    by_metadata = [problem for problem in checked.problems if problem.key not in reported]
    # Reading metadata needs another permission than reading values, so a value can be usable without its metadata.
    unusable = tuple(problem for problem in by_metadata if problem.kind is ProblemKind.UNUSABLE)
    unseen = [f"metadata: {problem}" for problem in by_metadata if problem.kind is not ProblemKind.UNUSABLE]
    report = assess(plan, infos, at)
    return values, Online(
        problems=(*problems, *unusable),
        values=value_findings(hazards, is_strict=plan.is_strict),
        findings=tuple(_age_findings(plan, report)),
        leases=tuple(_lease_findings(plan, answers)),
        ages=_ages(report),
        not_checked=(*checked.not_checked, *unseen),
        values_read=tuple(sorted(map(str, read))),
    )


def _lease_findings(plan: Plan, answers: Answers[Payload]) -> Iterator[RuleFinding]:
    """Yield a finding for each leased secret, at the first entry that uses it."""
    for seconds, ref, what in answers.leased():
        places = (
            (planned, part)
            for planned in plan.entries.values()
            for part in planned.secrets
            if any(target.ref == ref for target in part.targets)
        )
        planned, part = next(places)
        entry = planned.entry
        message = f"{ref} ends with {what} after {format_duration(seconds)}"
        yield found("lease-ends", message, key=entry.key, file=entry.file, line=planned.location(part)[0])


# The rule for each state. A secret without an answer from its store is a problem and not a finding.
_AGE_RULES = {
    State.OVERDUE: "rotation-overdue",
    State.EXPIRED: "rotation-expired",
    State.DUE: "rotation-due",
    State.UNKNOWN: "rotation-undated",
}


def _age_findings(plan: Plan, report: RotationReport) -> Iterator[RuleFinding]:
    """Return the findings of `check-rotation`, each at the first entry that uses the secret."""
    for finding in report.findings:
        rule = _AGE_RULES.get(finding.state)
        if rule is None or finding.kind is not None or (rule == "rotation-undated" and not plan.is_strict):
            continue
        key = finding.keys[0]
        yield found(
            rule,
            f"{finding.reference}: {finding.cause}",
            key=key.name,
            file=key.file,
            line=key.line,
            hint=finding.hint,
            severity=RULES[rule].severity_in(is_strict=plan.is_strict),
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
    """Return the plan of each other environment of the project, or the reason why it cannot be made."""
    if not project.is_in_folders:
        return {}
    plans: dict[str, Plan | str] = {}
    for name in environments(project.root):
        if name == project.environment:
            continue
        try:
            plans[name] = load_plan(ConfigRequest(environment=name, root=project.root), AnyEnviron(environ))
        except SecretSyncError as error:
            plans[name] = f"it cannot be read ({count_of(len(error.problems), 'problem')})"
    return plans
