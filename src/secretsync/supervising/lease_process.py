"""The process that renews and revokes leases, below the supervisor."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue

from secretsync.core.lease import Lease
from secretsync.core.model import Failed, Found
from secretsync.core.problems.kinds import ProblemKind
from secretsync.resolving.leases import unpack
from secretsync.supervising.lease_keeper import Group, HeldLease, Keeper
from secretsync.supervising.sides import KeeperSide

_EARLIER_REVOCATION = 30.0  # seconds for those of leases that were replaced
_FAILING = 1.0  # seconds for those at a store that did not renew
_MORE = 0.3  # seconds that a thread gets for its report after its deadline


class LeaseProcess:
    """The requests of a keeper, each store in a thread of its own, so that a store that hangs delays no other."""

    def __init__(self, side: KeeperSide, keeper: Keeper, *, warn: Callable[[str], None], keeps: bool) -> None:
        """Keep the arguments. `keeps`: True if the leases of the application are never revoked."""
        self._side, self._keeper, self._warn, self._keeps = side, keeper, warn, keeps
        self._results: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._revoking: dict[int, Group] = {}
        self._reported: tuple[int, dict[str, str]] | None = None

    def run(self) -> None:
        """Renew until the supervisor ends, or until nothing can end."""
        while self._revoking or not (self._keeper.is_empty and self._side.has_read_sets):
            due = self._keeper.due
            self._side.wait(None if due is None else max(0.0, due - time.monotonic()))
            self._take_results()
            commands = list(self._side.read_commands())
            for (
                number,
                text,
            ) in self._side.read_sets():  # after the commands, which are about sets that were sent before
                with contextlib.suppress(ValueError):  # the rest of a line of a killed process
                    self._keeper.add(number, list(unpack(text)))
            for command, *arguments in commands:
                if command == "end":
                    self._end(float(arguments[0]))
                    return
                self._obey(command, int(arguments[0]))
            if self._side.is_over:  # The supervisor was killed. The leases end by themselves.
                return
            for group, due_leases in self._keeper.take_due():
                self._start(partial(self._renew, group, due_leases))
            self._report()

    def _obey(self, command: str, number: int) -> None:
        if command == "drop":
            groups = self._keeper.drop(number)
        else:
            groups = self._keeper.accept(number, revokes=command == "replace")
            groups = [] if self._keeps else groups
        for group in groups:
            self._revoke(group, _EARLIER_REVOCATION)

    def _report(self) -> None:
        changes = self._keeper.changes
        number = self._keeper.current
        if number is not None and (number, changes) != self._reported:
            self._side.report(number, changes, self._keeper.ends_in)
            self._reported = (number, changes)

    def _start(self, call: Callable[[], None]) -> None:
        threading.Thread(target=call, daemon=True).start()

    def _renew(self, group: Group, leases: list[HeldLease]) -> None:
        """Renew the leases of one group, one after the other. Runs in a thread."""
        outcome: Found[float] | Found[Lease] | Failed | None = None
        for held in leases:
            began = time.monotonic()
            # A store that does not answer is not asked for each lease.
            if not isinstance(outcome, Failed) or outcome.kind is not ProblemKind.UNAVAILABLE:
                outcome = group.renew(held, began)
            self._put(partial(self._keeper.take, group, held, began, outcome))
        self._put(lambda: setattr(group, "is_busy", False))

    def _revoke(self, group: Group, seconds: float) -> None:
        self._revoking[id(group)] = group

        def revoke() -> None:
            failures = group.revoke(seconds)
            group.close()
            self._put(lambda: self._note_revoked(group, failures))

        self._start(revoke)

    def _note_revoked(self, group: Group, failures: list[tuple[str, str]]) -> None:
        self._revoking.pop(id(group), None)
        for name, reason in failures:
            self._warn(f"{name}: the lease could not be revoked: {reason}; it ends by itself")

    def _end(self, seconds: float) -> None:
        """Revoke everything, and wait for that until the deadline."""
        until = time.monotonic() + seconds + _MORE
        if not self._keeps:
            for group in self._keeper.drop_all():
                self._revoke(group, min(seconds, _FAILING) if group.is_failing else seconds)
        while self._revoking and (left := until - time.monotonic()) > 0:
            self._side.wait(left)
            self._take_results()
        for group in list(self._revoking.values()):
            reason = f"the store did not answer within {seconds:g} seconds"
            self._note_revoked(group, [(group.name(held), reason) for held in group.leases])

    def _put(self, result: Callable[[], None]) -> None:
        """Let the main thread call `result`."""
        self._results.put(result)
        self._side.wake()

    def _take_results(self) -> None:
        while not self._results.empty():
            self._results.get()()
