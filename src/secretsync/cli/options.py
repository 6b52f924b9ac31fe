"""The parser of each command, and the options that several share."""

from __future__ import annotations

import argparse
import re
import sys
from types import ModuleType
from typing import Any

from secretsync.core.durations import parse_duration
from secretsync.core.errors import printable
from secretsync.core.text import count_of, is_shown, suggestion, unknown

__all__ = ["add_access_log", "add_format", "add_source", "add_validation", "build_parser"]


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Help of a fixed width, without a look at the terminal, which costs an import; the same in every Python."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=110)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        # `-e, --environment NAME`, as Python 3.13 writes it; older ones repeat the name.
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        return f"{', '.join(action.option_strings)} {self._format_args(action, str(action.dest).upper())}"


# The messages of argparse that repeat a value, from where they differ.
_QUOTING = r"(?s)(?:ignored explicit argument|invalid \S+ value:).*"


class _Parser(argparse.ArgumentParser):
    """A parser whose messages repeat nothing that was typed, because a secret may be pasted into any argument."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse unknown arguments here: argparse would print them."""
        options, unknown_arguments = super().parse_known_args(args, namespace)
        if unknown_arguments:
            self.error(self._refusal(unknown_arguments))
        return options, []

    def _refusal(self, unknown_arguments: list[str]) -> str:
        known = [option for option in self._option_string_actions if option.startswith("--")]
        names = [argument.partition("=")[0] for argument in unknown_arguments if argument.startswith("-")]
        if not names:
            return f"{count_of(len(unknown_arguments), 'argument')} too many"
        return f"{unknown('option', names[0], known)}; {suggestion(names[0], known, 'options have two hyphens')}"

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            choices = [str(choice) for choice in action.choices]
            word = f"{value!r}" if is_shown(str(value), choices) else "this value"
            raise argparse.ArgumentError(action, f"{word} is not one of {', '.join(choices)}")

    def error(self, message: str) -> Any:
        message = re.sub(_QUOTING, "its value cannot be used", message)
        self.print_usage(sys.stderr)
        print(f"{self.prog}: {printable(message)}; see {self.prog} --help", file=sys.stderr)
        raise SystemExit(2)


def build_parser(name: str, command: ModuleType) -> argparse.ArgumentParser:
    """The parser of one command; `command` is its module, with USAGE, EXAMPLE and add_arguments."""
    parser = _Parser(
        prog=f"secretsync {name}",
        description=command.__doc__,
        usage=f"secretsync {name} {command.USAGE}",
        epilog=f"example:\n{command.EXAMPLE}",
        formatter_class=_Formatter,
        allow_abbrev=False,
    )
    command.add_arguments(parser)
    return parser


def add_source(parser: argparse.ArgumentParser, *, several: bool = False, services: bool = True) -> None:
    """The options that say which configuration is meant.

    `several`: --environment is a list, and --all takes all. `services`: parts of it can be selected.
    """
    group = parser.add_argument_group("which configuration")
    group.add_argument(
        "-e",
        "--environment",
        metavar="NAME",
        action="append" if several else "store",
        help="the folder in env/, or the name of --env-file; else $SECRETSYNC_ENV, else $ENVIRONMENT"
        + ("; may be repeated" if several else ""),
    )
    if several:
        group.add_argument("--all", action="store_true", help="every environment of the project")
    group.add_argument(
        "--env-file",
        metavar="FILE",
        action="append",
        help="an env file in place of env/; several: later over earlier; -e then gives the environment's name only",
    )
    group.add_argument("--bindings", metavar="FILE", help="the bindings that go with --env-file")
    group.add_argument(
        "--root", metavar="DIR", help="the project's folder; else $SECRETSYNC_ROOT, else the nearest upwards with env/"
    )
    if services:
        group.add_argument(
            "--service", metavar="NAME", action="append", help="only this service, beside the whole; may be repeated"
        )
    else:
        parser.set_defaults(service=None)
    group.add_argument(
        "--timeout", metavar="TIME", type=_duration, help='for all stores together: "30s" (default), "500ms", "2m"'
    )
    talk = parser.add_mutually_exclusive_group()
    talk.add_argument(
        "-v", "--verbose", action="store_true", help="say on stderr what is done, and how many requests each store got"
    )
    talk.add_argument("-q", "--quiet", action="store_true", help="say nothing but what went wrong")


def _duration(text: str) -> float:
    seconds = parse_duration(text)
    if seconds is None:
        message = 'it must be a length of time above zero, such as "30s" or "2m"'
        raise argparse.ArgumentTypeError(message)
    return seconds


def add_format(parser: argparse.ArgumentParser) -> None:
    """The option that chooses between text for people and JSON."""
    parser.add_argument("--format", choices=("text", "json"), default="text", help="text (default) or json")


def add_validation(parser: argparse.ArgumentParser) -> None:
    """The option that takes the values as they are."""
    parser.add_argument(
        "--no-validate",
        action="store_true",
        help="take values that the policy or a strict environment does not allow, for an emergency",
    )


def add_access_log(parser: argparse.ArgumentParser) -> None:
    """The options that say where reads of secrets are written down."""
    group = parser.add_argument_group("access log")
    group.add_argument(
        "--access-log",
        metavar="FILE",
        help="append a line of JSON for each secret read, without its value; else $SECRETSYNC_ACCESS_LOG",
    )
    group.add_argument(
        "--require-access-log", action="store_true", help="end with 6, and read nothing, where it cannot be written"
    )
