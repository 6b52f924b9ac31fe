"""Determine how old the secrets of a plan are."""

from __future__ import annotations

from datetime import UTC, datetime

from secretsync.planning.plan import Plan
from secretsync.resolving.stores import StoreAccess
from secretsync.rotation.assess import assess
from secretsync.rotation.report import RotationReport

# Stores limit the rate of metadata requests (AWS: ListSecretVersionIds 50 a second), so more secrets need more time.
_SECRETS_A_SECOND = 25


def rotation_of_plan(
    plan: Plan, access: StoreAccess, *, now: datetime | None = None, strict: bool = False
) -> RotationReport:
    """Return how old the secrets of a plan are; see `check_rotation`."""
    answers = access.metadata(plan, more_seconds=len(plan.refs) / _SECRETS_A_SECOND)
    # Read the clock after the answers, so that a secret created in the meantime is not in the future.
    observed = datetime.now(UTC)
    return assess(plan, answers, now or observed, strict=strict, observed=observed)
