"""Write the resolved configuration, in one list, in a format that one reader reads right.

There is no default format: no env file serves all readers. What a format cannot carry is an error, and nothing is
written then. With --template a file of any kind is written, its placeholders replaced.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from secretsync.cli.console import say
from secretsync.cli.loading import environment_of, open_plan, resolve_valid, visible_environ
from secretsync.cli.options import add_access_log, add_source, add_validation
from secretsync.core.errors import OutputError, Problem, UsageError
from secretsync.core.records import replace
from secretsync.planning.request import load_plan
from secretsync.rendering import formats
from secretsync.running.exec_command import refuse_unsafe_variables

if TYPE_CHECKING:
    from secretsync.config.config import Resolved

USAGE = "[-e NAME] [--env-file FILE...] (--format FORMAT | --template FILE --escape KIND) [OPTIONS]"
EXAMPLE = """  secretsync render -e production --format docker --output /run/app/app.env
  secretsync render -e production --template nginx.conf.in --escape none --output /run/nginx/nginx.conf"""

_ESCAPES = ("json", "yaml", "shell", "none")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `render`."""
    add_source(parser)
    add_validation(parser)
    add_access_log(parser)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--format", metavar="FORMAT", choices=tuple(formats.FORMATS), help=f"one of: {', '.join(formats.FORMATS)}"
    )
    what.add_argument("--portable", action="store_const", dest="format", const="portable", help="--format portable")
    what.add_argument("--template", metavar="FILE", help="a file with placeholders to render in place of a format")
    parser.add_argument(
        "--escape", choices=_ESCAPES, help="how the template's kind of file writes values; goes with --template"
    )
    parser.add_argument("--output", metavar="FILE", help="write there, atomically, for us alone; - is standard output")
    parser.add_argument("--mode", metavar="MODE", help="the file's mode, such as 0640 (default: 0600)")
    parser.add_argument("--owner", metavar="USER[:GROUP]", help="the file's owner (default: us)")
    parser.add_argument(
        "--interpolating", action="store_true", help="dotenv: for readers that replace ${...}, as load_dotenv() does"
    )
    parser.add_argument("--name", metavar="NAME", help="kubernetes: the Secret's name")
    parser.add_argument("--namespace", metavar="NAME", help="kubernetes: the Secret's namespace")
    parser.add_argument("--reveal", action="store_true", help="write to a terminal too")
    parser.add_argument(
        "--allow-name",
        metavar="NAME",
        action="append",
        default=[],
        help="take a value from a store under a name that steers processes, such as PATH",
    )


def execute(options: argparse.Namespace) -> int:
    """0, after everything was written."""
    _check(options)
    text = _template(options) if options.template is not None else _format(options)
    data = text.encode("utf-8")
    if options.output is None:
        sys.stdout.buffer.write(data)
        return 0
    from secretsync.cli.permissions import parse_mode, parse_owner
    from secretsync.core.atomic_write import write_file

    sys.stdout.flush()
    mode = None if options.mode is None else parse_mode(options.mode)
    owner = None if options.owner is None else parse_owner(options.owner)
    state = write_file(options.output, data, mode=mode, owner=owner)
    if options.verbose:
        say(f"{options.output}: {state}")
    return 0


def _check(options: argparse.Namespace) -> None:
    """Raise UsageError for options that do not go together, before any store is asked."""
    if (options.template is None) != (options.escape is None):
        raise UsageError(
            "--template and --escape go together: how values are written depends on the kind of file, which we do not "
            f"guess; --escape {', '.join(_ESCAPES)}"
        )
    if options.output in (None, "-", "/dev/stdout") and sys.stdout.isatty() and not options.reveal:
        raise UsageError("this would show secrets on a terminal; --reveal does it, --output FILE writes them to a file")
    if options.output is None and (options.mode is not None or options.owner is not None):
        raise UsageError("--mode and --owner are the output file's; name it with --output")
    known = formats.FORMATS[options.format].options if options.format is not None else ()
    for option in ("interpolating", "name", "namespace"):
        if getattr(options, option) and option not in known:
            raise UsageError(f"--{option} does not go with {options.format or 'a template'}")


def _format(options: argparse.Namespace) -> str:
    plan, environ = open_plan(options, must_be_named=True)
    resolved = resolve_valid(plan, environ, options).resolved()
    refuse_unsafe_variables(resolved, options.allow_name)
    values = {key: found.value.reveal() for key, found in resolved.items()}
    chosen = formats.FORMATS[options.format].options
    given = {name: getattr(options, name) for name in chosen if getattr(options, name)}
    if problems := formats.problems(options.format, values, **given):
        raise OutputError([_at_its_entry(problem, resolved) for problem in problems])
    text = formats.render(options.format, values, **given)
    # Where the runner listens for commands, and a terminal does not show it.
    if preamble := formats.preamble(options.format, values, _secret_keys(resolved)):
        if sys.stderr.isatty() and not options.reveal:
            raise UsageError("masking commands hold the values, and stderr is a terminal; run this in the workflow")
        sys.stderr.write(preamble)
    return text


def _at_its_entry(problem: Problem, resolved: dict[str, Resolved]) -> Problem:
    """The same, with the file and the line of the key's entry; a problem of all values together has none."""
    if problem.key is None:
        return problem
    entry = resolved[problem.key].entry
    return replace(problem, file=entry.file, line=entry.line)


def _secret_keys(resolved: dict[str, Resolved]) -> list[str]:
    return [key for key, found in resolved.items() if found.origin.is_secret]


def _template(options: argparse.Namespace) -> str:
    from secretsync.core.environ import Environ
    from secretsync.rendering.formats import escape
    from secretsync.rendering.template_file import read_template

    template = read_template(options.template)
    environ = Environ(os.environ)
    source = environment_of(options, environ, must_be_named=True)
    environ = visible_environ(source, environ)
    plan = load_plan(source, environ, template_entries=template.entries)
    config = resolve_valid(plan, environ, options)
    config.resolved()  # two services that contradict each other
    return escape.join(options.escape, template.pieces(config.beside()), file=options.template)
