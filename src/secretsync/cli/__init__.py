"""The command line: finds the command, runs it, and turns what went wrong into messages and an exit status."""

from __future__ import annotations

import contextlib
import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

    from secretsync.core.errors import SecretSyncError

__all__ = ["COMMANDS", "main"]

# Each command and its one line of help. Its code, `secretsync.cli.commands.<command>`, is imported for the call.
COMMANDS = {
    "run": "resolve, then start a command with the configuration in its environment",
    "render": "write the resolved configuration in one of several formats",
    "check": "does every secret exist? reads no value",
    "audit": "judge a configuration before it is deployed: policy, plain secrets, files, git",
    "track": "record the state of an environment: settings, references, versions; no secret",
    "diff": "what changed: since a record, between records, or between environments",
    "explain": "where each value comes from",
    "check-rotation": "how old the secrets are, against the policy; reads no value",
    "doctor": "is each store reachable, and who are we there?",
    "get": "print one value, for scripts",
    "backup": "archive env/ and providers/, with checksums; no plain secret gets in",
    "restore": "put env/ and providers/ back from an archive, all of it or nothing",
    "template": "write .env.example: what the environments define, without values",
    "init": "begin a project: env/, providers/ and lines for .gitignore",
    "providers": "the providers that are installed, and what each accepts",
}


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command that `argv` (None: the process's arguments) names, and end the process with its status."""
    _end_on_signals()
    _open_streams()
    status = 0
    try:
        status = _run(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
    except OSError as error:
        status = status or _stdout_failed(error)
    with contextlib.suppress(OSError):
        sys.stderr.flush()
    # At once: whatever still hangs in a thread, or in a library's exit handler, does not hold us up.
    os._exit(status)


def _end_on_signals() -> None:
    """End at once on SIGTERM and SIGINT: as process 1 we would ignore the one, and Python would unwind on the other."""
    for number, status in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        if signal.getsignal(number) is not signal.SIG_IGN:  # one that our parent ignored stays ignored
            signal.signal(number, _exit_with(status))


def _exit_with(status: int) -> Callable[[int, object], NoReturn]:
    return lambda _number, _frame: os._exit(status)


def _open_streams() -> None:
    """Make standard output and error what the commands may rely on: there, and UTF-8 whatever the locale says.

    A descriptor below 3 that is closed would be given to the next file or socket that is opened, and what is meant
    for standard output would go there. A program that `run` starts finds it closed, as it was.
    """
    if sys.stdin is None or sys.stdout is None or sys.stderr is None:
        while (descriptor := os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)) <= 2:
            pass
        os.close(descriptor)
        # Writing to this one fails: data must not be lost silently. What is said to nobody may be.
        sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - for the whole process
        sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - the same
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]


def _stdout_failed(error: OSError) -> int:
    """6, said on stderr unless it is the reader that went away, as `head` does."""
    if not isinstance(error, BrokenPipeError):
        _complain(f"secretsync: standard output cannot be written: {error.strerror}")
    return 6


def _complain(text: str) -> None:
    """Say `text` on stderr; where nobody can hear it, the exit status still says it."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr)


def _run(arguments: list[str]) -> int:
    from secretsync.core.errors import SecretSyncError

    name = arguments[0] if arguments else "--help"
    if name in ("-h", "--help", "help"):
        print(_overview())
        return 0
    if name in ("-V", "--version"):
        from secretsync.core.version import __version__

        print(f"secretsync {__version__}")
        return 0
    if name not in COMMANDS:
        return _unknown_command(name)
    failure: SecretSyncError | None = None
    try:
        return _call(name, arguments[1:])
    except SecretSyncError as error:
        failure = error
    except SystemExit as end:  # argparse: --help, or a usage error that it has printed
        return end.code if isinstance(end.code, int) else 2
    except OSError as error:
        if error.filename is None:
            raise  # of a print to standard output: `main` says so
        return _internal_error(error)
    except Exception as error:  # noqa: BLE001 - the other border: nothing but its type, since a text may hold a value
        return _internal_error(error)
    return _report(name, failure)


def _call(name: str, arguments: list[str]) -> int:
    from importlib import import_module

    from secretsync.cli.options import build_parser

    command = import_module(f"secretsync.cli.commands.{name.replace('-', '_')}")
    parser = build_parser(name, command)
    if hasattr(command, "split"):  # `run` takes a command of its own behind --
        arguments, rest = command.split(arguments)
        options = parser.parse_args(arguments)
        options.command = rest
    else:
        options = parser.parse_args(arguments)
    status: int = command.execute(options)
    return status


def _overview() -> str:
    width = max(len(name) for name in COMMANDS)
    lines = "\n".join(f"  {name:{width}}  {summary}" for name, summary in COMMANDS.items())
    return f"""usage: secretsync COMMAND [OPTIONS]

Configuration that is safe to commit, resolved from the stores that hold its secrets.

commands:
{lines}

`secretsync COMMAND --help` shows a command's options and an example. `secretsync --version` shows the version.

example:
  secretsync run -e production -- gunicorn app:app"""


def _unknown_command(name: str) -> int:
    from secretsync.core.text import suggestion, unknown

    hint = suggestion(name, COMMANDS, "`secretsync --help` lists them")
    if name.startswith("-"):
        hint = "options stand behind the command: secretsync COMMAND [OPTIONS]"
    _complain(f"secretsync: {unknown('command', name, COMMANDS)}; {hint}")
    return 2


def _report(command: str, error: SecretSyncError) -> int:
    """Every problem on a line of its own, to stderr."""
    count = len(error.problems)
    if count == 1:
        _complain(f"secretsync {command}: {error.problems[0]}")
    else:
        lines = "\n".join(f"  {problem}" for problem in error.problems)
        _complain(f"secretsync {command}: {count} problems\n{lines}")
    return int(error.exit_status)


def _internal_error(error: Exception) -> int:
    """The type of an unforeseen error and our own lines that it passed: what a bug report needs, and no value."""
    lines = []
    trace = error.__traceback__
    while trace is not None:
        path = trace.tb_frame.f_code.co_filename
        if f"{os.sep}secretsync{os.sep}" in path:
            lines.append(f"{path.rpartition(os.sep + 'secretsync' + os.sep)[2]}:{trace.tb_lineno}")
        trace = trace.tb_next
    where = " < ".join(reversed(lines))
    _complain(f"secretsync: internal error, please report it: {type(error).__name__} at {where}")
    return 2
