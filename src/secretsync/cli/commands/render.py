"""Write the resolved configuration in the format of one reader.

There is no default format, because no env file serves all readers. A value that the format cannot carry is an error,
and then nothing is written. With --template, the placeholders of any text file are replaced.
"""

from __future__ import annotations

import os
import sys

from secretsync.cli import console
from secretsync.cli.loading import environment_of, open_plan, resolve_valid, visible_environ
from secretsync.cli.options import add_access_log, add_format, add_option, add_source
from secretsync.core.errors import OutputError, Problem, UsageError
from secretsync.core.records import replace
from secretsync.planning.request import load_plan
from secretsync.rendering import formats
from secretsync.rendering.syntaxes import ESCAPES
from secretsync.running.unsafe_variables import refuse_unsafe_variables

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from secretsync.core.model import Resolved

USAGE = "[-e NAME] [--env-file FILE...] (--format FORMAT | --template FILE --escape KIND) [OPTIONS]"
EXAMPLE = """  secretsync render -e production --format docker --output /run/app/app.env
  secretsync render -e production --template nginx.conf.in --escape none --output /run/nginx/nginx.conf"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `render`."""
    add_source(parser)
    add_option(parser, "--inherited-wins")
    add_option(parser, "--no-validate")
    add_access_log(parser)
    form = parser.add_mutually_exclusive_group(required=True)
    add_format(form, formats.FORMATS, default=None)
    form.add_argument("--portable", action="store_const", dest="format", const="portable", help="--format portable")
    form.add_argument("--template", metavar="FILE", help="write this file with its placeholders replaced")
    parser.add_argument(
        "--escape",
        metavar="KIND",
        choices=ESCAPES,
        help=f"with --template: the syntax of the values, one of {', '.join(ESCAPES)}",
    )
    add_option(parser, "--output", help="write to this file, all of it or nothing (mode 0600); - is standard output")
    parser.add_argument("--mode", metavar="MODE", help="the mode of the output file, such as 0640 (default: 0600)")
    parser.add_argument(
        "--owner", metavar="USER[:GROUP]", help="the owner of the output file (default: the current user)"
    )
    parser.add_argument(
        "--interpolating", action="store_true", help="dotenv: for readers that replace ${...}, such as load_dotenv()"
    )
    parser.add_argument("--name", metavar="NAME", help="kubernetes: the name of the Secret")
    parser.add_argument("--namespace", metavar="NAME", help="kubernetes: the namespace of the Secret")
    parser.add_argument("--reveal", action="store_true", help="write to a terminal too")
    add_option(parser, "--allow-name")


def execute(options: argparse.Namespace) -> int:
    """Return 0 after everything is written."""
    _check(options)
    text = _render_template(options) if options.template is not None else _render_format(options)
    data = text.encode("utf-8")
    if options.output is None:
        sys.stdout.buffer.write(data)
        return 0
    from secretsync.cli.permissions import parse_mode, parse_owner
    from secretsync.core.system.atomic_write import write_file

    sys.stdout.flush()
    mode = None if options.mode is None else parse_mode(options.mode)
    owner = None if options.owner is None else parse_owner(options.owner)
    state = write_file(options.output, data, mode=mode, owner=owner)
    if options.verbose:
        console.info(f"{options.output}: {state}")
    return 0


def _check(options: argparse.Namespace) -> None:
    """Raise UsageError for options that exclude each other, before any store is asked."""
    if (options.template is None) != (options.escape is None):
        raise UsageError(
            "--template and --escape go together, because the syntax of values depends on the file; give --escape "
            f"{', '.join(ESCAPES)}"
        )
    if options.output in (None, "-", "/dev/stdout") and sys.stdout.isatty() and not options.reveal:
        raise UsageError(
            "this would show secrets on a terminal; give --reveal to show them, or --output FILE to write a file"
        )
    if options.output is None and (options.mode is not None or options.owner is not None):
        raise UsageError("--mode and --owner need an output file; name it with --output")
    known = formats.FORMATS[options.format].options if options.format is not None else ()
    for option in dict.fromkeys(name for item in formats.FORMATS.values() for name in item.options):
        if getattr(options, option) and option not in known:
            raise UsageError(f"--{option} does not go with {options.format or 'a template'}")


def _render_format(options: argparse.Namespace) -> str:
    plan, environ = open_plan(options)
    resolved = resolve_valid(plan, environ, options).resolved()
    refuse_unsafe_variables(resolved, options.allow_name)
    values = {key: found.value.reveal() for key, found in resolved.items()}
    names = formats.FORMATS[options.format].options
    arguments = {name: getattr(options, name) for name in names if getattr(options, name)}
    try:
        text = formats.render(options.format, values, **arguments)
    except OutputError as error:
        raise OutputError([_at_its_entry(problem, resolved) for problem in error.problems]) from None
    # stderr, because the runner reads commands there. They must not be shown on a terminal.
    if preamble := formats.preamble(options.format, values, _secret_keys(resolved)):
        if sys.stderr.isatty() and not options.reveal:
            raise UsageError(
                "the masking commands contain the values, and stderr is a terminal; run this command in the workflow"
            )
        sys.stderr.write(preamble)
    return text


def _at_its_entry(problem: Problem, resolved: dict[str, Resolved]) -> Problem:
    """Return the problem with the file and line of its entry. A problem of all values together has no entry."""
    if problem.key is None:
        return problem
    entry = resolved[problem.key].entry
    return replace(problem, file=entry.file, line=entry.line)


def _secret_keys(resolved: dict[str, Resolved]) -> list[str]:
    return [key for key, found in resolved.items() if found.is_secret]


def _render_template(options: argparse.Namespace) -> str:
    from secretsync.core.secret import Environ
    from secretsync.rendering.template_escape import insert_values
    from secretsync.rendering.template_file import read_template

    template = read_template(options.template, options.escape)
    environ = Environ(os.environ)
    source = environment_of(options, environ)
    environ = visible_environ(source, environ)
    plan = load_plan(source, environ, template_entries=template.entries)
    config = resolve_valid(plan, environ, options)
    config.resolved()  # raises if two services define one key differently
    return insert_values(options.escape, template.pieces(config.beside()), file=options.template)
