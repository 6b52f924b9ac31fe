"""Fork the process that becomes the application, and supervise it in this one."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from secretsync.running.process_protection import hide_process, prctl
from secretsync.supervising.signals import Signals
from secretsync.supervising.supervisor import Supervisor
from secretsync.supervising.terminal import Terminal

if TYPE_CHECKING:
    from secretsync.supervising.output import MaskedOutput
    from secretsync.supervising.rotations import Side, WatchSettings

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
    settings: WatchSettings,
    output: MaskedOutput | None = None,
) -> Side | int:
    """Return its side in each process that is forked; in this one the exit status after the application ended.

    The forks are done before a secret is read, so that the supervisor never holds one, except for `output`.
    If the application is started once only, this process becomes the same user, and releases the standard streams.
    Otherwise it stays the user that it is, so that a later process can read the secrets again.
    `grace`: seconds between SIGTERM and SIGKILL. `become_user`: called after the application started, if it is started
    once. `inform`: prints a message. `output`: the pipes for masked output; None means that the application writes
    directly.
    """
    from secretsync.supervising.rotations import Rotations

    # A pipe that ends as soon as the application has started. With --watch this process stays the user that it is.
    reader, writer = (None, None) if settings.watches else os.pipe()
    signals = Signals()
    terminal = Terminal()
    _adopt_orphans(inform)
    is_free = False

    def kept() -> set[int]:
        own = (*signals.descriptors, *(() if output is None else output.descriptors))
        return {*rotations.kept, *own, *(number for number in (reader, terminal.descriptor) if number is not None)}

    def release() -> None:
        nonlocal is_free
        is_free = True
        if output is not None:
            output.close_writers()
        release_descriptors(kept(), (0, 1))

    rotations = Rotations(settings, signals=signals, inform=inform, on_free=release)
    if output is not None:
        output.start(lambda: signals.fork(lambda: None), release_descriptors)
    child = rotations.fork_first(terminal.give_to_own_group)
    if not isinstance(child, int):
        if reader is not None:
            os.close(reader)
        return child
    if writer is not None:
        os.close(writer)
    with contextlib.suppress(OSError):  # done by the child already
        os.setpgid(child, child)
    _hide(inform)
    release_descriptors(kept(), ())  # The standard streams stay for the next application.
    return Supervisor(
        child,
        signals=signals,
        terminal=terminal,
        grace=grace,
        started=reader,
        on_start=lambda: become_user() if is_free else None,
        on_kill=inform,
        output=output,
        helpers=rotations,
    ).run()


def _adopt_orphans(inform: Callable[[str], None]) -> None:
    """Become the parent of orphaned processes. Process 1 is that anyway, and other systems cannot do it."""
    if sys.platform == "linux" and os.getpid() != 1 and (failure := prctl(_PR_SET_CHILD_SUBREAPER, 1)):
        inform(f"orphaned processes of the command are not reaped: {os.strerror(failure)}")


def _hide(inform: Callable[[str], None]) -> None:
    if (reason := hide_process()) is not None:
        inform(f"processes of the same user can read the environment of the supervisor: {reason}")
