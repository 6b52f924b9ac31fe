"""Resolve, then become COMMAND with the configuration in its environment.

COMMAND takes our process id: signals and the exit status are its own. Nothing is started unless everything that is
selected resolved.
"""

from __future__ import annotations

import argparse

from secretsync import entrypoint, inherited
from secretsync.cli.common import add_source, add_validation, open_plan, resolve_valid, say
from secretsync.errors import UsageError

USAGE = "[-e NAME | --env-file FILE...] [OPTIONS] -- COMMAND [ARGUMENT]..."
EXAMPLE = "  secretsync run -e production -- gunicorn app:app"


def split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Our own arguments, and the command behind the first `--`."""
    if "--" not in arguments:
        return arguments, []
    index = arguments.index("--")
    return arguments[:index], arguments[index + 1 :]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `run`."""
    add_source(parser)
    add_validation(parser)
    parser.add_argument(
        "--clean",
        action="store_true",
        help="inherit only PATH, HOME, LANG, LC_*, TZ, TERM, HOSTNAME, USER and what --pass-env names",
    )
    parser.add_argument(
        "--pass-env",
        metavar="NAME",
        action="append",
        default=[],
        help="hand this inherited variable over: with --clean, or a credential that we used; AWS_* works too",
    )
    parser.add_argument(
        "--allow-name",
        metavar="NAME",
        action="append",
        default=[],
        help="take a value from a store under a name that steers processes, such as PATH",
    )


def execute(options: argparse.Namespace) -> int:
    """Never returns but by an exception: the process is another one then."""
    if not options.command:
        raise UsageError("there is no command; put it behind --: secretsync run -e production -- COMMAND")
    plan, environ = open_plan(options, must_be_named=True)
    path = entrypoint.find_command(options.command[0], environ)
    config = resolve_valid(plan, environ, options)
    resolved = config.resolved()
    entrypoint.refuse_steering(resolved, options.allow_name)
    values = {key: found.value.reveal() for key, found in resolved.items()}
    patterns = [pattern for spec in plan.specs.values() for pattern in spec.credentials]
    removed = entrypoint.used_credentials(patterns, environ, options.pass_env)
    told = inherited.describe(plan.project, config.services, resolved)
    if len(told) < entrypoint.MAX_VARIABLE_BYTES - len(inherited.VARIABLE):
        values[inherited.VARIABLE] = told
    environment = entrypoint.child_environment(
        environ, values, is_clean=options.clean, passed=options.pass_env, removed=(*removed, inherited.VARIABLE)
    )
    entrypoint.refuse_unfit(environment, resolved)
    if (unseen := [name for name in removed if name not in resolved]) and not options.quiet:
        say(f"not handed to the command: {', '.join(unseen)} (--pass-env keeps one)")
    if options.verbose:
        say(f"{len(resolved)} variables resolved; starting {path}")
    entrypoint.become(path, options.command, environment)
