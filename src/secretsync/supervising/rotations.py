"""Fork the processes that watch versions and resolve new configurations, and react to what they report."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Mapping

from secretsync.core.durations import format_duration
from secretsync.core.records import Record
from secretsync.supervising.change_schedule import ChangeSchedule
from secretsync.supervising.lease_link import LeaseLink, is_readable
from secretsync.supervising.sides import CandidateSide, KeeperSide, WatcherSide
from secretsync.supervising.signals import Signals
from secretsync.supervising.supervisor import Supervisor

Side = CandidateSide | WatcherSide | KeeperSide
RESTART, SIGNAL, COMMAND, NONE = "restart", "signal", "command", "none"
_CHUNK = 65536
_KEY_BYTES = 32


def draw_number() -> float:
    """Return a random number from 0 to 1."""
    import random  # Imported only after a change.

    return random.random()  # noqa: S311 - it spreads requests


class Reaction(Record):
    """The effect of a change. `kind`: RESTART, SIGNAL, COMMAND or NONE. `command`: for a shell."""

    kind: str = RESTART
    number: int = 0
    command: str = ""


class WatchSettings(Record, kw_only=True):
    """The options of --watch and --supervise, in seconds."""

    interval: float
    settle: float
    splay: float
    reaction: Reaction
    watches: bool = True  # the versions of the secrets
    unrepeatable: str | None = None  # why the configuration cannot be resolved a second time
    on_informed: Callable[[], None] = lambda: None  # called after the application was informed


class Rotations:
    """The watcher, the keeper of leases, and the candidate: the process with the next configuration.

    Part of the supervisor.

    The supervisor does not hold a secret: the candidate resolves the configuration, and becomes the application.
    """

    def __init__(
        self,
        settings: WatchSettings,
        *,
        signals: Signals,
        inform: Callable[[str], None],
        on_free: Callable[[], None],
        now: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = draw_number,
    ) -> None:
        """`inform`: prints a message. `draw`: returns a number from 0 to 1.

        `on_free`: called if the application will not be started a second time, before it starts.
        """
        self._settings, self._signals, self._inform, self._now = settings, signals, inform, now
        self._schedule = ChangeSchedule(
            interval=settings.interval, settle=settings.settle, splay=settings.splay, draw=draw
        )
        self._on_free = on_free
        self._process = os.getpid()
        self._leases = LeaseLink(lambda: self._fork(_stay), inform)
        self._is_free = False  # Nothing is watched, and there are no leases.
        self._version_changes: Mapping[str, str] = {}
        self._ends_at: float | None = None  # when the application cannot use its secrets any more
        self._key = os.urandom(_KEY_BYTES)
        self._candidate: int | None = None  # its process id
        self._is_first = True
        self._ready: int | None = None  # the pipe with the versions of the candidate
        self._turn: int | None = None  # the pipe that lets the candidate continue
        self._received = b""  # from the candidate
        self._versions: Mapping[str, str] = {}
        self._watcher: int | None = None
        self._reports: int | None = None
        self._line = b""  # the beginning of a report
        self._watch_at: float | None = None  # when a new watcher is started

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The pipes from the processes."""
        leases = () if self._is_free else self._leases.descriptors
        return *(number for number in (self._ready, self._reports) if number is not None), *leases

    @property
    def kept(self) -> tuple[int, ...]:
        """The descriptors that must stay open."""
        leases = () if self._is_free else self._leases.kept
        return *self.descriptors, *leases, *(() if self._turn is None else (self._turn,))

    @property
    def due(self) -> float | None:
        """When `step` has something to do without a message; None means never."""
        return min((at for at in (self._schedule.due, self._watch_at) if at is not None), default=None)

    def fork_first(self, begin: Callable[[], None]) -> int | CandidateSide:
        """Fork the first application; return its process id, or in the new process its side."""
        side = self._fork_candidate(begin)
        if side is not None:
            return side
        child, self._candidate = self._candidate, None
        assert child is not None  # noqa: S101 - for the type checker
        return child

    def step(self, supervisor: Supervisor[Side]) -> Side | None:
        """Read the pipes and do what is due. A new process returns its side."""
        self._read_reports()
        if not self._is_free:
            if self._leases.read():
                self._observe_leases()
            if (side := self._leases.start_if_needed()) is not None:
                return side
        if self._ready is not None and is_readable(self._ready):
            self._read_candidate(supervisor)
        if not supervisor.is_going_on:
            return None
        now = self._now()
        if self._watch_at is not None and now >= self._watch_at:
            return self._fork_watcher()
        if self._schedule.due is not None and now >= self._schedule.due:
            self._schedule.begin()
            return self._fork_candidate(_lead_group)
        return None

    def ended(self, supervisor: Supervisor[Side], process: int, code: int) -> None:
        """Take the end of a process. `code`: negative for a signal."""
        if process == self._watcher:
            self._forget_watcher()
            self._watch_at = self._now() + self._settings.interval
            self._inform("warning: the process that watches the versions has ended; it is started again")
        if process == self._leases.process:
            self._leases.ended(code)
            self._observe_leases()
        if process != self._candidate:
            return
        has_turn = self._turn is None
        self._forget_candidate()
        if not supervisor.is_going_on:
            return
        if has_turn and code == 0:
            self._finish(supervisor)
        else:
            self._warn_of_failure(is_command=has_turn, code=code)

    def continue_successor(self) -> None:
        """Let the candidate become the application, and watch from its versions on."""
        self._give_turn()
        self._candidate = None
        self._is_first = False
        self._leases.replace()
        self._accept()

    def close(self, supervisor: Supervisor[Side]) -> Side | None:
        """End the watcher and the candidate, and let the keeper of leases revoke them.

        A new process returns its side.
        """
        for process in (self._watcher, self._candidate):
            if process is not None:
                with contextlib.suppress(ProcessLookupError, ChildProcessError):
                    os.kill(process, signal.SIGKILL)
                    os.waitpid(process, 0)
        self._watcher = self._candidate = None
        if self._is_free:
            return None
        if (side := self._leases.start_if_needed()) is not None:  # The application has ended at once.
            return side
        self._leases.finish(supervisor.wait_at_end)
        return None

    # The candidate

    def _fork_candidate(self, begin: Callable[[], None]) -> CandidateSide | None:
        ready, written = os.pipe()
        turn, given = os.pipe()
        number = self._leases.begin()
        child = self._fork(begin)
        if child == 0:
            for unused in (ready, given):
                os.close(unused)
            return CandidateSide(
                written,
                turn,
                leases=self._leases.writer,
                number=number,
                is_first=self._is_first,
                key=self._key,
                parent=self._process,
            )
        for unused in (written, turn):
            os.close(unused)
        self._candidate, self._ready, self._turn, self._received = child, ready, given, b""
        return None

    def _read_candidate(self, supervisor: Supervisor[Side]) -> None:
        """Read the versions of the candidate. They are complete if the pipe ends."""
        assert self._ready is not None  # noqa: S101 - for the type checker
        if data := os.read(self._ready, _CHUNK):
            self._received += data
            return
        os.close(self._ready)
        self._ready = None
        try:
            self._versions = _parse(self._received)
        except ValueError:  # The candidate has failed, and printed why. `ended` is called for it.
            return
        if self._is_first:
            self._free_if_possible()
            self.continue_successor()
        elif self._settings.reaction.kind != RESTART:
            self._give_turn()
        elif supervisor.is_going_on and self._candidate is not None:
            self._inform(f"{self._changes()}; the command is restarted")
            supervisor.restart(self._candidate)

    def _give_turn(self) -> None:
        if self._turn is not None:
            with contextlib.suppress(BrokenPipeError):  # The candidate was killed.
                os.write(self._turn, b"x")
            os.close(self._turn)
            self._turn = None

    def _forget_candidate(self) -> None:
        for number in (self._ready, self._turn):
            if number is not None:
                os.close(number)
        self._candidate = self._ready = self._turn = None

    def _finish(self, supervisor: Supervisor[Side]) -> None:
        """Inform the application, which goes on, of the new configuration."""
        reaction = self._settings.reaction
        effect = {SIGNAL: f"sent signal {reaction.number}", COMMAND: "the command of --on-change was run"}
        if reaction.kind == SIGNAL:
            supervisor.notify(reaction.number)
        if reaction.kind == NONE:
            self._leases.drop()
        else:
            self._settings.on_informed()
            self._leases.retire()
        self._inform(f"{self._changes()}; {effect.get(reaction.kind, 'valid, and nothing is done')}")
        self._accept()

    def _accept(self) -> None:
        self._schedule.succeed()
        self._version_changes, self._ends_at = {}, None
        self._end_watcher()
        self._watch_at = self._now() if self._settings.watches else None

    def _free_if_possible(self) -> None:
        """Release everything that only a second start of the application needs, if there will be none."""
        if not self._settings.watches and not self._leases.is_needed:
            self._is_free = True
            self._leases.close()
            self._on_free()

    def _warn_of_failure(self, *, is_command: bool, code: int) -> None:
        self._leases.drop()
        now = self._now()
        seconds = self._schedule.fail(now, within=None if self._ends_at is None else max(0.0, self._ends_at - now))
        pause = format_duration(seconds) if seconds >= 1 else f"{seconds:g} seconds"
        what = "the command of --on-change failed" if is_command else "the new configuration cannot be used"
        end = f"status {code}" if code >= 0 else f"signal {-code}"
        self._inform(
            f"warning: {self._changes()}; {what} ({end}); the application goes on with the old values, and the next "
            f"attempt is in {pause}"
        )

    def _changes(self) -> str:
        """Return the changes for a message."""
        changes = sorted(self._schedule.changes.values())
        shown = ", ".join(changes[:3])
        return f"{shown} and {len(changes) - 3} more" if len(changes) > 3 else shown or "a secret has changed"

    # The watcher

    def _fork_watcher(self) -> WatcherSide | None:
        self._watch_at = None
        if not self._versions:
            return None
        reports, written = os.pipe()
        child = self._fork(_stay)
        if child == 0:
            return WatcherSide(written, self._versions, self._key)
        os.close(written)
        self._watcher, self._reports, self._line = child, reports, b""
        return None

    def _read_reports(self) -> None:
        while self._reports is not None and is_readable(self._reports):
            data = os.read(self._reports, _CHUNK)
            if not data:  # `ended` is called for the watcher.
                os.close(self._reports)
                self._reports = None
                return
            *lines, self._line = (self._line + data).split(b"\n")
            for line in lines:
                self._version_changes = _parse(line)
                self._observe()

    def _observe_leases(self) -> None:
        """Take what the keeper of leases reported."""
        changes = self._leases.changes
        self._ends_at = self._now() + self._leases.ends_in if changes else None
        reason = self._settings.unrepeatable
        if reason is None:
            self._observe()
            return
        for text in changes.values():
            self._inform(f"warning: {text}; it is not read again, because {reason}; restart SecretSync")

    def _observe(self) -> None:
        now = self._now()
        within = None if self._ends_at is None else max(0.0, self._ends_at - now)
        self._schedule.observe({**self._version_changes, **self._leases.changes}, now, within=within)

    def _end_watcher(self) -> None:
        if self._watcher is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._watcher, signal.SIGKILL)
        self._forget_watcher()

    def _forget_watcher(self) -> None:
        if self._reports is not None:
            os.close(self._reports)
        self._watcher = self._reports = None

    def _fork(self, begin: Callable[[], None]) -> int:
        return self._signals.fork(begin)


def _parse(data: bytes) -> dict[str, str]:
    """Return the texts by the name of their secret. Raises ValueError."""
    if data == b"{}":
        return {}
    import json  # Imported only if versions are watched.

    found: dict[str, str] = json.loads(data)
    return found


def _lead_group() -> None:
    os.setpgid(0, 0)


def _stay() -> None:
    """Stay in the process group of the supervisor."""
