"""What can be asked about a plan's secrets without handing out a configuration: metadata, identities, one value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from secretsync.core.errors import ConfigurationError, Problem, ProblemKind, ResolutionError, UsageError
from secretsync.core.model import Failed, Found, Missing, Payload, Secret, SecretInfo, SecretRef
from secretsync.core.records import replace
from secretsync.planning.plan import Plan, SecretPart
from secretsync.planning.references import Target, TargetFinder
from secretsync.planning.request import Source, load_plan, make_deadline, open_source, read_names, read_project_bindings
from secretsync.project.bindings import Bindings
from secretsync.project.layout import Project, absolute
from secretsync.project.placeholders import BareName, Fault, Reference, parse_reference
from secretsync.providers.interface import Deadline
from secretsync.resolving.extract import select
from secretsync.resolving.fetch import Answers, Stores, StoreState, ask_values, identify, inspect, open_stores

if TYPE_CHECKING:
    from secretsync.inspection.explain import Row
    from secretsync.resolving.access_log import AccessLog, Read
    from secretsync.resolving.activity import StoreWork

__all__ = ["explain_plan", "get_secret", "identify_stores", "inspect_plan"]


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
    with open_stores(plan, environ, tell=tell) as opened:
        return inspect(plan, opened, make_deadline(plan.bindings, timeout))


def explain_plan(
    plan: Plan,
    environ: Mapping[str, str],
    *,
    timeout: float | None = None,
    tell: Callable[[StoreWork], None] | None = None,
) -> tuple[Row, ...]:
    """Where each value of a plan comes from; secrets are masked, and their values are not asked for."""
    from secretsync.inspection.explain import explain, open_settings

    infos = inspect_plan(plan, environ, timeout=timeout, tell=tell)
    settings = open_settings(plan)
    with open_stores(settings, environ, tell=tell) as opened:
        answers = _values_of(settings, infos, opened, make_deadline(plan.bindings, timeout))
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


def identify_stores(
    source: Source, environ: Mapping[str, str], *, timeout: float | None = None
) -> tuple[str, tuple[StoreState, ...]]:
    """What the environment is called, and who we are at each store that it refers to or configures.

    Raises ConfigurationError with everything that is wrong in the files, or for a missing SDK.
    """
    plan = load_plan(source, environ)
    configs = {**plan.bindings.stores, **plan.stores}
    with Stores(configs, plan.project, environ) as opened:
        return plan.project.label, identify(opened, make_deadline(plan.bindings, timeout))


def get_secret(
    reference: str,
    source: Source,
    environ: Mapping[str, str],
    *,
    timeout: float | None = None,
    log: AccessLog | None = None,
    tell: Callable[[StoreWork], None] | None = None,
) -> Secret:
    """The value of one reference, or of a name that the bindings or the lookup order find. No env file is read.

    `log`: where the read is written.

    Raises ConfigurationError for a reference that is wrong, ResolutionError where there is no value.
    """
    project, bindings = _open_bindings(source, environ)
    finder = TargetFinder(bindings, project.environment)
    parsed = parse_reference(reference)
    found = parsed if isinstance(parsed, Fault) else finder.find(parsed)
    problems = [*bindings.problems, *finder.problems]
    if isinstance(found, Fault):
        shown = finder.shown(parsed, reference)
        cause = Problem(kind=ProblemKind.CONFIGURATION, reference=shown, cause=found.cause, hint=found.hint)
        problems.append(cause)
    if problems or isinstance(found, Fault):
        raise ConfigurationError(problems)
    part = SecretPart(reference, found, None, None, 0)
    configs = {target.store: finder.stores[target.store] for target in found}
    deadline = make_deadline(bindings, timeout)
    reads = () if log is None else _reads(part, parsed, project, finder)
    if log is not None:
        log.prepare(reads)
    with Stores(configs, project, environ, tell=tell) as opened:
        answers = ask_values([part], opened, deadline)
    if log is not None:
        log.write(reads, answers)
    index, outcome = answers.settle(part)
    selected = select(outcome.value, found[index].selector) if isinstance(outcome, Found) else outcome
    if isinstance(selected, Secret):
        return selected
    raise ResolutionError([_problem(reference, found, index, selected)])


def _problem(reference: str, targets: tuple[Target, ...], index: int, outcome: Missing | Failed) -> Problem:
    """Why there is no value. Where several stores were asked for a name, all of them are named."""
    kind = outcome.kind if isinstance(outcome, Failed) else ProblemKind.MISSING
    shown, cause, hint = targets[index].shown, outcome.cause, outcome.hint
    if isinstance(outcome, Missing) and len(targets) > 1:
        shown, cause = reference, f"no store has it: {', '.join(target.shown for target in targets)}"
        hint = "put it there, or bind the name, or give a reference: store:path"
    return Problem(kind=kind, reference=shown, store=targets[index].store, cause=cause, hint=hint)


def _reads(part: SecretPart, reference: Reference | Fault, project: Project, finder: TargetFinder) -> tuple[Read, ...]:
    from secretsync.planning.secrecy import is_secret_reference
    from secretsync.resolving.access_log import Read  # Imported only if an access log is configured.

    names, problems = read_names(project)
    if problems:
        raise ConfigurationError(problems)

    return (
        Read(
            part=part,
            key=reference.name if isinstance(reference, BareName) else None,
            service=None,
            environment=project.label,
            is_secret=isinstance(reference, Fault)
            or is_secret_reference(names, None, reference, lambda store: finder.spec(store).is_secret_store),
        ),
    )


def _open_bindings(source: Source, environ: Mapping[str, str]) -> tuple[Project, Bindings]:
    """The project and its bindings; where there is no project and none is named, the stores as they are by default."""
    is_named = source.environment is not None or source.root is not None or source.files is not None
    try:
        project = open_source(source, environ)
    except UsageError:
        if is_named:
            raise
        unnamed = Project(
            root=absolute("."), environment=None, is_strict=True, files=(), bindings=None, is_in_folders=False
        )
        return unnamed, Bindings()
    return project, read_project_bindings(project)
