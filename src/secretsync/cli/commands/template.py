"""Write .env.example: the keys that the environments define, by service, with their comments and without a value.

It is made to be committed. With --check nothing is written: the status is 1 where the committed file is out of date.
"""

from __future__ import annotations

import argparse
import os
import sys

from secretsync.cli.console import say
from secretsync.core.atomic_write import UNCHANGED, write_file
from secretsync.core.environ import AnyEnviron, Environ
from secretsync.core.errors import ConfigurationError, OutputError, Problem, UsageError, printable
from secretsync.core.files import FileRefusal, Input, read_file
from secretsync.planning.request import ConfigRequest, load_plan
from secretsync.policy.policy_file import read_policy
from secretsync.project.env_file import read_env_file
from secretsync.project.layout import environments, find_root
from secretsync.rendering.env_example import Defined, env_example, masked

USAGE = "[-e NAME... | --all] [--output FILE] [--check] [--root DIR]"
EXAMPLE = """  secretsync template
  secretsync template --check"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `template`."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "-e", "--environment", metavar="NAME", action="append", help="only this environment; may be repeated"
    )
    which.add_argument("--all", action="store_true", help="every environment of the project (default)")
    parser.add_argument(
        "--root", metavar="DIR", help="the project's folder; else $SECRETSYNC_ROOT, else the nearest upwards with env/"
    )
    parser.add_argument(
        "--output", metavar="FILE", help="write there (default: .env.example in the project); - is standard output"
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; show how the file differs, and end with 1 if it does"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but what went wrong")


def execute(options: argparse.Namespace) -> int:
    """0, or 1 where --check finds a difference."""
    environ = Environ(os.environ)
    root = find_root(options.root, environ)
    # The process environment chooses none: the same project gives the same file for everybody.
    names = tuple(sorted(set(options.environment))) if options.environment else environments(root)
    text = env_example(_defined(names, root, environ))
    path = options.output or os.path.join(root, ".env.example")
    if options.check:
        if path == "-":
            raise UsageError("--check compares with a file; name it with --output")
        return _check(path, text, is_quiet=options.quiet)
    if path == "-":
        sys.stdout.write(text)
        return 0
    state = write_file(path, text.encode("utf-8"), mode=_mode(path))
    if not options.quiet:
        say(f"{path}: {'it is up to date' if state == UNCHANGED else 'written'}")
    return 0


def _defined(names: tuple[str, ...], root: str, environ: Environ) -> list[Defined]:
    """What each environment defines. Raises ConfigurationError with everything that is wrong in any of them."""
    found, problems = [], list[Problem]()
    for name in names:
        try:
            plan = load_plan(ConfigRequest(environment=name, root=root), AnyEnviron(environ))
        except ConfigurationError as error:
            problems += error.problems
            continue
        policy = read_policy(plan.project)
        problems += policy.problems
        files = tuple(read_env_file(file.path, file=file.shown, service=file.service) for file in plan.project.files)
        found.append(Defined(name=name, plan=plan, files=files, policy=policy))
    if problems:
        raise ConfigurationError(list(dict.fromkeys(problems)))
    return found


def _mode(path: str) -> int:
    """The mode of a file that is committed: as it is, else readable by everybody, since it holds no value."""
    try:
        return os.lstat(path).st_mode & 0o777
    except OSError:
        return 0o644


def _check(path: str, expected: str, *, is_quiet: bool) -> int:
    """0 where the file at `path` is as expected, whatever its line ends; else 1, and the difference on stdout."""
    import difflib

    data = read_file(path, Input.EXAMPLE)
    if isinstance(data, FileRefusal):
        if not data.is_absent:
            raise OutputError(f"{path}: {data.cause}")
        say(f"{path}: there is no such file; `secretsync template` writes it")
        return 1
    present = data.decode("utf-8", "surrogateescape").replace("\r\n", "\n").replace("\r", "\n")
    if present == expected:
        return 0
    if not is_quiet:
        before, after = masked(present, expected).split("\n"), expected.split("\n")
        name = printable(os.path.basename(path))
        lines = difflib.unified_diff(before, after, f"{name} (as it is)", f"{name} (as it would be)", lineterm="")
        sys.stdout.write("".join(f"{printable(line)}\n" for line in lines))
    say(f"{path}: it is out of date; `secretsync template` writes it anew")
    return 1
