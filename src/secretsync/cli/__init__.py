"""The command line: find the command, run it, and turn errors into messages and an exit status."""

from __future__ import annotations

import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    import signal
    from collections.abc import Callable, Collection, Mapping, Sequence
    from types import ModuleType
    from typing import NoReturn

    from secretsync.core.errors import SecretSyncError
else:
    import _signal as signal  # `signal` wraps it in enumerations, which slows each start


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run a command, and end the process with its exit status.

    `argv`: the name of the command and its arguments; None means the arguments of the process.
    """
    gc.disable()  # The process ends before the memory of circles is missed, and looking for them takes a tenth of it.
    _end_on_signals()
    _open_streams()
    status = 0
    try:
        status = _run(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
    except OSError as error:
        failure = _stdout_failed(error)
        status = failure if status in (0, 1) else status  # a lost report is worse than what it would list
    try:  # noqa: SIM105 - contextlib is not imported, because it slows each start
        sys.stderr.flush()
    except OSError:
        pass
    # End at once, because a thread or the exit handler of a library may still be waiting for a store.
    os._exit(status)


def _end_on_signals() -> None:
    """End at once on SIGTERM and SIGINT, because process 1 ignores SIGTERM, and Python would raise on SIGINT."""
    for number, status in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        if signal.getsignal(number) is not signal.SIG_IGN:  # a signal that the parent ignored stays ignored
            signal.signal(number, _exit_with(status))


def _exit_with(status: int) -> Callable[[int, object], NoReturn]:
    return lambda _number, _frame: os._exit(status)


def _forbid_core_file() -> tuple[int, int] | None:
    """Forbid core files, because a crash of SecretSync would write secrets to disk. Return the limits until now."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    except (OSError, ValueError):
        return None
    return soft, hard


def _open_streams() -> None:
    """Open standard output and error if they are closed, and make them UTF-8 in every locale.

    The next opened file or socket would get a closed descriptor below 3, and results would be written to it. A program
    that `run` starts gets the descriptor closed, as it was.
    """
    if sys.stdin is None or sys.stdout is None or sys.stderr is None:
        while (descriptor := os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)) <= 2:
            pass
        os.close(descriptor)
        # Writing to stdout fails then, because results must not be lost silently. Messages may be lost.
        sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - for the whole process
        sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - the same
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]


def _stdout_failed(error: OSError) -> int:
    """Return 6, and report the error, unless the reader closed the pipe, as `head` does."""
    if not isinstance(error, BrokenPipeError):
        from secretsync.cli import console

        console.info(f"standard output cannot be written: {error.strerror}")
    return 6


def _run(arguments: list[str]) -> int:
    try:
        import posix  # noqa: F401 - already imported, except on Windows, which does not have the module
    except ModuleNotFoundError as error:
        return _refuse_platform(error.name)
    from secretsync.cli.commands import COMMANDS

    name = arguments[0] if arguments else "--help"
    if name in ("-h", "--help", "help"):
        from secretsync.cli.manual.overview import overview

        print(overview(COMMANDS))
        return 0
    if name in ("-V", "--version"):
        from secretsync.core import __version__

        print(f"secretsync {__version__}")
        return 0
    rest = arguments[1:]
    if name not in COMMANDS:
        group = _group(name, COMMANDS)
        if not group:
            return _unknown_command(name, COMMANDS)
        if not rest or rest[0].startswith("-"):
            return _print_group(name, group, is_help=rest[:1] in (["-h"], ["--help"]))
        if f"{name} {rest[0]}" not in group:
            return _unknown_command(rest[0], [command.removeprefix(f"{name} ") for command in group], group=name)
        name, rest = f"{name} {rest[0]}", rest[1:]
    return _run_command(name, rest)


def _run_command(name: str, arguments: list[str]) -> int:
    from secretsync.core.errors import SecretSyncError

    failure: SecretSyncError | None = None
    try:
        return _call(name, arguments)
    except SecretSyncError as error:
        failure = error
    except SystemExit as end:  # argparse: --help, or a usage error that is printed already
        return end.code if isinstance(end.code, int) else 2
    except OSError as error:
        if error.filename is None:
            raise  # `main` reports the failure of standard output
        return _internal_error(error)
    except ModuleNotFoundError as error:
        return _refuse_platform(error.name) or _internal_error(error)
    except Exception as error:  # noqa: BLE001 - the top of the command line: print the type only, as a text may hold a value
        return _internal_error(error)
    return _report_failure(name, failure)


def _call(name: str, arguments: list[str]) -> int:
    from secretsync.core.errors import SecretSyncError
    from secretsync.core.light import import_module

    command = import_module(f"secretsync.cli.commands.{name.replace('-', '_').replace(' ', '_')}")
    options = _read_options(name, command, arguments)
    options.core_limits = _forbid_core_file()  # `run` restores them for the application
    failure: SecretSyncError | None = None
    try:
        status: int = command.execute(options)
    except SecretSyncError as error:
        failure = error
    if failure is None:
        return status
    return _report_failure(name, failure, is_verbose=vars(options).get("verbose", False))


def _read_options(name: str, command: ModuleType, arguments: list[str]) -> argparse.Namespace:
    from secretsync.cli.plain_options import read_plain_options

    rest: list[str] | None = None
    if hasattr(command, "split"):  # `run` takes the command of the application after --
        arguments, rest = command.split(arguments)
    options = read_plain_options(name, command, arguments)
    if options is None:
        from secretsync.cli.parser import build_parser  # Imported only for help, a mistake or a rare notation.

        options = build_parser(name, command).parse_args(arguments)
    if rest is not None:
        options.command = rest
    return options


def _report_failure(name: str, failure: SecretSyncError, *, is_verbose: bool = False) -> int:
    from secretsync.cli import console

    console.print_problems(name, failure.problems, is_verbose=is_verbose)
    for note in getattr(failure, "__notes__", ()):
        console.info(note)
    return int(failure.exit_status)


def _group(name: str, commands: Mapping[str, str]) -> dict[str, str]:
    """Return the commands of the group `name`."""
    return {command: summary for command, summary in commands.items() if command.startswith(f"{name} ")}


def _print_group(name: str, commands: Mapping[str, str], *, is_help: bool) -> int:
    """Print the commands of a group; that is a usage error if no --help was given."""
    text = f"usage: secretsync {name} COMMAND [OPTIONS]\n\ncommands:\n"
    text += "\n".join(f"  {command.removeprefix(name + ' ')}  {summary}" for command, summary in commands.items())
    print(text, file=sys.stdout if is_help else sys.stderr)
    return 0 if is_help else 2


def _unknown_command(name: str, commands: Collection[str], *, group: str = "") -> int:
    """Print that there is no such command. `group`: the command before it, if it has commands of its own."""
    from secretsync.cli import console
    from secretsync.core.text import suggestion, unknown

    program = f"secretsync {group}".rstrip()
    hint = suggestion(name, commands, f"`{program} --help` lists the commands")
    if name.startswith("-"):
        hint = "write options after the command: secretsync COMMAND [OPTIONS]"
    place = f"{group}: " if group else ""
    console.info(f"{place}{unknown('command', name, commands)}; {hint}")
    return 2


def _refuse_platform(module: str | None) -> int:
    """Return 2, and print a message, if only POSIX systems have `module`; else return 0."""
    from secretsync.cli import console
    from secretsync.core.system.platforms import refusal

    text = refusal(module)
    if text is None:
        return 0
    console.info(text)
    return 2


def _internal_error(error: Exception) -> int:
    """Report the type of an unforeseen error and its lines in SecretSync, without its text, which may hold a value."""
    from secretsync.cli import console

    lines = []
    trace = error.__traceback__
    while trace is not None:
        path = trace.tb_frame.f_code.co_filename
        if f"{os.sep}secretsync{os.sep}" in path:
            lines.append(f"{path.rpartition(os.sep + 'secretsync' + os.sep)[2]}:{trace.tb_lineno}")
        trace = trace.tb_next
    places = " < ".join(reversed(lines))
    console.info(f"internal error, please report it: {type(error).__name__} at {places}")
    return 2
