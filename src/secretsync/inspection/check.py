"""Check by metadata that every secret of a plan exists, and list what metadata cannot show."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from secretsync.core.errors import Problem, ProblemKind
from secretsync.core.model import Failed, Missing, SecretInfo, SecretRef
from secretsync.core.records import Record
from secretsync.core.text import by_place, count_of
from secretsync.planning.plan import Plan
from secretsync.resolving.resolve import failure_problem
from secretsync.resolving.stores import Answers


class Checked(Record):
    """The result of a check: problems, and what was not checked."""

    problems: tuple[Problem, ...]
    not_checked: tuple[str, ...]
    secrets: int  # how many were found


def check(
    plan: Plan, answers: Answers[SecretInfo], now: datetime, *, read: Collection[SecretRef] = frozenset()
) -> Checked:
    """Check every placeholder of `plan` by the metadata of its secret.

    `now`: the time of the check, with a zone. `read`: secrets whose values the caller read, and so checked itself.
    """
    problems: dict[Problem, None] = {}
    found: set[str] = set()
    fields: set[str] = set()
    remote: set[str] = set()
    notes: set[str] = set()
    for planned in plan.entries.values():
        for part in planned.secrets:
            index, outcome = answers.settle(part)
            target = part.targets[index]
            if isinstance(outcome, Missing) and part.default is not None:
                continue
            if isinstance(outcome, Missing | Failed):
                problems[failure_problem(plan, planned, part, index, outcome)] = None
                continue
            if (unusable := _unusable(outcome.value, now)) is not None:
                problems[failure_problem(plan, planned, part, index, unusable)] = None
                continue
            found.add(str(target.ref))
            notes.update(f"{target.ref}: {note}" for note in outcome.value.notes)
            is_unread = target.ref not in read
            if is_unread and target.selector.field is not None:
                fields.add(f"{target.ref}#{target.selector.field}")
            if is_unread and plan.is_secret_store(target.store):
                remote.add(target.store)
    not_checked = sorted(notes)
    if fields:
        not_checked.append(
            f"the fields of {count_of(len(fields), 'reference')}: no value was read ({', '.join(sorted(fields))})"
        )
    if remote:
        not_checked.append(f"the right to read values: {', '.join(sorted(remote))}")
    return Checked(tuple(sorted(problems, key=by_place)), tuple(not_checked), len(found))


def _unusable(info: SecretInfo, now: datetime) -> Failed | None:
    """Return the reason why an existing secret cannot be used at `now`; None if it can be used."""
    if not info.enabled:
        return Failed(ProblemKind.UNUSABLE, "the secret is disabled", "enable it, or store a new version")
    if info.expires is not None and info.expires <= now:
        return Failed(ProblemKind.UNUSABLE, f"the secret expired at {info.expires:%Y-%m-%dT%H:%M:%SZ}", "renew it")
    if info.not_before is not None and info.not_before > now:
        return Failed(ProblemKind.UNUSABLE, f"the secret is not valid before {info.not_before:%Y-%m-%dT%H:%M:%SZ}")
    return None
