"""Get the value of one reference, without an env file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsync.core.errors import ConfigurationError, Problem, ProblemKind, ResolutionError
from secretsync.core.model import Failed, Found, Missing
from secretsync.core.secret import Secret
from secretsync.planning.one_reference import open_reference
from secretsync.planning.plan import Plan, SecretPart
from secretsync.planning.references import Target
from secretsync.planning.request import ConfigRequest, read_project_names
from secretsync.planning.secrecy import is_secret_reference
from secretsync.project.placeholders import BareName, Reference
from secretsync.resolving.extract import select
from secretsync.resolving.failures import hide_values
from secretsync.resolving.stores import StoreAccess

if TYPE_CHECKING:
    from secretsync.resolving.requests.access_log import Read


def get_secret(reference: str, request: ConfigRequest, access: StoreAccess) -> Secret:
    """Return the value of a reference, or of a name that the bindings or the lookup order find. No env file is read.

    Raises ConfigurationError for a bad reference, and ResolutionError if there is no value.
    """
    opened = open_reference(reference, request, access.environ)
    part, plan, found = opened.part, opened.plan, opened.targets
    reads = () if access.access_log is None else _reads(part, opened.parsed, plan)
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


def _reads(part: SecretPart, reference: Reference, plan: Plan) -> tuple[Read, ...]:
    from secretsync.resolving.requests.access_log import Read  # Imported only if there is an access log.

    names, problems = read_project_names(plan.project)
    if problems:
        raise ConfigurationError(problems)
    return (
        Read(
            part=part,
            key=reference.name if isinstance(reference, BareName) else None,
            service=None,
            environment=plan.project.label,
            is_secret=is_secret_reference(names, None, reference, plan.is_secret_store),
        ),
    )
