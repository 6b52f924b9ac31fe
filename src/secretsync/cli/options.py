"""Define the options that several commands share, the types of options, and what one command accepts."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from typing import Any


def _wrong_value(message: str) -> argparse.ArgumentTypeError:
    import argparse  # Imported only for a mistake.

    return argparse.ArgumentTypeError(message)


_NAME_RULE = "a name is letters, digits, '_', '.' and '-', and begins with a letter or '_'"


def duration(text: str) -> float:
    """Return the seconds of an option such as --timeout."""
    from secretsync.core.durations import parse_duration

    seconds = parse_duration(text)
    if seconds is None:
        message = 'it must be a length of time above zero, such as "30s" or "2m"'
        raise _wrong_value(message)
    return seconds


def length(text: str) -> float:
    """Return the seconds of an option such as --settle. Zero is possible."""
    from secretsync.core.durations import parse_length

    seconds = parse_length(text)
    if seconds is None:
        message = 'it must be a length of time, such as "0s", "30s" or "2m"'
        raise _wrong_value(message)
    return seconds


def variable_name(text: str) -> str:
    """Return the value of --allow-name: the name of a variable."""
    from secretsync.core.names import is_key

    if not is_key(text):
        raise _wrong_value(f"it must be the name of a variable; {_NAME_RULE}")
    return text


def variable_pattern(text: str) -> str:
    """Return the value of --pass-env: the name of a variable, or a pattern of names."""
    import re  # Imported only if a variable is passed.

    if not re.fullmatch(r"[A-Za-z_*?\[][A-Za-z0-9_.*?\[\]!-]*", text):
        raise _wrong_value(f"it must be the name of a variable, or a pattern such as AWS_*; {_NAME_RULE}")
    return text


def timestamp(text: str) -> datetime:
    """Return the time of an option such as --at."""
    from secretsync.core.timestamps import parse_timestamp

    time = parse_timestamp(text)
    if time is None:
        message = "it must be a date such as 2027-01-01, or a time such as 2027-01-01T09:00:00Z"
        raise _wrong_value(message)
    return time


def whole_number(most: int) -> Callable[[str], int]:
    """Return the type of an option that takes a number from 1 to `most`."""

    def number(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and 1 <= int(text) <= most):
            message = f"it must be a number from 1 to {most}"
            raise _wrong_value(message)
        return int(text)

    return number


# Every option that more than one command has: the arguments of argparse's add_argument, by the long name.
_OPTIONS: dict[str, dict[str, Any]] = {
    "--environment": {
        "short": "-e",
        "metavar": "NAME",
        "help": "the folder in env/, or the name of --env-file; else $SECRETSYNC_ENV, else $ENVIRONMENT",
    },
    "--all": {"action": "store_true", "help": "every environment of the project"},
    "--env-file": {
        "metavar": "FILE",
        "action": "append",
        "help": "read this env file instead of env/: a file, a pipe, - for standard input; may be repeated, later "
        "files override earlier ones; -e only gives the name",
    },
    "--env-file-optional": {
        "metavar": "FILE",
        "action": "append_optional",
        "dest": "env_file",
        "help": "the same, but the file does not have to exist; the order of both options counts",
    },
    "--inherited-wins": {
        "action": "store_true",
        "help": "an inherited variable replaces a setting of the files, but never a secret; without this option the "
        "files replace inherited variables",
    },
    "--bindings": {"metavar": "FILE", "help": "the bindings for --env-file"},
    "--root": {
        "metavar": "DIR",
        "help": "the project's folder; else $SECRETSYNC_ROOT, else the nearest folder upwards with env/",
    },
    "--service": {
        "metavar": "NAME",
        "action": "append",
        "help": "only the shared configuration and this service; may be repeated",
    },
    "--timeout": {
        "metavar": "TIME",
        "type": duration,
        "help": 'the limit for all stores together: "30s" (default), "500ms", "2m"',
    },
    "--verbose": {
        "short": "-v",
        "action": "store_true",
        "help": "print on stderr each step and the number of requests to each store",
    },
    "--quiet": {"short": "-q", "action": "store_true", "help": "print errors only"},
    "--output": {"metavar": "FILE", "help": "write to this file, all of it or nothing"},
    "--no-validate": {
        "action": "store_true",
        "help": "accept values that the policy or a strict environment does not allow; for emergencies",
    },
    "--allow-name": {
        "metavar": "NAME",
        "type": variable_name,
        "action": "append",
        "default": [],
        "help": "accept a value from a store for a variable that controls programs, such as PATH; may be repeated",
    },
    "--access-log": {
        "metavar": "FILE",
        "help": "append a line of JSON for each secret that is read, without its value; else $SECRETSYNC_ACCESS_LOG",
    },
    "--require-access-log": {
        "action": "store_true",
        "help": "if the access log cannot be written, read nothing and end with 6",
    },
    "--kv-version": {
        "metavar": "VERSION",
        "choices": ("1", "2"),
        "help": "vault: 1 or 2, for stores whose bindings have no kv_version; no mount is asked",
    },
    "--history": {"metavar": "FILE", "help": "the history file (default: .secretsync/history/<environment>.json)"},
    "--offline": {"action": "store_true", "help": "ask no store; then the versions of secrets are unknown"},
}


def add_option(parser: argparse._ActionsContainer, name: str, **changes: Any) -> None:
    """Add a shared option. `changes`: arguments of add_argument that differ for this command."""
    arguments = {**_OPTIONS[name], **changes}
    short = arguments.pop("short", None)
    parser.add_argument(*([name] if short is None else [short, name]), **arguments)


def add_source(parser: argparse.ArgumentParser, *, several: bool = False, services: bool = True) -> None:
    """Add the options that select the configuration, and --timeout, --verbose and --quiet.

    `several`: --environment may be repeated, and --all takes every environment. `services`: --service selects some.
    """
    group = parser.add_argument_group("which configuration")
    if several:
        repeated = f"{_OPTIONS['--environment']['help']}; may be repeated"
        add_option(group, "--environment", action="append", help=repeated)
        add_option(group, "--all")
    else:
        add_option(group, "--environment")
    for name in ("--env-file", "--env-file-optional", "--bindings", "--root"):
        add_option(group, name)
    if services:
        add_option(group, "--service")
    else:
        parser.set_defaults(service=None)
    add_option(group, "--timeout")
    messages = parser.add_mutually_exclusive_group()
    add_option(messages, "--verbose")
    add_option(messages, "--quiet")


def add_format(
    parser: argparse._ActionsContainer, formats: Iterable[str] = ("text", "json"), *, default: str | None = "text"
) -> None:
    """Add --format. `formats`: the names of a registry. `default`: None if the user has to choose."""
    names = list(formats)
    listed = ", ".join(f"{name} (default)" if name == default else name for name in names)
    parser.add_argument("--format", metavar="FORMAT", choices=names, default=default, help=f"one of: {listed}")


def add_access_log(parser: argparse.ArgumentParser) -> None:
    """Add the options of the access log."""
    group = parser.add_argument_group("access log")
    add_option(group, "--access-log")
    add_option(group, "--require-access-log")
