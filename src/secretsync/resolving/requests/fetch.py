"""Request secrets from their stores: each secret once, all stores at the same time, within one deadline."""

from __future__ import annotations

import threading
from _queue import Empty, SimpleQueue  # the home of both, without the import of heapq

from secretsync.core.errors import ProblemKind
from secretsync.core.light import Generic, TypeVar, cast
from secretsync.core.model import Failed, Found, Missing, SecretInfo, SecretOutline, SecretRef
from secretsync.core.secret import Payload
from secretsync.planning.plan import SecretPart
from secretsync.providers.interface import Deadline, Provider
from secretsync.providers.registry import import_sdk
from secretsync.providers.threads import next_of, no_answer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from secretsync.resolving.requests.activity import ActivityRecorder, StoreActivity
    from secretsync.resolving.requests.waiting import WaitDisplay, WaitReporter

# An answer is still taken so long after the deadline, because a provider that ends at the deadline reports the cause.
_GRACE = 0.3  # seconds

_TICK = 0.25  # seconds between two looks at what is waited for

# Reported in place of a reference if the provider's call has returned.
_END = object()

T = TypeVar("T", Payload, SecretInfo, SecretOutline)

# The method of a provider for each kind of answer.
_METHODS: dict[type, str] = {Payload: "fetch", SecretInfo: "describe", SecretOutline: "outline"}
_PREFIXES: dict[type, str] = {Payload: "", SecretInfo: "metadata of ", SecretOutline: "fields of "}  # see StoreActivity


def ask(
    parts: Iterable[SecretPart],
    stores: Mapping[str, Provider],
    deadline: Deadline,
    kind: type[T],
    *,
    on_activity: Callable[[StoreActivity], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
    keep_open: Callable[[set[str]], None] | None = None,
    on_wait: Callable[[], WaitDisplay] | None = None,
) -> dict[SecretRef, Found[T] | Missing | Failed]:
    """Request every secret that `parts` need, each once and from all stores at the same time.

    `kind`: Payload requests values, SecretInfo and SecretOutline request metadata and structure without a value.
    `on_activity`: called at the end with the activity of each store.
    `progress`: called with each answer, in this thread: the number of answers, and of requested secrets.
    `keep_open`: called at the end, also after an interrupt, with the stores that still work on a request.
    `on_wait`: makes the display of what is waited for while requests are sent again; None means a log.
    """
    round_ = _Round(parts, stores, deadline, kind, progress, on_wait)
    if on_activity is not None:
        from secretsync.resolving.requests.activity import (
            ActivityRecorder,  # Imported only if the activity is reported.
        )

        round_.recorder = ActivityRecorder(stores, _PREFIXES[kind])
    try:
        round_.wait()
    finally:  # After an interrupt too, because a provider that is still at work must not be closed.
        busy = round_.give_up()
        if keep_open is not None:
            keep_open(busy)
    if round_.recorder is not None and on_activity is not None:
        for activity in round_.recorder.entries():
            on_activity(activity)
    return round_.outcomes


class _Round(Generic[T]):
    """One round of requests.

    Each batch of references runs in its own daemon thread, so that a store that hangs can be abandoned at the deadline
    and cannot delay the exit of the process. The calling thread only waits, and handles signals.
    """

    def __init__(
        self,
        parts: Iterable[SecretPart],
        stores: Mapping[str, Provider],
        deadline: Deadline,
        kind: type[T],
        progress: Callable[[int, int], None] | None,
        on_wait: Callable[[], WaitDisplay] | None,
    ) -> None:
        self.on_wait = on_wait
        self.causes: dict[str, str] = {}  # of the waits for each store; written by the threads of providers
        self.deadlines: dict[str, Deadline] = {}
        self.reporter: WaitReporter | None = None
        self.waiting = [(part, 0) for part in parts]
        self.stores = stores
        self.deadline = deadline
        self.kind: type[T] = kind
        self.progress = progress
        self.recorder: ActivityRecorder | None = None
        self.outcomes: dict[SecretRef, Found[T] | Missing | Failed] = {}
        self.asked: dict[SecretRef, None] = {}
        self.events: SimpleQueue[tuple[int, Any, Any]] = SimpleQueue()
        self.batches: dict[int, tuple[str, frozenset[SecretRef]]] = {}
        self.started = 0
        self.end = Deadline(deadline.remaining() + _GRACE)

    def wait(self) -> None:
        """Send the requests and take the answers, until all are there or the deadline is over."""
        self._advance()
        while self.batches and not self.end.is_over:
            try:
                event = next_of(self.events, Deadline(min(self.end.remaining(), _TICK)))
            except Empty:
                self._report_waits()
                continue
            if self._take(*event):
                self._advance()
            self._report_waits()
        # An answer that came in time counts, even if this thread was too busy to take it. Answers that come from now
        # on do not count, because a plug-in may answer without an end.
        for _ in range(self.events.qsize()):
            self._take(*self.events.get_nowait())

    def _report_waits(self) -> None:
        if self.causes and self.reporter is None:
            from secretsync.resolving.requests.waiting import (
                LogDisplay,
                WaitReporter,
            )  # Imported only if a request is sent again.

            self.reporter = WaitReporter(self.deadline, self.on_wait() if self.on_wait else LogDisplay())
        if self.reporter is not None:
            self.reporter.report(dict(self.causes))

    def _note_wait(self, store: str, cause: str | None) -> None:
        """Keep the cause of a wait; None means that there is no wait any more. Called in any thread."""
        if cause is None:
            self.causes.pop(store, None)
        else:
            self.causes[store] = cause

    def give_up(self) -> set[str]:
        """Mark what has no answer as failed; return the stores that still work on a request."""
        if self.reporter is not None:
            self.reporter.end()
        failure = no_answer(self.deadline)
        for _, refs in self.batches.values():
            for ref in refs:
                self.outcomes.setdefault(ref, failure)
        return {store for store, _ in self.batches.values()}

    def _take(self, batch: int, ref: Any, outcome: Any) -> bool:
        """Keep one answer. Return True if it is the end of its batch."""
        if ref is _END:
            self._end(batch, outcome)
            return True
        # A plug-in may answer for a reference that was not requested, or for something else.
        if type(ref) is SecretRef and ref in self.batches[batch][1]:
            self.outcomes.setdefault(ref, _checked(outcome, self.kind))
            if self.progress is not None:
                self.progress(len(self.outcomes), len(self.asked))
        return False

    def _advance(self) -> None:
        """Request the next target of each placeholder: the first one that is not missing in its store."""
        wanted: dict[str, list[SecretRef]] = {}
        waiting: list[tuple[SecretPart, int]] = []
        for part, index in self.waiting:
            position = index
            while position < len(part.targets) and isinstance(self.outcomes.get(part.targets[position].ref), Missing):
                position += 1
            if position == len(part.targets):
                continue
            ref = part.targets[position].ref
            if ref in self.outcomes:
                continue
            waiting.append((part, position))
            if ref not in self.asked:
                self.asked[ref] = None
                wanted.setdefault(ref.store, []).append(ref)
        self.waiting = waiting
        # Start the store with the slowest SDK import first, so that the other stores' work overlaps with it.
        for store in sorted(wanted, key=lambda store: self.stores[store].spec.import_cost, reverse=True):
            self._start(store, tuple(wanted[store]))

    def _start(self, store: str, refs: tuple[SecretRef, ...]) -> None:
        """Start the thread that requests `refs` from `store`."""
        self.started += 1
        self.batches[self.started] = (store, frozenset(refs))
        if self.recorder:
            self.recorder.begin(store, len(refs))
        if store not in self.deadlines:
            self.deadlines[store] = self.deadline.shared(lambda cause: self._note_wait(store, cause))
        deadline = self.deadlines[store]
        arguments = (self.stores[store], _METHODS[self.kind], refs, deadline, self.started, self.events.put)
        threading.Thread(target=_call, args=arguments, name=f"secretsync-{store}", daemon=True).start()

    def _end(self, batch: int, failure: Failed | None) -> None:
        """Mark what the batch, which has ended, did not answer as failed."""
        store, refs = self.batches.pop(batch)
        self.causes.pop(store, None)
        if self.recorder:
            self.recorder.end(store)
        left_out = failure or Failed(ProblemKind.UNAVAILABLE, f"the store {store} gave no answer for it")
        for ref in refs:
            self.outcomes.setdefault(ref, left_out)


def _call(
    provider: Provider,
    method: str,
    refs: Sequence[SecretRef],
    deadline: Deadline,
    batch: int,
    report: Callable[[tuple[int, Any, Any]], None],
) -> None:
    """Call one provider, in a thread, and report every answer and the end."""
    failure = None
    try:
        import_sdk(provider)
        for ref, outcome in getattr(provider, method)(refs, deadline):
            report((batch, ref, outcome))
    except BaseException as error:  # noqa: BLE001 - a plug-in may raise anything
        # Only the type, because the text of an exception may contain a value.
        failure = Failed(ProblemKind.UNAVAILABLE, f"the provider raised {type(error).__name__}")
    report((batch, _END, failure))


def _checked(outcome: object, kind: type[T]) -> Found[T] | Missing | Failed:
    """Return `outcome` if it is well-formed, else a failure, because a plug-in may answer anything."""
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
    """Return True if every time in `info` has a time zone. A guessed zone would give wrong ages."""
    from datetime import datetime  # Imported only for metadata.

    times = (info.created, info.expires, info.not_before, info.next_rotation, info.pending_since, info.deletion)
    return all(
        time is None or (isinstance(time, datetime) and time.utcoffset() is not None)
        for time in (*times, info.modified)
    )
