"""The short way to read options gives what argparse gives, or leaves the arguments to argparse."""

import argparse
import contextlib
import functools
import importlib
import io
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsync.cli.commands import COMMANDS
from secretsync.cli.parser import build_parser
from secretsync.cli.plain_options import read_plain_options
from tests.support.amounts import examples

_VALUES = (
    "production",
    "a.env",
    "-",
    "",
    "30s",
    "2m",
    "x y",
    "-5",
    "--",
    "-x",
    "json",
    "text",
    "env",
    "AWS_*",
    "a=b",
    "é",
)
_ODD = ("-", "--", "-ex", "-vq", "-e=a", "--verb", "--no", "-h", "--help", "stray", "", "--unknown", "--no=1")


@functools.cache
def module_of(command: str) -> ModuleType:
    """Return the module of a command."""
    return importlib.import_module(f"secretsync.cli.commands.{command.replace('-', '_').replace(' ', '_')}")


@functools.cache
def parser_of(command: str) -> argparse.ArgumentParser:
    """Return the parser of a command."""
    return build_parser(command, module_of(command))


def by_argparse(command: str, arguments: list[str]) -> dict[str, Any] | None:
    """Return the options that argparse reads; None if it ends the process."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            options = vars(parser_of(command).parse_args(arguments))
        except SystemExit:
            return None
    options.pop("_stored", None)  # the notes of the parser about options that were given
    return options


def by_short_way(command: str, arguments: list[str]) -> dict[str, Any] | None:
    """Return the options that the short way reads; None if it leaves them to argparse."""
    options = read_plain_options(command, module_of(command), list(arguments))
    return None if options is None else vars(options)


@st.composite
def command_lines(draw: st.DrawFn) -> tuple[str, list[str]]:
    """Draw a command with options that it has, in every notation, and now and then something else."""
    command = draw(st.sampled_from(["run", "render", *COMMANDS]))
    actions = parser_of(command)._actions
    arguments: list[str] = []
    for _ in range(draw(st.integers(0, 6))):
        action = draw(st.sampled_from(actions))
        if not action.option_strings or draw(st.integers(0, 19)) == 0:
            arguments.append(draw(st.sampled_from(_ODD)))
            continue
        name = draw(st.sampled_from(action.option_strings))
        choices = [*map(str, action.choices or ()), *_VALUES]
        value = draw(st.sampled_from(choices))
        joined = f"{name}={value}"
        forms = [[name, value], [joined], [name]] if action.nargs != 0 else [*[[name]] * 4, [joined]]
        arguments += draw(st.sampled_from(forms))
    return command, arguments


@given(command_lines())
@examples(2000)
def test_both_ways_are_equal(line: tuple[str, list[str]]) -> None:
    """Options that the short way reads are those of argparse. It reads nothing that argparse refuses."""
    command, arguments = line
    short = by_short_way(command, arguments)
    if short is not None:
        assert short == by_argparse(command, arguments)


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("run", ""),
        ("run", "-e production"),
        ("run", "-e production --env-file a.env --env-file=b.env -v --timeout 30s --pass-env AWS_* --clean"),
        ("run", "--env-file a.env --env-file-optional b.env --bindings c.toml --allow-name PATH"),
        ("render", "--env-file a.env --format json"),
        ("render", "-e production --format docker --output /run/app.env --mode 0640 -q"),
        ("render", "--env-file - --portable --output -"),
        ("check", "-e a -e b --format json"),
        ("check", "--all"),
        ("get", ""),
    ],
)
def test_usual_options_are_read_the_short_way(command: str, line: str) -> None:
    """The options that most starts have do not need argparse."""
    short = by_short_way(command, line.split())
    assert (short is None) == (command == "get")  # a command with an argument is left to argparse
    if short is not None:
        assert short == by_argparse(command, line.split())


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("render", "-e production"),  # no format
        ("render", "--format json --portable"),
        ("render", "--format json --format json"),
        ("render", "--format xml"),
        ("run", "-v -q"),
        ("run", "--timeout soon"),
        ("run", "-e"),
        ("run", "--clean=yes"),
        ("run", "gunicorn"),
        ("run", "--help"),
    ],
)
def test_mistakes_are_left_to_argparse(command: str, line: str) -> None:
    """A mistake gets the message of argparse."""
    assert by_short_way(command, line.split()) is None
    assert by_argparse(command, line.split()) is None


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_in_the_table(command: str) -> None:
    """Each option alone, with a value that it accepts, is read alike both ways."""
    for action in parser_of(command)._actions:
        for name in action.option_strings:
            for value in ([], ["30s"], ["PATH"], ["5"], *([str(choice)] for choice in action.choices or ())):
                short = by_short_way(command, [name, *value])
                assert short is None or short == by_argparse(command, [name, *value])
