"""Request from each store as whom it knows this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from secretsync.core.errors import SecretSyncError
from secretsync.core.model import Failed
from secretsync.core.records import Record, replace
from secretsync.providers.interface import Deadline, Identity, Provider
from secretsync.providers.registry import import_sdk
from secretsync.providers.threads import no_answer, run_in_threads


class StoreState(Record, kw_only=True):
    """The identity of this process at one store, or why it is unknown."""

    store: str
    identity: Identity | Failed
    seconds: float  # until the answer


def identify(
    stores: Mapping[str, Provider], deadline: Deadline, *, keep_open: Callable[[set[str]], None]
) -> tuple[StoreState, ...]:
    """Return the state of each store, sorted by name. All stores are asked at the same time.

    `keep_open`: called with the stores that still work on a request.
    """

    def ask(name: str) -> StoreState:
        import_sdk(stores[name])
        began = time.monotonic()
        outcome: Identity | Failed
        try:
            outcome = stores[name].identity()
        except SecretSyncError as error:
            problem = error.problems[0]
            outcome = Failed(problem.kind, problem.cause.removeprefix(f"{name}: "), problem.hint)
        return StoreState(store=name, identity=outcome, seconds=time.monotonic() - began)

    late = StoreState(store="", identity=no_answer(deadline), seconds=deadline.seconds)
    states = {name: replace(late, store=name) for name in sorted(stores)}
    busy = set(stores)
    for name, state in run_in_threads(ask, tuple(stores), workers=len(stores), deadline=deadline):
        busy.remove(name)
        states[name] = state if isinstance(state, StoreState) else replace(states[name], identity=state)
    keep_open(busy)
    return tuple(states.values())
