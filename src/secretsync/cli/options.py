"""Build the parser of each command, and define the options that several commands share."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import TYPE_CHECKING, Any

from secretsync.core.errors import printable
from secretsync.core.text import count_of, is_shown, suggestion, unknown

if TYPE_CHECKING:
    from datetime import datetime


def _no_help(prog: str) -> argparse.HelpFormatter:
    """Return the formatter that argparse checks each option with. The one of help costs an import."""
    return argparse.HelpFormatter(prog, width=80)


# The messages of argparse that repeat a value, from their first different word.
_QUOTING = r"(?s)(?:ignored explicit argument|invalid \S+ value:).*"


class _StoreOnce(argparse.Action):
    """Store the value of an option, and refuse a second one: a command would read only the last."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option_string: Any = None
    ) -> None:
        stored = vars(namespace).setdefault("_stored", set())
        if option_string and self.dest in stored:
            parser.error(f"{self.option_strings[-1]} can be given only once")
        stored.add(self.dest)
        setattr(namespace, self.dest, values)


class _OptionalFile(argparse.Action):
    """Append a file to those of --env-file, and remember that it does not have to exist."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002
        namespace: argparse.Namespace,
        values: Any,
        option_string: Any = None,  # noqa: ARG002
    ) -> None:
        namespace.env_file = [*(namespace.env_file or ()), values]
        namespace.optional_files = [*vars(namespace).get("optional_files", ()), values]


class _Parser(argparse.ArgumentParser):
    """A parser whose messages do not repeat arguments, because a user may paste a secret into any of them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.register("action", None, _StoreOnce)

    def format_help(self) -> str:
        """Return the help in the width of the terminal."""
        from secretsync.cli.help import format_help  # Imported only for help.

        return format_help(self)

    def format_usage(self) -> str:
        """Return the usage in the width of the terminal."""
        from secretsync.cli.help import format_usage  # Imported only for an error.

        return format_usage(self)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse unknown arguments, because argparse would print them."""
        options, unknown_arguments = super().parse_known_args(args, namespace)
        if unknown_arguments:
            self.error(self._refusal(unknown_arguments))
        return options, []

    def _refusal(self, unknown_arguments: list[str]) -> str:
        known = [option for option in self._option_string_actions if option.startswith("--")]
        names = [argument.partition("=")[0] for argument in unknown_arguments if argument.startswith("-")]
        if not names:
            advice = "put -- before the command" if self.prog.endswith(" run") else "-e NAME names an environment"
            if any(argument.endswith(".env") for argument in unknown_arguments):
                advice = "put --env-file before the name of an env file"
            return f"{count_of(len(unknown_arguments), 'argument')} too many; {advice}"
        if self.prog.endswith(" run") and not unknown_arguments[0].startswith("-"):
            return "the command is not after --; put -- before it: secretsync run -e production -- COMMAND"
        advice = suggestion(names[0], known, "" if names[0].startswith("--") else "options have two hyphens")
        return "; ".join(filter(None, (unknown("option", names[0], known), advice)))

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        # An unset variable of a script, --bindings "$FILE". Taken as absent, it would select other files or stores.
        if not arg_string and action.option_strings:
            raise argparse.ArgumentError(action, "its value is empty; give a value, or remove the option")
        return super()._get_value(action, arg_string)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            choices = [str(choice) for choice in action.choices]
            word = f"{value!r}" if is_shown(str(value), choices) else "this value"
            raise argparse.ArgumentError(action, f"{word} is not one of {', '.join(choices)}")

    def _print_message(self, message: str, file: Any = None) -> None:
        """Print help. A failure to write it is raised, because argparse would ignore it."""
        if file is sys.stdout and message:
            file.write(message)
        else:
            super()._print_message(message, file)

    def error(self, message: str) -> Any:
        message = re.sub(_QUOTING, "its value cannot be used", message)
        self.print_usage(sys.stderr)
        from secretsync.cli import console  # Imported only for an error.

        console.print_message(f"{self.prog}: {printable(message)}; see {self.prog} --help")
        raise SystemExit(2)


def build_parser(name: str, command: ModuleType) -> argparse.ArgumentParser:
    """Return the parser of one command. `command`: its module, with USAGE, EXAMPLE and add_arguments."""
    parser = _Parser(
        prog=f"secretsync {name}",
        description=command.__doc__,
        usage=f"secretsync {name} {command.USAGE}",
        epilog=f"example:\n{command.EXAMPLE}",
        formatter_class=_no_help,
        allow_abbrev=False,
    )
    parser.set_defaults(command_name=name)
    command.add_arguments(parser)
    return parser


_NAME_RULE = "a name is letters, digits, '_', '.' and '-', and begins with a letter or '_'"


def duration(text: str) -> float:
    """Return the seconds of an option such as --timeout."""
    from secretsync.core.durations import parse_duration

    seconds = parse_duration(text)
    if seconds is None:
        message = 'it must be a length of time above zero, such as "30s" or "2m"'
        raise argparse.ArgumentTypeError(message)
    return seconds


def variable_name(text: str) -> str:
    """Return the value of --allow-name: the name of a variable."""
    from secretsync.core.names import is_key

    if not is_key(text):
        raise argparse.ArgumentTypeError(f"it must be the name of a variable; {_NAME_RULE}")
    return text


def variable_pattern(text: str) -> str:
    """Return the value of --pass-env: the name of a variable, or a pattern of names."""
    if not re.fullmatch(r"[A-Za-z_*?\[][A-Za-z0-9_.*?\[\]!-]*", text):
        raise argparse.ArgumentTypeError(f"it must be the name of a variable, or a pattern such as AWS_*; {_NAME_RULE}")
    return text


def timestamp(text: str) -> datetime:
    """Return the time of an option such as --at."""
    from secretsync.core.timestamps import parse_timestamp

    time = parse_timestamp(text)
    if time is None:
        message = "it must be a date such as 2027-01-01, or a time such as 2027-01-01T09:00:00Z"
        raise argparse.ArgumentTypeError(message)
    return time


def whole_number(most: int) -> Callable[[str], int]:
    """Return the type of an option that takes a number from 1 to `most`."""

    def number(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and 1 <= int(text) <= most):
            message = f"it must be a number from 1 to {most}"
            raise argparse.ArgumentTypeError(message)
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
        "action": _OptionalFile,
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
