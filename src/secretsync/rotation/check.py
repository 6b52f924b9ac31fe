"""Determine how old the secrets of a plan are."""

from __future__ import annotations

from datetime import UTC, datetime

from secretsync.planning.plan import Plan
from secretsync.resolving.stores import StoreAccess
from secretsync.rotation.assess import assess
from secretsync.rotation.report import RotationReport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsync.resolving.started import Started

# Stores limit the rate of metadata requests (AWS: ListSecretVersionIds 50 a second), so more secrets need more time.
_SECRETS_A_SECOND = 25


def rotation_of_plan(
    plan: Plan,
    access: StoreAccess,
    *,
    now: datetime | None = None,
    strict: bool = False,
    processes: Sequence[Started] = (),
) -> RotationReport:
    """Return how old the secrets of a plan are; see `check_rotation`.

    `processes`: their versions are compared with those of the stores.
    """
    answers = access.metadata(plan, more_seconds=len(plan.refs) / _SECRETS_A_SECOND)
    # Read the clock after the answers, so that a secret created in the meantime is not in the future.
    observed = datetime.now(UTC)
    running = None
    if processes:
        from secretsync.rotation.stale import open_running  # Imported only for --running.

        running = open_running(plan, access, answers, processes)
    return assess(plan, answers, now or observed, strict=strict, observed=observed, running=running)
