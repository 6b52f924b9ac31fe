"""Asking the stores: grouped, each secret once, all stores at the same time, within one deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from secretsync.core.errors import ProblemKind, SecretSyncError
from secretsync.core.model import Failed, Found, Missing, SecretInfo, SecretRef
from secretsync.core.records import Record
from secretsync.core.secret import Hidden, Payload
from secretsync.planning.plan import Plan, SecretPart
from secretsync.providers.interface import Deadline, Identity, Provider
from secretsync.providers.registry import import_sdk
from secretsync.providers.threads import next_of, no_answer, run_in_threads
from secretsync.resolving.stores import Stores

if TYPE_CHECKING:
    from secretsync.resolving.activity import ActivityRecorder

__all__ = ["Answers", "StoreState", "ask_values", "fetch", "identify", "inspect"]

# How long past the deadline an answer is still taken: a provider that meets the deadline itself says why.
_GRACE = 0.3  # seconds

# Stands where a batch's next reference would: the provider's call has come back.
_END = object()

T = TypeVar("T", Payload, SecretInfo)


class Answers(Hidden, Generic[T]):
    """What the stores answered, by reference."""

    __slots__ = ("__of", "requested")

    def __init__(self, outcomes: Mapping[SecretRef, Found[T] | Missing | Failed]) -> None:
        self.__of: Callable[[SecretRef], Found[T] | Missing | Failed | None] = outcomes.get
        self.requested = tuple(outcomes)

    def of(self, ref: SecretRef) -> Found[T] | Missing | Failed | None:
        """The outcome for `ref`; None where it was not asked."""
        return self.__of(ref)

    def settle(self, part: SecretPart) -> tuple[int, Found[T] | Missing | Failed]:
        """Which of a placeholder's targets decides, by its index, and what its store answered.

        The next one counts only where a store said that it is missing; where all say so, the last one does.
        """
        for index, target in enumerate(part.targets):
            outcome = self.__of(target.ref) or Failed(ProblemKind.UNAVAILABLE, "it was not asked")
            if not isinstance(outcome, Missing):
                return index, outcome
        return len(part.targets) - 1, outcome


def fetch(plan: Plan, stores: Stores, deadline: Deadline) -> Answers[Payload]:
    """The values of every secret that the plan needs, or why there is none."""
    return ask_values(plan.secrets, stores, deadline)


def inspect(
    plan: Plan, stores: Stores, deadline: Deadline, progress: Callable[[int, int], None] | None = None
) -> Answers[SecretInfo]:
    """What the stores know about every secret that the plan needs, without a value.

    progress: called with each answer, in this thread: how many there are, and how many secrets were asked for.
    """
    return _Round[SecretInfo](plan.secrets, stores, deadline, "describe", SecretInfo, progress).run()


def ask_values(parts: Iterable[SecretPart], stores: Mapping[str, Provider], deadline: Deadline) -> Answers[Payload]:
    """The values that `parts` need, each reference asked once."""
    return _Round[Payload](parts, stores, deadline, "fetch", Payload).run()


class StoreState(Record, kw_only=True):
    """What one store said of us, or why it said nothing."""

    store: str
    identity: Identity | Failed
    seconds: float  # until the answer


def identify(stores: Stores, deadline: Deadline) -> tuple[StoreState, ...]:
    """Who we are at each store, by name; all are asked at the same time."""

    def ask(name: str) -> StoreState:
        import_sdk(stores[name])
        began = time.monotonic()
        outcome: Identity | Failed
        try:
            outcome = stores[name].identity()
        except SecretSyncError as error:
            problem = error.problems[0]
            outcome = Failed(problem.kind, problem.cause, problem.hint)
        return StoreState(store=name, identity=outcome, seconds=time.monotonic() - began)

    names = tuple(stores)
    found: dict[str, StoreState] = {}
    for name, state in run_in_threads(ask, names, workers=len(names), deadline=deadline):
        found[name] = state if isinstance(state, StoreState) else _no_identity(name, state, deadline)
    left = [name for name in names if name not in found]
    stores.keep_open(set(left))
    found.update({name: _no_identity(name, no_answer(deadline), deadline) for name in left})
    return tuple(found[name] for name in sorted(found))


def _no_identity(name: str, failure: Failed, deadline: Deadline) -> StoreState:
    return StoreState(store=name, identity=failure, seconds=deadline.seconds)


class _Round(Generic[T]):
    """One round of asking.

    Each batch of references runs in a daemon thread of its own: a store that hangs is left behind at the deadline,
    and cannot hold up the process's exit. The calling thread only waits, open to signals.
    """

    def __init__(
        self,
        parts: Iterable[SecretPart],
        stores: Mapping[str, Provider],
        deadline: Deadline,
        method: str,
        kind: type[T],
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self.progress = progress
        self.waiting = [(part, 0) for part in parts]
        self.stores = stores
        self.deadline = deadline
        self.method = method
        self.kind: type[T] = kind
        self.outcomes: dict[SecretRef, Found[T] | Missing | Failed] = {}
        self.asked: dict[SecretRef, None] = {}
        self.events: SimpleQueue[tuple[int, Any, Any]] = SimpleQueue()
        self.batches: dict[int, tuple[str, frozenset[SecretRef]]] = {}
        self.started = 0
        self.end = Deadline(deadline.remaining() + _GRACE)
        self.on_activity = stores.on_activity if isinstance(stores, Stores) else None
        self.recorder = _recorder(stores, method) if self.on_activity else None

    def run(self) -> Answers[T]:
        try:
            self._wait()
        finally:  # after an interrupt too: a provider that is still at work must not be closed
            self._give_up()
        if self.recorder and self.on_activity:
            for work in self.recorder.entries():
                self.on_activity(work)
        return Answers(self.outcomes)

    def _wait(self) -> None:
        self._advance()
        while self.batches and not self.end.is_over:
            try:
                event = next_of(self.events, self.end)
            except Empty:
                break
            if self._take(*event):
                self._advance()
        # An answer that came in time counts, even if this thread was too busy to take it. Answers that come from now
        # on do not count, because a plug-in may answer without an end.
        for _ in range(self.events.qsize()):
            self._take(*self.events.get_nowait())

    def _take(self, batch: int, ref: Any, outcome: Any) -> bool:
        """Keep one answer. True if it is the end of its batch."""
        if ref is _END:
            self._end(batch, outcome)
            return True
        # A plug-in may name anything as what it answers for.
        if type(ref) is SecretRef and ref in self.batches[batch][1]:
            self.outcomes.setdefault(ref, _checked(outcome, self.kind))
            if self.progress is not None:
                self.progress(len(self.outcomes), len(self.asked))
        return False

    def _advance(self) -> None:
        """Ask whatever is next: of each placeholder the first target that no store called missing."""
        wanted: dict[str, list[SecretRef]] = {}
        still: list[tuple[SecretPart, int]] = []
        for part, index in self.waiting:
            position = index
            while position < len(part.targets) and isinstance(self.outcomes.get(part.targets[position].ref), Missing):
                position += 1
            if position == len(part.targets):
                continue
            ref = part.targets[position].ref
            if ref in self.outcomes:
                continue
            still.append((part, position))
            if ref not in self.asked:
                self.asked[ref] = None
                wanted.setdefault(ref.store, []).append(ref)
        self.waiting = still
        # What comes after the slowest import is waited for while the others are made.
        for store in sorted(wanted, key=lambda store: self.stores[store].spec.import_cost, reverse=True):
            self._ask(store, wanted[store])

    def _ask(self, store: str, refs: list[SecretRef]) -> None:
        self.started += 1
        self.batches[self.started] = (store, frozenset(refs))
        if self.recorder:
            self.recorder.begin(store, len(refs))
        arguments = (self.stores[store], self.method, tuple(refs), self.deadline, self.started, self.events.put)
        threading.Thread(target=_call, args=arguments, name=f"secretsync-{store}", daemon=True).start()

    def _end(self, batch: int, failure: Failed | None) -> None:
        """A batch has come back: what it left out has failed."""
        store, refs = self.batches.pop(batch)
        if self.recorder:
            self.recorder.end(store)
        left_out = failure or Failed(ProblemKind.UNAVAILABLE, f"the store {store} gave no answer for it")
        for ref in refs:
            self.outcomes.setdefault(ref, left_out)

    def _give_up(self) -> None:
        if isinstance(self.stores, Stores):
            self.stores.keep_open({store for store, _ in self.batches.values()})
        failure = no_answer(self.deadline)
        for _, refs in self.batches.values():
            for ref in refs:
                self.outcomes.setdefault(ref, failure)
        self.batches.clear()


def _recorder(stores: Mapping[str, Provider], method: str) -> ActivityRecorder:
    from secretsync.resolving.activity import ActivityRecorder  # only where somebody listens

    return ActivityRecorder(stores, is_metadata=method == "describe")


def _call(
    provider: Provider,
    method: str,
    refs: Sequence[SecretRef],
    deadline: Deadline,
    batch: int,
    report: Callable[[tuple[int, Any, Any]], None],
) -> None:
    """One provider's call in its thread: every answer is reported, and the end."""
    failure = None
    try:
        import_sdk(provider)
        for ref, outcome in getattr(provider, method)(refs, deadline):
            report((batch, ref, outcome))
    except BaseException as error:  # noqa: BLE001 - one of the two borders: a plug-in may raise anything at all
        # Its type alone: the text of an exception may hold a value.
        failure = Failed(ProblemKind.UNAVAILABLE, f"the provider raised {type(error).__name__}")
    report((batch, _END, failure))


def _checked(outcome: object, kind: type[T]) -> Found[T] | Missing | Failed:
    """`outcome`, where it is one; a plug-in may answer anything."""
    if isinstance(outcome, Missing | Failed) and _is_well_formed(outcome):
        return outcome
    if isinstance(outcome, Found) and isinstance(outcome.value, kind) and _has_text(outcome.value):
        if isinstance(outcome.value, SecretInfo) and not _has_zones(outcome.value):
            return Failed(ProblemKind.UNAVAILABLE, "the provider's answer has a time without a time zone")
        return cast("Found[T]", outcome)
    return Failed(ProblemKind.UNAVAILABLE, "the provider's answer is neither found, missing nor failed")


def _is_well_formed(outcome: Missing | Failed) -> bool:
    if isinstance(outcome, Failed) and type(outcome.kind) is not ProblemKind:
        return False
    return isinstance(outcome.cause, str) and (outcome.hint is None or isinstance(outcome.hint, str))


def _has_text(value: object) -> bool:
    return not isinstance(value, Payload) or isinstance(value.reveal(), str | bytes)


def _has_zones(info: SecretInfo) -> bool:
    """Whether every time in `info` is aware: naive ones cannot be compared, and guessing a zone makes wrong ages."""
    from datetime import datetime  # fetching values needs none

    times = (info.created, info.expires, info.not_before, info.next_rotation, info.pending_since, info.deletion)
    return all(
        time is None or (isinstance(time, datetime) and time.utcoffset() is not None)
        for time in (*times, info.modified)
    )
