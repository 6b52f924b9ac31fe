"""List the options of a command, for shells and manual pages, from the calls that build its parser."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from secretsync.core.light import import_module
from secretsync.core.records import Record


class Option(Record, kw_only=True):
    """An option or a positional argument: its names and the other arguments of `add_argument`."""

    names: tuple[str, ...]
    heading: str | None
    settings: Mapping[str, Any]

    @property
    def is_positional(self) -> bool:
        """True if the argument has no name on the command line."""
        return not self.names[0].startswith("-")

    @property
    def long_name(self) -> str:
        """Return the name that begins with two hyphens, or the name of a positional argument."""
        return next((name for name in self.names if name.startswith("--")), self.names[0])

    @property
    def has_value(self) -> bool:
        """True if the option takes a value."""
        return self.settings.get("action") not in ("store_true", "store_const", "help")

    @property
    def is_repeatable(self) -> bool:
        """True if the argument may be given more than once."""
        action = self.settings.get("action") or ""
        return action.startswith(("append", "extend")) or self.settings.get("nargs") in ("*", "+")

    @property
    def metavar(self) -> str:
        """Return the placeholder of the value in help."""
        return str(self.settings.get("metavar") or self.long_name.strip("-").upper())

    @property
    def choices(self) -> tuple[str, ...]:
        """Return the only accepted values; empty if others are accepted."""
        return tuple(map(str, self.settings.get("choices") or ()))

    @property
    def help(self) -> str:
        """Return the text of help as one line."""
        return " ".join(str(self.settings.get("help", "")).split())


_HELP = Option(
    names=("-h", "--help"), heading=None, settings={"action": "help", "help": "show the help of the command"}
)


def command_module(name: str) -> ModuleType:
    """Return the module of a command."""
    return import_module(f"secretsync.cli.commands.{name.replace('-', '_').replace(' ', '_')}")


def list_options(command: ModuleType) -> list[Option]:
    """Return the options of a command in the order of its help. `command`: its module, with `add_arguments`."""
    collector = _Collector(None, [_HELP])
    command.add_arguments(collector)
    return collector.options


class _Collector:
    """A stand-in for the parser that keeps what each call defines."""

    def __init__(self, heading: str | None, options: list[Option]) -> None:
        self._heading = heading
        self.options = options

    def add_argument(self, *names: str, **settings: Any) -> None:
        self.options.append(Option(names=names, heading=self._heading, settings=settings))

    def add_argument_group(self, heading: str | None = None, **_: object) -> _Collector:
        return _Collector(heading, self.options)

    def add_mutually_exclusive_group(self, **_: object) -> _Collector:
        return self

    def set_defaults(self, **_: object) -> None:
        """Ignore defaults, because no shell shows them."""
