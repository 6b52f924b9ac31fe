"""Turn the answer of a store without a value into a problem, without what may be a pasted value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsync.core.errors import Problem
from secretsync.core.model import Failed, Missing
from secretsync.core.problems.kinds import ProblemKind
from secretsync.core.text import looks_like_value, message_or_none
from secretsync.planning.plan import with_literal
from secretsync.resolving.extract import EMPTY

if TYPE_CHECKING:
    from collections.abc import Sequence

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
            hint = f'put it there, or bind it: {part.name} = "store:path" in {plan.bindings_name}'
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
