"""Get the value of one reference, without an env file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsync.core.errors import ConfigurationError, Problem, ProblemKind, ResolutionError, UsageError
from secretsync.core.model import Failed, Found, Missing
from secretsync.core.names import is_entry_name
from secretsync.core.records import replace
from secretsync.core.secret import Secret
from secretsync.planning.one_reference import OneReference, open_reference
from secretsync.planning.plan import Plan, SecretPart
from secretsync.planning.request import (
    ConfigRequest,
    load_plan,
    open_request,
    read_project_bindings,
    read_project_names,
)
from secretsync.planning.secrecy import is_secret_reference
from secretsync.project.placeholders import BareName, Reference, parse_reference
from secretsync.resolving.extract import select
from secretsync.resolving.failures import hide_values
from secretsync.resolving.pipeline import resolve_plan
from secretsync.resolving.stores import StoreAccess

if TYPE_CHECKING:
    from secretsync.resolving.requests.access_log import Read


def get_secret(reference: str, request: ConfigRequest, access: StoreAccess) -> Secret:
    """Return the value of a reference, of a name that the bindings or the lookup order find, or of an entry.

    An env file is read only for a name without a binding. An entry of this name comes before the lookup order.
    Raises ConfigurationError for a bad reference or a bad file, and ResolutionError if there is no value.
    """
    if (plan := _plan_of_entry(reference, request, access)) is not None:
        return resolve_plan(plan, access).secret(reference)
    opened = open_reference(reference, request, access.environ)
    part, plan, found = opened.part, opened.plan, opened.targets
    reads = () if access.access_log is None else _reads(part, opened.parsed, plan)
    index, outcome = access.values(plan, [part], reads).settle(part)
    selected = select(outcome.value, found[index].selector) if isinstance(outcome, Found) else outcome
    if isinstance(selected, Secret):
        return selected
    raise ResolutionError([_problem(reference, opened, index, selected)])


def _plan_of_entry(reference: str, request: ConfigRequest, access: StoreAccess) -> Plan | None:
    """Return the plan of the entry that has this key; None for a reference, for a bound name, and without an entry."""
    if not isinstance(parse_reference(reference), BareName) or not is_entry_name(reference):
        return None
    try:
        project = open_request(request, access.environ)
    except UsageError:
        return None  # without a project
    bindings = read_project_bindings(project)
    if bindings.problems or reference in bindings.secrets:
        return None
    plan = load_plan(request, access.environ, access.replaced)
    scopes = plan.services.values() if request.services else (plan.shared,)
    found = next((scope[reference] for scope in scopes if reference in scope), None)
    if found is None:
        return None
    alone = replace(plan, shared={reference: found}, services={}, service_keys={}, template_entries={}, files=())
    return alone.without(())


def _problem(reference: str, opened: OneReference, index: int, outcome: Missing | Failed) -> Problem:
    """Return the problem of a reference without a value. It names all stores that were asked."""
    targets = opened.targets
    kind = outcome.kind if isinstance(outcome, Failed) else ProblemKind.MISSING
    shown, cause, hint = targets[index].shown, outcome.cause, outcome.hint
    if isinstance(outcome, Missing) and len(targets) > 1:
        near = opened.plan.bindings.near(reference)
        otherwise = "put it there, or bind the name, or give a reference: store:path"
        if near is not None:
            otherwise = f"did you mean {near}, which {opened.plan.bindings_name} has? If not, {otherwise}"
        shown, hint = reference, hint or otherwise
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
