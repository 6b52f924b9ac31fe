"""Read the options of a command without argparse, which costs a start several milliseconds."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

_ACTIONS = ("store", "store_true", "store_const", "append", "append_optional")
_WITHOUT_VALUE = ("store_true", "store_const")


class Options:
    """The values of options as attributes, as in `argparse.Namespace`."""


def read_plain_options(name: str, command: ModuleType, arguments: list[str]) -> argparse.Namespace | None:
    """Return the options of a command as argparse would return them; None if argparse must read the arguments.

    `command`: its module, with `add_arguments`. Only `--name VALUE`, `--name=VALUE`, `-n VALUE` and options without a
    value are read here. Every mistake, help and every other notation is left to argparse.
    """
    table = _Table(name)
    command.add_arguments(table)
    return table.read(arguments)


class _Row:
    """One option: the arguments of `add_argument` that decide how it is read."""

    __slots__ = ("action", "choices", "const", "default", "dest", "group", "is_required", "type")

    def __init__(self, names: tuple[str, ...], group: _Group | None, settings: dict[str, Any]) -> None:
        self.action: str = settings.get("action", "store")
        self.dest: str = settings.get("dest") or next((one for one in names if one.startswith("--")), names[0]).lstrip(
            "-"
        ).replace("-", "_")
        self.default = settings.get("default", False if self.action == "store_true" else None)
        self.const = settings.get("const", self.action == "store_true")
        self.type: Callable[[str], Any] | None = settings.get("type")
        self.choices = settings.get("choices")
        self.is_required: bool = settings.get("required", False)
        self.group = group


class _Group:
    """Options that exclude each other; in `names_group`, options that only have a heading in common."""

    __slots__ = ("_table", "is_exclusive", "is_required")

    def __init__(self, table: _Table, *, is_exclusive: bool, is_required: bool = False) -> None:
        self._table = table
        self.is_exclusive = is_exclusive
        self.is_required = is_required

    def add_argument(self, *names: str, **settings: Any) -> None:
        self._table.add(names, self if self.is_exclusive else None, settings)

    def add_mutually_exclusive_group(self, *, required: bool = False) -> _Group:
        return self._table.add_mutually_exclusive_group(required=required)


class _Table:
    """The options of a command, collected by the same calls that build its argparse parser."""

    def __init__(self, name: str) -> None:
        self._rows: dict[str, _Row] = {}
        self._groups: list[_Group] = []
        self._defaults: dict[str, Any] = {"command_name": name}
        self._is_plain = True  # every option is of a kind that is read here

    def add_argument(self, *names: str, **settings: Any) -> None:
        self.add(names, None, settings)

    def add_argument_group(self, *_: object, **__: object) -> _Group:
        return _Group(self, is_exclusive=False)

    def add_mutually_exclusive_group(self, *, required: bool = False) -> _Group:
        self._groups.append(_Group(self, is_exclusive=True, is_required=required))
        return self._groups[-1]

    def set_defaults(self, **defaults: Any) -> None:
        self._defaults.update(defaults)

    def add(self, names: tuple[str, ...], group: _Group | None, settings: dict[str, Any]) -> None:
        """Add an option. A positional argument, and an option with several values, are read by argparse."""
        row = _Row(names, group, settings)
        is_converted = row.type is not None and isinstance(row.default, str)
        if not names[0].startswith("-") or row.action not in _ACTIONS or "nargs" in settings or is_converted:
            self._is_plain = False
        self._rows.update(dict.fromkeys(names, row))

    def read(self, arguments: list[str]) -> argparse.Namespace | None:
        """Return the options in `arguments`; None if argparse must read them."""
        options: Any = Options()
        values = vars(options)
        values.update({row.dest: row.default for row in reversed(self._rows.values())} | self._defaults)
        seen: set[_Row] = set()
        stored: set[str] = set()
        waiting = iter(arguments) if self._is_plain else iter(("",))
        for argument in waiting:
            name, equals, text = argument.partition("=") if argument.startswith("--") else (argument, "", "")
            row = self._rows.get(name)
            if row is None or (row.action in _WITHOUT_VALUE and equals):
                return None
            value = row.const
            if row.action not in _WITHOUT_VALUE:
                try:
                    value = _converted(row, text if equals else next(waiting, ""), is_joined=bool(equals))
                except Exception:  # noqa: BLE001 - argparse converts the value again, and reports its mistake
                    return None
            if row.action == "store" and row.dest in stored:
                return None
            if row.action == "store":
                stored.add(row.dest)
            _put(values, row, value)
            seen.add(row)
        return options if self._is_allowed(seen) else None

    def _is_allowed(self, seen: set[_Row]) -> bool:
        """Return True if no required option is missing, and no two options exclude each other."""
        if any(row.is_required and row not in seen for row in self._rows.values()):
            return False
        counts = [(group, sum(row.group is group for row in seen)) for group in self._groups]
        return all(count < 2 and (count or not group.is_required) for group, count in counts)


def _converted(row: _Row, text: str, *, is_joined: bool) -> Any:
    """Return the value of an option. Raises an exception if argparse must read it."""
    # argparse takes a separate word with a hyphen for an option, and drops "--" in any place.
    if text in ("", "--") or (text[0] == "-" and text != "-" and not is_joined):
        raise ValueError
    value = text if row.type is None else row.type(text)
    if row.choices is not None and value not in row.choices:
        raise ValueError
    return value


def _put(values: dict[str, Any], row: _Row, value: Any) -> None:
    """Store the value of an option."""
    if not row.action.startswith("append"):
        values[row.dest] = value
        return
    values[row.dest] = [*(values[row.dest] or ()), value]
    if row.action == "append_optional":
        values["optional_files"] = [*values.get("optional_files", ()), value]
