"""The option --watch of `run`: its checks, and the processes below the supervisor."""

from __future__ import annotations

import gc
import os
import random
import signal
import stat
from typing import TYPE_CHECKING, NoReturn

from secretsync.cli import console
from secretsync.cli.loading import store_access
from secretsync.core.errors import ResolutionError, UsageError
from secretsync.core.files import STANDARD_INPUT
from secretsync.core.problems.kinds import ProblemKind
from secretsync.core.records import replace
from secretsync.running.exec_command import Limits, exec_program
from secretsync.supervising import supervise as supervising
from secretsync.supervising.rotations import COMMAND, NONE, RESTART, SIGNAL, Reaction, WatchSettings
from secretsync.supervising.supervise import DEFAULT_GRACE, release_descriptors

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from secretsync.core.secret import Environ
    from secretsync.planning.plan import Plan
    from secretsync.resolving.stores import StoreAccess
    from secretsync.supervising.sides import CandidateSide, WatcherSide

DEFAULT_INTERVAL = 60.0
DEFAULT_SETTLE = 5.0
_SHELL = "/bin/sh"
_SHOWN = 10  # secrets that are not watched, in a message


def supervise_watched(options: argparse.Namespace) -> CandidateSide | WatcherSide | int:
    """Return the exit status in the supervisor, and the side in each process that it forks.

    Raises UsageError if the options exclude each other.
    """
    settings = WatchSettings(
        interval=DEFAULT_INTERVAL if options.interval is None else options.interval,
        settle=DEFAULT_SETTLE if options.settle is None else options.settle,
        splay=options.splay or 0.0,
        reaction=parse_reaction(options.on_change),
    )
    _refuse_combinations(options)
    return supervising.supervise_watched(
        grace=DEFAULT_GRACE if options.grace is None else options.grace,
        inform=(lambda _: None) if options.quiet else console.info,
        settings=settings,
    )


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
    if options.mask_output:
        raise UsageError("--mask-output cannot mask the secrets of a later start; remove it, or remove --watch")
    for path in (*(options.env_file or ()), *((options.bindings,) if options.bindings else ())):
        if _is_read_once(path):
            raise UsageError("--watch reads the env files again, and a pipe has its content only once; name a file")


def _is_read_once(path: str) -> bool:
    """True for a pipe, and for a descriptor of this process, which the supervisor closes."""
    if path in ("-", STANDARD_INPUT) or path.startswith(("/dev/fd/", "/proc/self/fd/")):
        return True
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)
    except OSError:  # reported when it is read
        return False


class WatchedStart:
    """The start of the application, or of the process that informs it, below --watch."""

    def __init__(self, options: argparse.Namespace, side: CandidateSide) -> None:
        self._options, self._side = options, side
        self._reaction = parse_reaction(options.on_change)

    @property
    def is_start(self) -> bool:
        """True if this process becomes the application."""
        return self._side.is_first or self._reaction.kind == RESTART

    def read_versions(self, plan: Plan, environ: Environ) -> None:
        """Read the versions before the values, so that a rotation between the two is noticed later.

        Raises ResolutionError if a version cannot be read.
        """
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

    gc.enable()  # because this process lives long
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)  # A signal to the whole group ends the supervisor, and then this process.
    release_descriptors({side.descriptor}, (0, 1))
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
        draw=random.random,
    )
    return 0


def _quiet_access(options: argparse.Namespace, environ: Environ) -> StoreAccess:
    """Return the access for comparisons. They are not in the access log, because the application gets no value."""
    return store_access(options, environ)
