"""How old the secrets of a plan are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from secretsync.planning.plan import Plan
from secretsync.planning.request import make_deadline
from secretsync.providers.interface import Provider
from secretsync.resolving.fetch import inspect
from secretsync.resolving.stores import open_stores

if TYPE_CHECKING:
    from datetime import datetime

    from secretsync.resolving.activity import StoreActivity
    from secretsync.rotation.report import RotationReport

__all__ = ["rotation_of_plan"]

# Stores limit how often metadata are asked for (AWS: ListSecretVersionIds 50 times a second), so time grows with them.
_SECRETS_A_SECOND = 25


def rotation_of_plan(
    plan: Plan,
    environ: Mapping[str, str],
    *,
    now: datetime | None = None,
    timeout: float | None = None,
    strict: bool = False,
    stores: Mapping[str, Provider] | None = None,
    progress: Callable[[int, int], None] | None = None,
    on_activity: Callable[[StoreActivity], None] | None = None,
) -> RotationReport:
    """How old the secrets of a plan are; see `check_rotation`."""
    from datetime import UTC, datetime

    from secretsync.rotation.assess import assess

    deadline = make_deadline(plan.bindings, timeout, more=len(plan.refs) / _SECRETS_A_SECOND)
    with open_stores(plan, environ, stores, on_activity) as opened:
        answers = inspect(plan, opened, deadline, progress)
    # After the answers: what was made while they were under way is not in the future.
    return assess(plan, answers, now or datetime.now(UTC), strict=strict)
