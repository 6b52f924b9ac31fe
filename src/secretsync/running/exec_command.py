"""Becoming the application: its environment, its place in the file system, and a process as a fresh one has it."""

from __future__ import annotations

import os
import signal
from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, NoReturn

from secretsync.core.errors import OutputError, Problem, ProblemKind, SecretSyncError, UsageError
from secretsync.core.files import Input, read_file
from secretsync.core.model import Resolved
from secretsync.core.text import path_or
from secretsync.running.unsafe_variables import is_unsafe_variable

__all__ = [
    "CommandError",
    "become",
    "child_environment",
    "find_command",
    "inherited_environment",
    "refuse_too_large",
    "refuse_unfit",
    "refuse_unsafe_variables",
    "used_credentials",
]

# Linux, MAX_ARG_STRLEN: one string of the environment, with its NUL, fits into 32 pages.
MAX_VARIABLE_BYTES = 131_071

# Linux: arguments and environment may take a quarter of the stack's limit, in any case this much and at most that.
_LEAST_BYTES, _MOST_BYTES = 131_072, 6 * 1024 * 1024
_POINTER_BYTES = 8
_NAMED = 5  # of the largest variables, in a message

# What `--clean` keeps of the inherited environment.
_PLAIN = ("PATH", "HOME", "LANG", "TZ", "TERM", "HOSTNAME", "USER")


class CommandError(SecretSyncError):
    """The command cannot be run (126), or is not there (127)."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status

    @property
    def exit_status(self) -> int:  # type: ignore[override]
        """126 or 127, as shells have it."""
        return self.status


def inherited_environment() -> dict[str, str]:
    """The environment that this process was started with.

    In the C locale Python adds LC_CTYPE to its own (PEP 538), and that is not for the application.
    """
    environment = dict(os.environ)
    if "LC_CTYPE" not in environment:
        return environment
    data = read_file("/proc/self/environ", Input.KERNEL)
    if not isinstance(data, bytes):
        return environment
    was = [entry.partition(b"=")[2] for entry in data.split(b"\0") if entry.startswith(b"LC_CTYPE=")]
    if was:
        environment["LC_CTYPE"] = os.fsdecode(was[0])
    else:
        del environment["LC_CTYPE"]
    return environment


def find_command(name: str, environ: Mapping[str, str]) -> str:
    """The path of the program that `name` means by the PATH that we were given, not by one that is resolved.

    Raises CommandError, or UsageError where it is empty.
    """
    if not name:
        raise UsageError("the command is an empty word; name a program behind --")
    if "/" in name:
        candidates = [name]
    else:
        folders = environ.get("PATH", os.defpath).split(os.pathsep)
        candidates = [os.path.join(folder or os.curdir, name) for folder in folders]
    is_there = False
    for path in candidates:
        if os.path.isfile(path):
            if os.access(path, os.X_OK):
                return path
            is_there = True
        is_there = is_there or ("/" in name and os.path.exists(path))
    shown = path_or(name, "the command")
    if is_there:
        raise CommandError(f"{shown}: it is there, and cannot be executed; is it a program, and is its x bit set?", 126)
    where = "there is no such file" if "/" in name else "no folder in PATH has it"
    if "=" in name.partition("/")[0]:
        where = "this is an assignment and not a program; put `env` before it"
    raise CommandError(f"{shown}: {where}", 127)


def refuse_unsafe_variables(resolved: Mapping[str, Resolved], allowed: Collection[str]) -> None:
    """Raise OutputError for every value that came from a store under a name that steers a process.

    Whoever may write a secret could otherwise run code in the application.
    """
    problems = [
        Problem(
            kind=ProblemKind.OUTPUT,
            key=key,
            file=found.entry.file,
            line=found.entry.line,
            cause="a variable of this name decides what a process runs or loads, and its value came from a store",
            hint=f"rename it, or allow it: --allow-name {key}",
        )
        for key, found in resolved.items()
        if found.is_from_store and is_unsafe_variable(key, allowed)
    ]
    if problems:
        raise OutputError(problems)


def used_credentials(patterns: Iterable[str], environ: Mapping[str, str], kept: Collection[str]) -> tuple[str, ...]:
    """The variables of `environ` with literal credentials that one of `patterns` names and `kept` does not."""
    patterns = tuple(patterns)
    return tuple(
        sorted(
            name
            for name in environ
            if any(fnmatchcase(name, pattern) for pattern in patterns)
            and not any(fnmatchcase(name, keep) for keep in kept)
        )
    )


def child_environment(
    environ: Mapping[str, str],
    resolved: Mapping[str, str],
    *,
    is_clean: bool,
    passed: Collection[str],
    removed: Collection[str],
) -> dict[bytes, bytes]:
    """The application's environment: what is inherited, without `removed`, and what was resolved over it.

    Bytes, since a value is UTF-8 whatever this process's locale says, and what is inherited stays as it is.
    `is_clean`: only PATH, HOME and their like are inherited, and what `passed` names (patterns, as in `AWS_*`).
    """
    if is_clean:
        keep = (*_PLAIN, "LC_*", *passed)
        inherited = {name: value for name, value in environ.items() if any(fnmatchcase(name, one) for one in keep)}
    else:
        inherited = dict(environ)
    for name in removed:
        inherited.pop(name, None)
    environment = {os.fsencode(name): os.fsencode(value) for name, value in inherited.items()}
    # What is not UTF-8 came from a variable of our environment, and goes back as it was.
    environment.update((name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in resolved.items())
    return environment


def refuse_unfit(environment: Mapping[bytes, bytes], resolved: Mapping[str, Resolved]) -> None:
    """Raise OutputError for every variable that the kernel would not take: with a NUL, or too large."""
    problems = []
    for name, value in environment.items():
        key = os.fsdecode(name)
        if b"\0" in value:
            cause, hint = "it holds a NUL character, which no variable can", "take it with ?as=base64"
        elif len(name) + 1 + len(value) > MAX_VARIABLE_BYTES:
            cause, hint = (
                f"KEY=value is over {MAX_VARIABLE_BYTES} bytes, the most for one variable",
                "hand it over in a file",
            )
        else:
            continue
        found = resolved.get(key)
        where = {} if found is None else {"file": found.entry.file, "line": found.entry.line}
        problems.append(Problem(kind=ProblemKind.OUTPUT, key=key, cause=cause, hint=hint, **where))  # type: ignore[arg-type]
    if problems:
        raise OutputError(problems)


def refuse_too_large(path: str, argv: Collection[str], environment: Mapping[bytes, bytes]) -> None:
    """Raise OutputError where the kernel would not take the arguments and the environment together."""
    import resource

    strings = [*map(os.fsencode, (path, *argv)), *(name + b"=" + value for name, value in environment.items())]
    total = sum(len(string) + 1 + _POINTER_BYTES for string in strings)
    stack = resource.getrlimit(resource.RLIMIT_STACK)[0]
    limit = _MOST_BYTES if stack == resource.RLIM_INFINITY else min(max(stack // 4, _LEAST_BYTES), _MOST_BYTES)
    if total > limit:
        raise _too_large(environment)


def _too_large(environment: Mapping[bytes, bytes]) -> OutputError:
    """Names alone, the largest first: a length may be a hint at what a value is."""
    largest = sorted(environment, key=lambda name: len(name) + len(environment[name]), reverse=True)
    names = ", ".join(os.fsdecode(name) for name in largest[:_NAMED])
    return OutputError(
        "the environment and the arguments together are too large for the kernel; the largest variables are "
        f"{names}: hand them over in files"
    )


def become(path: str, argv: list[str], environment: Mapping[bytes, bytes]) -> NoReturn:
    """Replace this process by the program at `path`. Raises CommandError or OutputError where the kernel refuses."""
    number = text = None
    _close_descriptors()
    handlers = _reset_signals()
    try:
        os.execve(path, argv, dict(environment))  # noqa: S606 - becoming the command is the job
    except OSError as error:
        number, text = error.errno, error.strerror  # and no more of it: the traceback's frames hold the environment
    for signal_number, handler in handlers.items():
        signal.signal(signal_number, handler)
    import errno

    if number == errno.E2BIG:
        raise _too_large(environment)
    _raise_refusal(path, number, text)


def _raise_refusal(path: str, number: int | None, text: str | None) -> NoReturn:
    import errno

    if number == errno.ENOENT:
        raise CommandError(f"{path}: it, or the interpreter that its first line names, is not there", 127)
    hint = "; is it a program of this machine's kind, or does it lack its #! line?" if number == errno.ENOEXEC else ""
    raise CommandError(f"{path}: it cannot be executed: {text}{hint}", 126)


def _close_descriptors() -> None:
    """Let no descriptor above 2 reach the program."""
    try:
        names = os.listdir("/proc/self/fd")
    except OSError:
        os.closerange(3, 1024)
        return
    for name in names:
        if int(name) > 2:
            try:
                os.set_inheritable(int(name), False)  # noqa: FBT003
            except OSError:  # the one that listed the folder
                continue


def _reset_signals() -> dict[int, Any]:
    """Give signals back as a fresh process has them; returns what they were.

    Python ignores SIGPIPE and SIGXFSZ, and programs inherit that. One that our parent had ignored stays so (nohup).
    """
    before: dict[int, Any] = {}
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM, signal.SIGINT):
        is_ours = number in (signal.SIGPIPE, signal.SIGXFSZ) or signal.getsignal(number) is not signal.SIG_IGN
        if is_ours:
            before[number] = signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    return before
