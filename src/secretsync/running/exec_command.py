"""Replace this process with the application: find its program, reset the process, exec."""

from __future__ import annotations

import os

from secretsync.core.errors import SecretSyncError, UsageError
from secretsync.core.text import path_or
from secretsync.running.environment import too_large

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Mapping
    from typing import Any, NoReturn
else:
    import _signal as signal  # `signal` wraps it in enumerations, which slows each start

Limits = tuple[int, int]


class CommandError(SecretSyncError):
    """The command cannot be run (126), or does not exist (127)."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status

    @property
    def exit_status(self) -> int:  # type: ignore[override]
        """126 or 127, as in a shell."""
        return self.status


def find_program(name: str, environ: Mapping[str, str]) -> str:
    """Return the path of the program `name`, searched in the inherited PATH, because a resolved PATH is not trusted.

    Raises CommandError if there is no such program, and UsageError if `name` is empty.
    """
    if not name:
        raise UsageError("the command is an empty word; name a program after --")
    if "/" in name:
        candidates = [name]
    else:
        folders = environ.get("PATH", os.defpath).split(os.pathsep)
        candidates = [os.path.join(folder or os.curdir, name) for folder in folders]
    exists = False
    for path in candidates:
        if os.path.isfile(path):
            if os.access(path, os.X_OK):
                return path
            exists = True
        exists = exists or ("/" in name and os.path.exists(path))
    shown = path_or(name, "the command")
    if exists:
        raise CommandError(f"{shown}: it cannot be executed; is it a program, and is its x bit set?", 126)
    cause = "there is no such file" if "/" in name else "no folder in PATH has it"
    if "=" in name.partition("/")[0]:
        cause = "this is an assignment and not a program; put `env` before it"
    raise CommandError(f"{shown}: {cause}", 127)


def exec_program(
    path: str, argv: list[str], environment: Mapping[bytes, bytes], *, core_limits: Limits | None = None
) -> NoReturn:
    """Replace this process with the program at `path`. Raises CommandError or OutputError if the kernel refuses.

    `core_limits`: the limits to restore, because the application decides about its own core files.
    """
    number = text = None
    if core_limits is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, core_limits)
    _close_descriptors(3 + _socket_count(environment))
    handlers = _reset_signals()
    try:
        os.execve(path, argv, dict(environment))  # noqa: S606 - exec is the purpose of this function
    except OSError as error:
        number, text = error.errno, error.strerror  # not the error itself: its traceback holds the environment
    for signal_number, handler in handlers.items():
        signal.signal(signal_number, handler)
    import errno

    if number == errno.E2BIG:
        raise too_large(environment)
    if number == errno.ENOENT:
        raise CommandError(f"{path}: the file, or the interpreter in its first line, does not exist", 127)
    hint = "; is it a program for this machine, or is its #! line missing?" if number == errno.ENOEXEC else ""
    raise CommandError(f"{path}: it cannot be executed: {text}{hint}", 126)


def _socket_count(environment: Mapping[bytes, bytes]) -> int:
    """Return how many sockets systemd opened for this process, from 3 on: see sd_listen_fds(3)."""
    count = environment.get(b"LISTEN_FDS", b"")
    is_meant = environment.get(b"LISTEN_PID") == str(os.getpid()).encode()
    return int(count) if is_meant and count.isdigit() and len(count) < 5 else 0


def _close_descriptors(first: int) -> None:
    """Let the program inherit no descriptor from `first` on."""
    try:
        names = os.listdir("/proc/self/fd")
    except OSError:
        os.closerange(first, 1024)
        return
    for name in names:
        if int(name) >= first:
            try:
                os.set_inheritable(int(name), False)  # noqa: FBT003
            except OSError:  # the descriptor of listdir itself
                continue


def _reset_signals() -> dict[int, Any]:
    """Set the signals as in a fresh process, and return the handlers until now.

    Python ignores SIGPIPE and SIGXFSZ, and programs would inherit that. A signal that the parent process ignored stays
    ignored (nohup).
    """
    before: dict[int, Any] = {}
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM, signal.SIGINT):
        is_set_here = number in (signal.SIGPIPE, signal.SIGXFSZ) or signal.getsignal(number) is not signal.SIG_IGN
        if is_set_here:
            before[number] = signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    return before
