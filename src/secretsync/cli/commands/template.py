"""Write .env.example: the keys of the environments, by service, with their comments and without values.

Commit the file. With --check nothing is written, and the exit status is 1 if the file is out of date.
"""

from __future__ import annotations

import argparse
import os
import sys

from secretsync.cli import console
from secretsync.cli.each_environment import every_environment
from secretsync.cli.options import add_option
from secretsync.cli.output.diff_report import patch_lines
from secretsync.core.errors import ConfigurationError, OutputError, Problem, UsageError
from secretsync.core.files import FileRefusal, Input, read_file
from secretsync.core.secret import AnyEnviron, Environ
from secretsync.core.system.atomic_write import UNCHANGED, write_file
from secretsync.core.text import printable
from secretsync.planning.request import ConfigRequest, load_plan
from secretsync.policy.policy_file import read_policy
from secretsync.project.layout import find_root
from secretsync.rendering.env_example import Defined, env_example, masked

USAGE = "[-e NAME... | --all] [--output FILE] [--check] [--root DIR]"
EXAMPLE = """  secretsync template
  secretsync template --check"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `template`."""
    which = parser.add_mutually_exclusive_group()
    add_option(which, "--environment", action="append", help="only this environment; may be repeated")
    add_option(which, "--all", help="every environment of the project (default)")
    add_option(parser, "--root")
    output_help = "write to this file (default: .env.example in the project); - is standard output"
    add_option(parser, "--output", help=output_help)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; show the differences, and end with 1 if there are any"
    )
    add_option(parser, "--quiet")


def execute(options: argparse.Namespace) -> int:
    """Return 0, or 1 if --check finds a difference."""
    environ = Environ(os.environ)
    root = find_root(options.root, environ)
    # The process environment does not select one, because the same project must give the same file on every machine.
    names = tuple(sorted(set(options.environment))) if options.environment else every_environment(root)
    text = env_example(_defined(names, root, environ))
    path = options.output or os.path.join(root, ".env.example")
    if options.check:
        if path == "-":
            raise UsageError("--check compares with a file; name a file with --output")
        return _check(path, text, options)
    if path == "-":
        sys.stdout.write(text)
        return 0
    state = write_file(path, text.encode("utf-8"), mode=_mode(path))
    if not options.quiet:
        console.info(f"{path}: {'up to date' if state == UNCHANGED else 'written'}")
    return 0


def _defined(names: tuple[str, ...], root: str, environ: Environ) -> list[Defined]:
    """Return what each environment defines. Raises ConfigurationError with the problems of all environments."""
    found, problems = [], list[Problem]()
    for name in names:
        try:
            plan = load_plan(ConfigRequest(environment=name, root=root), AnyEnviron(environ))
        except ConfigurationError as error:
            problems += error.problems
            continue
        policy = read_policy(plan.project)
        problems += policy.problems
        found.append(Defined(name=name, plan=plan, files=plan.files, policy=policy))
    if problems:
        raise ConfigurationError(list(dict.fromkeys(problems)))
    return found


def _mode(path: str) -> int:
    """Return the mode of the present file, or 0644 for a new file, because it contains no value."""
    try:
        return os.lstat(path).st_mode & 0o777
    except OSError:
        return 0o644


def _check(path: str, expected: str, options: argparse.Namespace) -> int:
    """Return 0 if the file at `path` has the `expected` text, with any line ends; else print the diff, return 1."""
    import difflib

    data = read_file(path, Input.EXAMPLE)
    if isinstance(data, FileRefusal):
        if not data.is_absent:
            raise OutputError(f"{path}: {data.cause}")
        console.info(f"{path}: there is no such file; run `secretsync template` to write it")
        return 1
    present = data.decode("utf-8", "surrogateescape").replace("\r\n", "\n").replace("\r", "\n")
    if present == expected:
        return 0
    if not options.quiet:
        before, after = masked(present, expected).split("\n"), expected.split("\n")
        name = printable(os.path.basename(path))
        lines = difflib.unified_diff(before, after, f"{name} (present)", f"{name} (expected)", lineterm="")
        look = console.look(options)
        for line in lines:
            print("\n".join(patch_lines(printable(line), look)))
    console.info(f"{path}: it is out of date; run `secretsync template` to update it")
    return 1
