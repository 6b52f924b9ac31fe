"""Decide how a shell completes the last word of a command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from secretsync.cli.commands import COMMANDS
from secretsync.cli.manual.option_list import Option, command_module, list_options
from secretsync.cli.shells.project_names import ProjectNames, Words
from secretsync.core.errors import SecretSyncError

# The kinds of values that no list of choices describes, by the name of an option, or by the command and the name.
# A kind is a method of ProjectNames, or what the shell itself completes.
KINDS = {
    "--environment": "environments",
    "--service": "services",
    "--allow-name": "keys",
    "--pass-env": "variables",
    "diff names": "records",
    "explain key": "keys",
    "get reference": "secrets",
    "import --to": "places",
    "permissions --store": "stores",
    "providers name": "providers",
    "set name": "secrets",
}
KINDS_BY_METAVAR = {"ARCHIVE": "files", "DIR": "folders", "FILE": "files", "FILE|PID": "files", "REPORT.json": "files"}


class Completion(NamedTuple):
    """How the last word is completed.

    `kind`: words (choose one of `words`), open (the same, but the word continues), files, folders, or commands.
    `prefix`: the part of the last word that is before its value: `--format=`. For commands: the number of words before
    the command. `words`: the possible values, each with its help or an empty text.
    """

    kind: str
    prefix: str = ""
    words: tuple[tuple[str, str], ...] = ()


def complete(words: Sequence[str], environ: Mapping[str, str]) -> Completion:
    """Return how the last of `words` is completed. `words`: the program, its arguments, the beginning of a word."""
    before, current = list(words[1:-1]), words[-1]
    if not before:
        general = {"--help": "list the commands", "--version": "show the version"}
        return _words(general.items() if current.startswith("-") else _first_words().items(), current)
    name = before.pop(0)
    if name not in COMMANDS:
        members = {key.partition(" ")[2]: text for key, text in COMMANDS.items() if key.startswith(f"{name} ")}
        if not before or before[0] not in members:
            return _words(() if before else members.items(), current)
        name = f"{name} {before.pop(0)}"
    if name == "run" and "--" in before:
        return Completion("commands", str(words.index("--") + 1))
    try:
        return _complete_option(name, before, current, environ)
    except (SecretSyncError, OSError):  # The project cannot be read. The command itself reports the reason.
        return Completion("words")


def _first_words() -> dict[str, str]:
    """Return the commands and the groups of commands."""
    found = {}
    for name, text in COMMANDS.items():
        group, space, member = name.partition(" ")
        found[group] = f"a group of commands: {member}" if space else text
    return found


def _complete_option(name: str, before: list[str], current: str, environ: Mapping[str, str]) -> Completion:
    options = list_options(command_module(name))
    by_name = {word: option for option in options if not option.is_positional for word in option.names}
    given: dict[str, list[str]] = {}
    free = 0  # positional arguments so far
    waiting: Option | None = None
    for word in before:
        option_name, _, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if waiting is not None:
            given[waiting.long_name].append(word)
            waiting = None
        elif option := by_name.get(option_name):
            given.setdefault(option.long_name, []).extend([value] if value else [])
            waiting = (
                option
                if option.has_value and option.settings.get("nargs") in (None, "+") and word == option_name
                else None
            )
        elif not word.startswith("-"):
            free += 1
    names = ProjectNames(given, environ)
    if waiting is not None:
        return _values(name, waiting, names, current)
    option_name, equals, value = current.partition("=")
    if equals and option_name in by_name:
        return _values(name, by_name[option_name], names, value)._replace(prefix=f"{option_name}=")
    positional = _positional([option for option in options if option.is_positional], free)
    if current.startswith("-") or positional is None:
        unused = [one for one in by_name.values() if one.is_repeatable or one.long_name not in given]
        return _words(((one.long_name, one.help.partition(";")[0]) for one in unused), current)
    return _values(name, positional, names, current)


def _positional(options: list[Option], free: int) -> Option | None:
    """Return the positional argument after `free` others; None if no further one is accepted."""
    if free < len(options):
        return options[free]
    return options[-1] if options and options[-1].is_repeatable else None


def kind_of(command: str, option: Option) -> str | None:
    """Return the kind of the values of an option without choices; None if any text is possible."""
    name = option.long_name
    return KINDS.get(f"{command} {name}") or KINDS.get(name) or KINDS_BY_METAVAR.get(option.metavar)


def _values(command: str, option: Option, names: ProjectNames, current: str) -> Completion:
    if option.choices:
        return _words(((choice, "") for choice in option.choices), current)
    kind = kind_of(command, option)
    if kind in (None, "files", "folders"):
        return Completion(kind or "words")
    found: Words = getattr(names, str(kind))()
    if kind == "places":  # A path follows. A store that is complete has no candidate.
        found.pop(current, None)
        return _words(found.items(), current)._replace(kind="open")
    return _words(found.items(), current)


def _words(found: Iterable[tuple[str, str]], current: str) -> Completion:
    return Completion("words", "", tuple({word: text for word, text in found if word.startswith(current)}.items()))
