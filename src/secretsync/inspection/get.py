"""Get the value of one reference, without an env file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from secretsync.core.errors import ConfigurationError, Problem, ProblemKind, ResolutionError, UsageError
from secretsync.core.model import Failed, Found, Missing
from secretsync.core.secret import Secret
from secretsync.planning.plan import Plan, SecretPart
from secretsync.planning.references import Target, TargetFinder
from secretsync.planning.request import ConfigRequest, open_request, read_project_bindings, read_project_names
from secretsync.planning.secrecy import is_secret_reference
from secretsync.project.bindings import Bindings
from secretsync.project.layout import Project, absolute
from secretsync.project.placeholders import BareName, Fault, Reference, parse_reference
from secretsync.resolving.extract import select
from secretsync.resolving.resolve import hide_values
from secretsync.resolving.stores import StoreAccess

if TYPE_CHECKING:
    from secretsync.resolving.access_log import Read


def get_secret(reference: str, request: ConfigRequest, access: StoreAccess) -> Secret:
    """Return the value of a reference, or of a name that the bindings or the lookup order find. No env file is read.

    Raises ConfigurationError for a bad reference, and ResolutionError if there is no value.
    """
    project, bindings = _open_bindings(request, access.environ)
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
    plan = Plan(
        project=project,
        is_strict=project.is_strict,
        bindings=bindings,
        entries={},
        shared={},
        services={},
        service_keys={},
        stores={target.store: finder.stores[target.store] for target in found},
        specs={target.store: finder.spec(target.store) for target in found},
    )
    reads = () if access.access_log is None else _reads(part, parsed, plan)
    index, outcome = access.values(plan, [part], reads).settle(part)
    selected = select(outcome.value, found[index].selector) if isinstance(outcome, Found) else outcome
    if isinstance(selected, Secret):
        return selected
    raise ResolutionError([_problem(reference, found, index, selected)])


def _problem(reference: str, targets: tuple[Target, ...], index: int, outcome: Missing | Failed) -> Problem:
    """Return the problem of a reference without a value. It names all stores that were asked."""
    kind = outcome.kind if isinstance(outcome, Failed) else ProblemKind.MISSING
    shown, cause, hint = targets[index].shown, outcome.cause, outcome.hint
    if isinstance(outcome, Missing) and len(targets) > 1:
        shown, hint = reference, hint or "put it there, or bind the name, or give a reference: store:path"
    return Problem(
        kind=kind,
        reference=hide_values(shown, reference, targets),
        store=targets[index].store,
        cause=hide_values(cause, reference, targets),
        hint=hide_values(hint, reference, targets) if hint else None,
    )


def _reads(part: SecretPart, reference: Reference | Fault, plan: Plan) -> tuple[Read, ...]:
    from secretsync.resolving.access_log import Read  # Imported only if there is an access log.

    names, problems = read_project_names(plan.project)
    if problems:
        raise ConfigurationError(problems)
    return (
        Read(
            part=part,
            key=reference.name if isinstance(reference, BareName) else None,
            service=None,
            environment=plan.project.label,
            is_secret=isinstance(reference, Fault) or is_secret_reference(names, None, reference, plan.is_secret_store),
        ),
    )


def _open_bindings(request: ConfigRequest, environ: Mapping[str, str]) -> tuple[Project, Bindings]:
    """Return the project and its bindings; without a project, the default stores if the request does not name one."""
    is_named = request.environment is not None or request.root is not None or request.files is not None
    try:
        project = open_request(request, environ)
    except UsageError:
        if is_named:
            raise
        unnamed = Project(
            root=absolute("."), environment=None, is_strict=True, files=(), bindings=None, is_in_folders=False
        )
        return unnamed, Bindings()
    return project, read_project_bindings(project)
