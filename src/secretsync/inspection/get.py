"""The value of one reference, without an env file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from secretsync.core.errors import ConfigurationError, Problem, ProblemKind, ResolutionError, UsageError
from secretsync.core.model import Failed, Found, Missing, Secret
from secretsync.planning.plan import SecretPart
from secretsync.planning.references import Target, TargetFinder
from secretsync.planning.request import ConfigRequest, make_deadline, open_request, read_project_bindings
from secretsync.project.bindings import Bindings
from secretsync.project.layout import Project, absolute
from secretsync.project.placeholders import BareName, Fault, Reference, parse_reference
from secretsync.project.sensitive_names import read_names
from secretsync.resolving.extract import select
from secretsync.resolving.fetch import ask_values
from secretsync.resolving.resolve import hide_values
from secretsync.resolving.stores import Stores

if TYPE_CHECKING:
    from secretsync.resolving.access_log import AccessLog, Read
    from secretsync.resolving.activity import StoreActivity

__all__ = ["get_secret"]


def get_secret(
    reference: str,
    request: ConfigRequest,
    environ: Mapping[str, str],
    *,
    timeout: float | None = None,
    log: AccessLog | None = None,
    on_activity: Callable[[StoreActivity], None] | None = None,
) -> Secret:
    """The value of one reference, or of a name that the bindings or the lookup order find. No env file is read.

    `log`: where the read is written.

    Raises ConfigurationError for a reference that is wrong, ResolutionError where there is no value.
    """
    project, bindings = _open_bindings(request, environ)
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
    with Stores(configs, project, environ, on_activity=on_activity) as opened:
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
    return Problem(
        kind=kind,
        reference=hide_values(shown, reference, targets),
        store=targets[index].store,
        cause=hide_values(cause, reference, targets),
        hint=hide_values(hint, reference, targets) if hint else None,
    )


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


def _open_bindings(request: ConfigRequest, environ: Mapping[str, str]) -> tuple[Project, Bindings]:
    """The project and its bindings; where there is no project and none is named, the stores as they are by default."""
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
