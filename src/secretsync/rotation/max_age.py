"""How old a secret may grow: which of the limits in the bindings holds for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from secretsync.core.records import Record
from secretsync.project.bindings import Binding, Limit, RotationPolicy

_DAY = 86400.0

# What AWS Config's rule secretsmanager-secret-periodic-rotation takes by default, and what the CIS benchmarks ask for
# access and API keys.
BUILT_IN = Limit(seconds=90 * _DAY, written="90d")
DEFAULT_WARNING = 14 * _DAY  # seconds


class AppliedLimit(Record):
    """The limit that holds for a secret, and where it is written."""

    limit: Limit
    source: str  # "binding DB_PASSWORD", "pattern *_KEY", "store vault", "default" or "built-in default"


class Use(Record):
    """One way in which an environment uses a secret: one part of it, under some names."""

    keys: tuple[str, ...]  # of the entries that hold it, or lead to it by a variable
    bindings: tuple[Binding, ...]  # that say where this part of the secret is


def applied_limit(uses: Iterable[Use], store: str, store_limit: Limit | None, policy: RotationPolicy) -> AppliedLimit:
    """Return the limit of a secret: the strictest that any of its `uses` has.

    For one use the most specific wins: its bindings, the patterns over its names, its store, `[rotation]`, 90 days.
    Where several say something on one of these levels, the strictest does.
    """
    general = AppliedLimit(policy.max_age or BUILT_IN, "default" if policy.max_age else "built-in default")
    if store_limit is not None:
        general = AppliedLimit(store_limit, f"store {store}")
    return _strictest([_limit_of(use, policy) or general for use in uses] or [general])


def _limit_of(use: Use, policy: RotationPolicy) -> AppliedLimit | None:
    bound = [AppliedLimit(one.max_age, f"binding {one.name}") for one in use.bindings if one.max_age is not None]
    if bound:
        return _strictest(bound)
    names = {*use.keys, *(binding.name for binding in use.bindings)}
    matched = [limit for name in names if (limit := _by_pattern(name, policy)) is not None]
    return _strictest(matched) if matched else None


def _by_pattern(name: str, policy: RotationPolicy) -> AppliedLimit | None:
    """Return the limit of the most specific pattern that `name` matches."""
    matching = policy.limits_of(name)
    if not matching:
        return None
    top = max(specificity(pattern) for pattern, _ in matching)
    return _strictest(
        [AppliedLimit(limit, f"pattern {pattern}") for pattern, limit in matching if specificity(pattern) == top]
    )


def specificity(pattern: str) -> tuple[bool, int, int, int]:
    """Return how specific a glob pattern is; more is greater.

    A pattern without wildcards says most; then the one with more literal characters, then with more of `[...]`, then
    with more of `?`.
    """
    literals = classes = singles = stars = position = 0
    while position < len(pattern):
        char = pattern[position]
        # As fnmatch has it: a "]" right behind "[" or "[!" belongs to the class; "[" without an end is a character.
        begin = position + 2 if pattern[position + 1 : position + 2] == "!" else position + 1
        end = pattern.find("]", begin + 1) if char == "[" else -1
        if end >= 0:
            classes += 1
            position = end
        elif char == "*":
            stars += 1
        elif char == "?":
            singles += 1
        else:
            literals += 1
        position += 1
    return (classes + singles + stars == 0, literals, classes, singles)


def _strictest(limits: Sequence[AppliedLimit]) -> AppliedLimit:
    """Return the one that ends first; equal ones by the name of their source, so that the answer is always the same."""
    return min(limits, key=_strictness)


def _strictness(applied: AppliedLimit) -> tuple[bool, float, date, str]:
    limit = applied.limit
    return (limit.seconds is None, limit.seconds or 0.0, limit.until or date.max, applied.source)
