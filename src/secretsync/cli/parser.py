"""Build the argparse parser of a command, which reads what the short way does not read, and prints help."""

from __future__ import annotations

import argparse
import re
import sys
from types import ModuleType
from typing import Any

from secretsync.core.text import count_of, is_shown, printable, suggestion, unknown


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


NO_VALUE = (
    "a value cannot be an argument, because other users and the history of the shell see it; pipe the value, "
    "or give --from-file or --generate"
)


class _Parser(argparse.ArgumentParser):
    """A parser whose messages do not repeat arguments, because a user may paste a secret into any of them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.register("action", None, _StoreOnce)
        self.register("action", "append_optional", _OptionalFile)

    def format_help(self) -> str:
        """Return the help in the width of the terminal."""
        from secretsync.cli.manual.help import format_help  # Imported only for help.

        return format_help(self)

    def format_usage(self) -> str:
        """Return the usage in the width of the terminal."""
        from secretsync.cli.manual.help import format_usage  # Imported only for an error.

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
            advice = "-e NAME names an environment"
            if self.prog.endswith(" run"):
                advice = "put -- before the command and all of its arguments, and only options before --"
            if any(argument.endswith(".env") for argument in unknown_arguments):
                advice = "put --env-file before the name of an env file"
            if self.prog.endswith(" set"):
                return NO_VALUE
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
