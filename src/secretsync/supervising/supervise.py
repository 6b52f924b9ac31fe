"""Fork the process that becomes the application, and supervise it in this one."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, NoReturn

from secretsync.running.process_protection import hide_process, prctl
from secretsync.supervising.sides import ApplicationSide
from secretsync.supervising.signals import Signals
from secretsync.supervising.supervisor import Supervisor
from secretsync.supervising.terminal import Terminal

if TYPE_CHECKING:
    from secretsync.supervising.output import MaskedOutput
    from secretsync.supervising.rotations import WatchSettings
    from secretsync.supervising.sides import CandidateSide, WatcherSide

DEFAULT_GRACE = 10.0
_PR_SET_CHILD_SUBREAPER = 36


def release_descriptors(kept: Collection[int], silent: Collection[int]) -> None:
    """Close the descriptors that this process does not need, because a pipe ends only if no process holds it.

    `silent`: the standard streams that become the null device. Standard error stays for messages.
    """
    nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for number in silent:
        os.dup2(nowhere, number)
    os.close(nowhere)
    try:
        numbers = [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:
        numbers = list(range(3, 1024))
    for number in numbers:
        if number > 2 and number not in kept:
            with contextlib.suppress(OSError):  # the descriptor of listdir itself
                os.close(number)


def supervise(
    *,
    grace: float,
    become_user: Callable[[], None],
    inform: Callable[[str], None],
    output: MaskedOutput | None = None,
) -> ApplicationSide | int:
    """Return the side of the application in a new process; in this one the exit status after the application ended.

    The fork is done before a secret is read, so that the supervisor never holds one, except those that `output` masks.
    `grace`: seconds between SIGTERM and SIGKILL. `become_user`: called if the application changes its user or starts.
    `inform`: prints a message. `output`: the pipes for masked output; None means that the application writes directly.
    """
    reader, writer = os.pipe()
    signals = Signals()
    terminal = Terminal()
    _adopt_orphans(inform)
    child = signals.fork(terminal.give_to_own_group)
    if child == 0:
        os.close(reader)
        if output is not None:
            output.close_reading_ends()
        return ApplicationSide(writer)
    with contextlib.suppress(OSError):  # done by the child already
        os.setpgid(child, child)
    supervisor = Supervisor[NoReturn](
        child,
        signals=signals,
        terminal=terminal,
        grace=grace,
        started=reader,
        on_start=become_user,
        on_kill=inform,
        output=output,
    )
    _hide(inform)
    kept = {reader, *_kept(signals, terminal)}
    release_descriptors(
        {*kept, *(() if output is None else output.start(signals.wake))}, (0, 1) if output is None else (0,)
    )
    return supervisor.run()


def supervise_watched(
    *, grace: float, inform: Callable[[str], None], settings: WatchSettings
) -> CandidateSide | WatcherSide | int:
    """Do the same as `supervise`, and start the application again, or inform it, after a rotation.

    Each process that is forked returns its side. This process stays the user that it is, so that a later one can read
    the secrets again, and keeps the standard streams, because the next application inherits them.
    """
    from secretsync.supervising.rotations import Rotations

    signals = Signals()
    terminal = Terminal()
    _adopt_orphans(inform)
    rotations = Rotations(settings, signals=signals, inform=inform)
    child = rotations.fork_first(terminal.give_to_own_group)
    if not isinstance(child, int):
        return child
    with contextlib.suppress(OSError):  # done by the child already
        os.setpgid(child, child)
    _hide(inform)
    # The standard streams stay for the next application.
    release_descriptors({*rotations.kept, *_kept(signals, terminal)}, ())
    return Supervisor(
        child,
        signals=signals,
        terminal=terminal,
        grace=grace,
        started=None,
        on_start=lambda: None,
        on_kill=inform,
        helpers=rotations,
    ).run()


def _adopt_orphans(inform: Callable[[str], None]) -> None:
    """Become the parent of orphaned processes. Process 1 is that anyway, and other systems cannot do it."""
    if sys.platform == "linux" and os.getpid() != 1 and (failure := prctl(_PR_SET_CHILD_SUBREAPER, 1)):
        inform(f"orphaned processes of the command are not reaped: {os.strerror(failure)}")


def _kept(signals: Signals, terminal: Terminal) -> tuple[int, ...]:
    """Return the descriptors that every supervisor needs."""
    return *signals.descriptors, *(() if terminal.descriptor is None else (terminal.descriptor,))


def _hide(inform: Callable[[str], None]) -> None:
    if (reason := hide_process()) is not None:
        inform(f"processes of the same user can read the environment of the supervisor: {reason}")
