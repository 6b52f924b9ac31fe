"""The options --supervise and --watch of `run`: their checks, and the processes below the supervisor."""

from __future__ import annotations

import gc
import os
import signal
import stat
import time
from typing import TYPE_CHECKING, NoReturn

from secretsync.cli import console
from secretsync.cli.loading import store_access
from secretsync.core.errors import ResolutionError, UsageError
from secretsync.core.files import STANDARD_INPUT
from secretsync.core.problems.kinds import ProblemKind
from secretsync.core.records import replace
from secretsync.running.exec_command import Limits, exec_program
from secretsync.supervising import supervise as supervising
from secretsync.supervising.rotations import COMMAND, NONE, RESTART, SIGNAL, Reaction, WatchSettings, draw_number
from secretsync.supervising.supervise import DEFAULT_GRACE, release_descriptors

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Collection, Mapping

    from secretsync.core.secret import Environ
    from secretsync.planning.plan import Plan
    from secretsync.resolving.leases import StoreLeases
    from secretsync.resolving.stores import StoreAccess
    from secretsync.supervising.output import MaskedOutput
    from secretsync.supervising.rotations import Side
    from secretsync.supervising.sides import CandidateSide, KeeperSide, WatcherSide

DEFAULT_INTERVAL = 60.0
DEFAULT_SETTLE = 5.0
_SHELL = "/bin/sh"
_SHOWN = 10  # secrets that are not watched, in a message


def supervise(
    options: argparse.Namespace, output: MaskedOutput | None, *, become_user: Callable[[], None]
) -> Side | int:
    """Return the exit status in the supervisor, and the side in each process that it forks.

    `become_user`: called in the supervisor if the application is started once only. Raises UsageError if the options
    exclude each other.
    """
    settings = WatchSettings(
        interval=DEFAULT_INTERVAL if options.interval is None else options.interval,
        settle=DEFAULT_SETTLE if options.settle is None else options.settle,
        splay=options.splay or 0.0,
        reaction=parse_reaction(options.on_change),
        on_informed=lambda: _accept_record(options),
        watches=options.watch,
        unrepeatable=_reason_for_one_start(options),
    )
    if options.watch:
        _refuse_combinations(options)
    return supervising.supervise(
        grace=DEFAULT_GRACE if options.grace is None else options.grace,
        become_user=become_user,
        inform=(lambda _: None) if options.quiet else console.info,
        settings=settings,
        output=output,
    )


def _accept_record(options: argparse.Namespace) -> None:
    if options.record is None:
        return
    from secretsync.cli.starting.record import accept_record

    try:
        accept_record(options.record)
    except OSError as error:
        console.warn(f"the file of --record keeps the old versions: {error.strerror}")


def parse_reaction(text: str | None) -> Reaction:
    """Return the value of --on-change; None means to restart. Raises UsageError."""
    kind, has_argument, argument = (text or RESTART).partition(":")
    if kind == SIGNAL:
        name = argument.upper().removeprefix("SIG")
        number = getattr(signal, f"SIG{name}", None) if name.isalnum() else None
        if not isinstance(number, signal.Signals):
            raise UsageError("--on-change signal: its name is not known; write a name such as signal:HUP")
        return Reaction(SIGNAL, int(number))
    if kind == COMMAND and argument.strip():
        return Reaction(COMMAND, command=argument)
    if kind in (RESTART, NONE) and not has_argument:
        return Reaction(kind)
    raise UsageError('--on-change: its action is not known; write "restart", "signal:NAME", "command:..." or "none"')


def _refuse_combinations(options: argparse.Namespace) -> None:
    if _has_pipes(options):
        raise UsageError("--watch reads the env files again, and a pipe has its content only once; name a file")


def _reason_for_one_start(options: argparse.Namespace) -> str | None:
    """Return why the configuration cannot be resolved a second time; None if it can."""
    return "an env file is a pipe, which has its content only once" if _has_pipes(options) else None


def _has_pipes(options: argparse.Namespace) -> bool:
    paths = (*(options.env_file or ()), *((options.bindings,) if options.bindings else ()))
    return any(_is_read_once(path) for path in paths)


def _is_read_once(path: str) -> bool:
    """Return True for a pipe, and for a descriptor of this process, which the supervisor closes."""
    if path in ("-", STANDARD_INPUT) or path.startswith(("/dev/fd/", "/proc/self/fd/")):
        return True
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)
    except OSError:  # reported when it is read
        return False


class SupervisedStart:
    """The start of the application, or of the process that informs it, below a supervisor."""

    def __init__(self, options: argparse.Namespace, side: CandidateSide) -> None:
        self._options, self._side = options, side
        self._reaction = parse_reaction(options.on_change)

    @property
    def is_recorded(self) -> bool:
        """Return True unless the application keeps the old values without a message, because of --on-change none."""
        return self.is_start or self._reaction.kind != NONE

    @property
    def key(self) -> bytes:
        """Return the key of digests, the same in each start, so that a record fits the process that goes on."""
        return self._side.key

    @property
    def is_start(self) -> bool:
        """Return True if this process becomes the application."""
        return self._side.is_first or self._reaction.kind == RESTART

    def read_versions(self, plan: Plan, environ: Environ) -> None:
        """Read the versions before the values, so that a rotation between the two is noticed later.

        Without --watch nothing is read. Raises ResolutionError if a version cannot be read.
        """
        if not self._options.watch:
            return
        from secretsync.supervising.versions import read_versions

        versions = read_versions(
            plan,
            _quiet_access(self._options, environ),
            key=self._side.key,
            reads_values=self._options.watch_values,
        )
        if versions.problems:
            error = ResolutionError(versions.problems)
            error.add_note("--watch reads the metadata of each secret; without --watch it is not needed")
            raise error
        self._side.versions = versions.states
        if not self._side.is_first or self._options.quiet:
            return
        if versions.unwatched:
            rest = f" and {len(versions.unwatched) - _SHOWN} more" if len(versions.unwatched) > _SHOWN else ""
            console.info(f"not watched, because there are no versions: {', '.join(versions.unwatched[:_SHOWN])}{rest}")
        if not versions.states:
            console.info("--watch: no secret of this configuration can be watched")

    def hand_over_leases(self, sets: tuple[StoreLeases, ...]) -> None:
        """Send the leases to the process that renews them. A configured token counts only if it is used later."""
        from secretsync.resolving.leases import pack

        if self._options.watch or self._options.pass_env or any(one.leases for one in sets):
            self._side.hand_over_leases(pack(sets))

    def before_user_changes(self) -> None:
        """Wait until the supervisor needs this process."""
        self._side.before_user_changes()

    def end_with_supervisor(self) -> None:
        """Let the application end if the supervisor is killed."""
        self._side.end_with_supervisor()

    def react(self, environment: Mapping[bytes, bytes], limits: Limits | None) -> NoReturn:
        """Become the command of --on-change, or end with status 0, which lets the supervisor send the signal."""
        if self._reaction.kind != COMMAND:
            os._exit(0)
        nowhere = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        os.dup2(nowhere, 0)  # Standard input belongs to the application.
        exec_program(_SHELL, ["sh", "-c", self._reaction.command], environment, core_limits=limits)


def watch(options: argparse.Namespace, side: WatcherSide, plan: Plan, environ: Environ) -> int:
    """Watch the versions until the supervisor ends."""
    from secretsync.supervising.versions import Versions, read_versions
    from secretsync.supervising.watcher import watch as compare_again

    _begin_to_serve({side.descriptor})
    access = replace(_quiet_access(options, environ), are_kept=True)

    def read() -> Versions:
        return read_versions(plan, access, key=side.key, reads_values=options.watch_values)

    def read_again_if_denied() -> Versions:
        # A kept login may have ended. The store was closed then, and the second attempt logs in again.
        versions = read()
        return read() if any(one.kind is ProblemKind.DENIED for one in versions.problems) else versions

    compare_again(
        side.baseline,
        read=read_again_if_denied,
        interval=DEFAULT_INTERVAL if options.interval is None else options.interval,
        wait=side.wait,
        report=side.report,
        warn=(lambda _: None) if options.quiet else console.warn,
        draw=draw_number,
    )
    return 0


def keep_leases(options: argparse.Namespace, side: KeeperSide, environ: dict[str, str]) -> int:
    """Renew the leases until the supervisor ends, then revoke them."""
    from secretsync.core.secret import Environ
    from secretsync.supervising.lease_keeper import Keeper
    from secretsync.supervising.lease_process import LeaseProcess

    _begin_to_serve(side.descriptors)
    warn = (lambda _: None) if options.quiet else console.warn
    keeper = Keeper(environ=Environ(environ), now=time.monotonic, draw=draw_number, warn=warn)
    LeaseProcess(side, keeper, warn=warn, keeps=options.keep_leases).run()
    os._exit(0)  # A request to a store that hangs is not waited for.


def _begin_to_serve(descriptors: Collection[int]) -> None:
    """Become a process that lives as long as the supervisor. `descriptors`: those that it needs."""
    gc.enable()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)  # A signal to the whole group ends the supervisor, and then this process.
    release_descriptors(descriptors, (0, 1))


def _quiet_access(options: argparse.Namespace, environ: Environ) -> StoreAccess:
    """Return the access for comparisons. They are not in the access log, because the application gets no value."""
    return store_access(options, environ)
