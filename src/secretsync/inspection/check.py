"""Check by metadata that every secret of a plan exists, and list what metadata cannot show."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from secretsync.core.errors import Problem, ProblemKind
from secretsync.core.model import Failed, Found, Missing, SecretInfo, SecretOutline, SecretRef, Selector
from secretsync.core.records import Record
from secretsync.core.text import by_place, count_of
from secretsync.planning.plan import Plan
from secretsync.resolving.extract import find_field
from secretsync.resolving.failures import failure_problem
from secretsync.resolving.stores import Answers


class Checked(Record):
    """The result of a check: problems, and what was not checked."""

    problems: tuple[Problem, ...]
    not_checked: tuple[str, ...]
    secrets: int  # how many were found


def check(
    plan: Plan,
    answers: Answers[SecretInfo],
    now: datetime,
    outlines: Answers[SecretOutline] | None = None,
    *,
    read: Collection[SecretRef] = frozenset(),
) -> Checked:
    """Check every placeholder of `plan` by the metadata of its secret.

    `now`: the time of the check, with a zone. `outlines`: the fields and rights that stores tell without a value.
    `read`: secrets whose values the caller read, and so checked itself.
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
            outline = _outline(outlines, target.ref)
            judged = _judge(outcome, outline, target.selector, now)
            if isinstance(judged, Missing | Failed):
                problems[failure_problem(plan, planned, part, index, judged)] = None
                continue
            info, is_field_known = judged
            found.add(str(target.ref))
            notes.update(f"{target.ref}: {note}" for note in info.notes)
            is_unread = target.ref not in read
            if is_unread and not is_field_known:
                fields.add(f"{target.ref}#{target.selector.field}")
            if is_unread and plan.is_secret_store(target.store) and outline.is_readable is not True:
                remote.add(target.store)
    not_checked = sorted(notes)
    if fields:
        not_checked.append(
            f"the fields of {count_of(len(fields), 'reference')}: no value was read ({', '.join(sorted(fields))})"
        )
    if remote:
        not_checked.append(f"the right to read values: {', '.join(sorted(remote))}")
    return Checked(tuple(sorted(problems, key=by_place)), tuple(not_checked), len(found))


def _outline(outlines: Answers[SecretOutline] | None, ref: SecretRef) -> SecretOutline:
    outcome = None if outlines is None else outlines.of(ref)
    return outcome.value if isinstance(outcome, Found) else SecretOutline()


def _judge(
    outcome: Found[SecretInfo] | Missing | Failed, outline: SecretOutline, selector: Selector, now: datetime
) -> tuple[SecretInfo, bool] | Missing | Failed:
    """Return the metadata of a usable secret, and True if its field is known to exist; else the outcome to report."""
    if not isinstance(outcome, Found):
        return outcome
    if (unusable := _unusable(outcome.value, now)) is not None:
        return unusable
    if selector.field is None:
        return outcome.value, True
    known = False if outline.fields is None else find_field(outline.fields, selector)
    return known if isinstance(known, Failed) else (outcome.value, known)


def _unusable(info: SecretInfo, now: datetime) -> Failed | None:
    """Return the reason why an existing secret cannot be used at `now`; None if it can be used."""
    if not info.enabled:
        return Failed(ProblemKind.UNUSABLE, "the secret is disabled", "enable it, or store a new version")
    if info.expires is not None and info.expires <= now:
        return Failed(ProblemKind.UNUSABLE, f"the secret expired at {info.expires:%Y-%m-%dT%H:%M:%SZ}", "renew it")
    if info.not_before is not None and info.not_before > now:
        return Failed(ProblemKind.UNUSABLE, f"the secret is not valid before {info.not_before:%Y-%m-%dT%H:%M:%SZ}")
    return None
