"""Turn the answer of a store without a value into a problem, without what may be a pasted value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsync.core.errors import Problem
from secretsync.core.model import Failed, Missing
from secretsync.core.problems.kinds import ProblemKind
from secretsync.core.records import replace
from secretsync.core.text import looks_like_value, message_or_none
from secretsync.planning.plan import with_literal
from secretsync.project.placeholders import StorePath, format_reference
from secretsync.resolving.extract import EMPTY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from secretsync.core.model import SecretRef
    from secretsync.planning.plan import Plan, PlannedEntry, SecretPart
    from secretsync.planning.references import Target


def failure_problem(
    plan: Plan,
    planned: PlannedEntry,
    part: SecretPart,
    index: int,
    outcome: Missing | Failed,
) -> Problem:
    """Return the problem of a placeholder after the answer of its store."""
    target = part.targets[index]
    line, column = planned.location(part)
    kind = outcome.kind if isinstance(outcome, Failed) else ProblemKind.MISSING
    cause, hint = outcome.cause, outcome.hint
    if isinstance(outcome, Missing):
        if len(part.targets) > 1 and cause != EMPTY and hint is None:
            hint = _where_it_could_be(part.name or "", plan)
        if part.message is not None:
            hint = message_or_none(part.message) or hint
        hint = with_literal(hint, planned.entry.key)
    elif not target.is_bound:
        following = part.targets[index + 1 :]
        rest = f" ({', '.join(one.store for one in following)} not asked)" if following else ""
        cause = f"{cause}; a lookup ends at a store that failed{rest}"
        bind = f"a binding in {plan.bindings_name} names the store that has it"
        hint = f"{hint}; {bind}" if hint else bind
    cause, hint = hide_values(cause, part.written, part.targets), hide_values(hint or "", part.written, part.targets)
    if kind is ProblemKind.DENIED and not cause.startswith("denied"):
        cause = f"denied: {cause}"
    is_chain = isinstance(outcome, Missing) and len(part.targets) > 1 and outcome.cause != EMPTY
    return Problem(
        kind=kind,
        key=planned.entry.key,
        file=planned.entry.file,
        line=line,
        column=column,
        reference=hide_values((part.name or part.written) if is_chain else target.shown, part.written, part.targets),
        store=target.store,
        cause=cause,
        hint=hint or None,
    )


def with_set_command(plan: Plan, part: SecretPart, index: int, outcome: Missing | Failed, problem: Problem) -> Problem:
    """Return the problem of a missing secret with the command that stores the secret, if there is such a command."""
    target = part.targets[index]
    # A lookup is not a single place, and a value that is taken with `as` cannot be stored.
    if not isinstance(outcome, Missing) or len(part.targets) > 1 or target.selector.as_ is not None:
        return problem
    name = part.name if part.name and target.is_bound else reference_argument(target.ref, target.selector.field)
    command = set_command(plan, target.ref, [name])
    if command is None or hide_values(name, part.written, part.targets) != name:
        return problem
    step = f"to store it: {command}"
    return replace(problem, hint=f"{problem.hint}; {step}" if problem.hint else step)


def set_command(plan: Plan, ref: SecretRef, names: Iterable[str]) -> str | None:
    """Return the command that stores a new version of a secret under each of `names`, or None.

    A new version of a pinned secret is not read.
    """
    environment = plan.project.environment
    if not plan.specs[ref.store].is_writable or ref.version is not None or ref.stage is not None:
        return None
    if environment is None or not plan.project.is_in_folders:
        return None
    return " and ".join(f"`secretsync set {name} -e {environment}`" for name in names)


def reference_argument(ref: SecretRef, field: str | None) -> str:
    """Return a reference as an argument of a shell."""
    import shlex  # Imported only for a secret without a binding.

    return shlex.quote(format_reference(StorePath(ref.store, ref.path, (), field)))


def _where_it_could_be(name: str, plan: Plan) -> str:
    """Return the next step for a name that no store of the lookup has."""
    near = plan.bindings.near(name)
    if near is not None:
        return f'did you mean {near}, which {plan.bindings_name} has? If not, bind {name} = "store:path" there'
    return f'put it there, or bind it: {name} = "store:path" in {plan.bindings_name}'


def hide_values(text: str, written: str, targets: Sequence[Target]) -> str:
    """Return `text` without the names and paths that look like a pasted value.

    `written`: a reference as a user wrote it. `targets`: the places where a store was asked for it.
    """
    is_name_hidden = looks_like_value(written)
    hidden = {written} if is_name_hidden else set[str]()
    for target in targets:
        field = target.selector.field or ""
        # A path that a lookup made of a name does not need to look like the name.
        hidden |= {target.ref.path} if looks_like_value(target.ref.path) or is_name_hidden else set()
        hidden |= {field} if looks_like_value(field) else set()
    for word in sorted(hidden, key=len, reverse=True):
        text = text.replace(word, "...")
    return text
