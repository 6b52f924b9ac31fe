"""Write the limits of ages in a form that a check of a whole cluster can read back."""

from __future__ import annotations

import json
from collections.abc import Iterable

from secretsync.exporting.entries import Item, Taken
from secretsync.planning.plan import Plan
from secretsync.rotation.max_age import BUILT_IN, AppliedLimit, Use, applied_limit

ANNOTATION = "secretsync/limits"


def limits_annotation(items: Iterable[Item], plan: Plan) -> dict[str, str]:
    """Return the annotation with the limit of each key, as JSON. Empty if no limit is configured."""
    limits = {item.key: limit for item in items if (limit := _limit_of(item, plan))}
    return {ANNOTATION: json.dumps(limits, sort_keys=True)} if limits else {}


def _limit_of(item: Item, plan: Plan) -> dict[str, str]:
    """Return the limit of the strictest secret in an entry, and the declared date of its rotation."""
    applied = [_applied(item, taken, plan) for taken in item.secrets]
    limit = min((one.limit for one in applied), key=lambda one: (one.seconds is None, one.seconds or 0.0))
    bindings = [plan.bindings.secrets.get(one.name or "") for one in item.secrets]
    dates = [one.rotated for one in bindings if one is not None and one.rotated is not None]
    found = {} if limit is BUILT_IN else {"max_age": limit.written}
    if limit is not BUILT_IN and limit.seconds is None:
        found["reason"] = limit.reason or ""
    if limit.until is not None:
        found["until"] = limit.until.isoformat()
    return found | ({"rotated": min(dates).isoformat()} if dates else {})


def _applied(item: Item, taken: Taken, plan: Plan) -> AppliedLimit:
    binding = plan.bindings.secrets.get(taken.name or "")
    use = Use((item.key,), () if binding is None else (binding,))
    return applied_limit([use], taken.store.name, taken.store.max_age, plan.bindings.rotation)
