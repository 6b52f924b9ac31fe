"""Write the resolved configuration, in one list, in a format that one reader reads right.

There is no default format: no env file serves all readers. What a format cannot carry is an error, and nothing is
written then.
"""

from __future__ import annotations

import argparse
import sys

from secretsync import formats
from secretsync.api import resolve_plan
from secretsync.cli.common import add_source, open_plan
from secretsync.entrypoint import refuse_steering
from secretsync.errors import UsageError

USAGE = "[-e NAME | --env-file FILE...] --format FORMAT [OPTIONS]"
EXAMPLE = "  secretsync render -e production --format json | jq keys"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `render`."""
    add_source(parser)
    parser.add_argument(
        "--format", metavar="FORMAT", choices=sorted(formats.FORMATS), required=True, help=", ".join(formats.FORMATS)
    )
    parser.add_argument("--reveal", action="store_true", help="write to a terminal too")
    parser.add_argument(
        "--allow-name",
        metavar="NAME",
        action="append",
        default=[],
        help="take a value from a store under a name that steers processes, such as PATH",
    )


def execute(options: argparse.Namespace) -> int:
    """0, after the configuration was written."""
    if sys.stdout.isatty() and not options.reveal:
        raise UsageError("this would show secrets on a terminal; --reveal does it, > FILE writes them to a file")
    plan, environ = open_plan(options, must_be_named=True)
    resolved = resolve_plan(plan, environ, timeout=options.timeout).resolved()
    refuse_steering(resolved, options.allow_name)
    text = formats.render(options.format, {key: found.value.reveal() for key, found in resolved.items()})
    sys.stdout.buffer.write(text.encode("utf-8"))
    return 0
