"""Say how old the secrets are that the configuration uses, against the policy.

Asks the stores for metadata only, so no right to read values is needed. Ends with 1 where a secret is overdue, expired,
or (in a strict environment) of unknown age; with 3, 4 or 5 where a store did not answer with a usable secret.
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime

from secretsync.cli.console import say
from secretsync.cli.loading import open_plans, store_access
from secretsync.cli.options import add_source
from secretsync.cli.progress_bar import ProgressBar
from secretsync.core.environ import Environ
from secretsync.core.errors import printable
from secretsync.core.timestamps import parse_timestamp
from secretsync.resolving.activity import StoreActivity
from secretsync.rotation import formats
from secretsync.rotation.check import rotation_of_plan

USAGE = "[-e NAME... | --all] [--env-file FILE...] [OPTIONS]"
EXAMPLE = "  secretsync check-rotation -e production --format html --output rotation.html"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `check-rotation`."""
    add_source(parser, several=True)
    parser.add_argument(
        "--at", metavar="TIME", type=_moment, help="answer for another moment: 2027-01-01, or a time of RFC 3339"
    )
    parser.add_argument("--strict", action="store_true", help="what is due or of unknown age counts too")
    choices = list(formats.FORMATS)
    parser.add_argument(
        "--format", metavar="FORMAT", choices=choices, default="table", help=f"{', '.join(choices)}; table by default"
    )
    parser.add_argument("--output", metavar="FILE", help="write the report there, as a whole or not at all")


def execute(options: argparse.Namespace) -> int:
    """0, or the status of what was found."""
    environ = Environ(os.environ)
    plans, is_several = open_plans(options, environ)
    now = options.at
    found = []
    for plan in plans:
        done: list[StoreActivity] = []  # said when the bar is gone
        bar = ProgressBar(f"secretsync: {printable(plan.project.label)}", is_quiet=options.quiet)
        try:
            found.append(
                rotation_of_plan(
                    plan,
                    store_access(options, environ, on_activity=done.append, progress=bar),
                    now=now,
                    strict=options.strict,
                )
            )
        finally:
            bar.end()
        for work in done:
            say(str(work))
    at = options.at or max((report.at for report in found), default=datetime.now(UTC))
    document = formats.Document(at=at, reports=tuple(found), is_several=is_several, is_colourful=_is_colourful(options))
    _write(formats.render(options.format, document), options.output)
    return int(document.exit_status)


def _moment(text: str) -> datetime:
    moment = parse_timestamp(text)
    if moment is None:
        message = "it must be a date such as 2027-01-01, or a time such as 2027-01-01T09:00:00Z"
        raise argparse.ArgumentTypeError(message)
    return moment


def _is_colourful(options: argparse.Namespace) -> bool:
    return options.output is None and sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _write(text: str, path: str | None) -> None:
    data = text.encode("utf-8")
    if path is None:
        sys.stdout.buffer.write(data)
        return
    from secretsync.core.atomic_write import write_file

    write_file(path, data, mode=_mode(path))


def _mode(path: str) -> int:
    """The mode that any program would give the report: it holds no secret, and a collector has to read it."""
    try:
        return os.stat(path).st_mode & 0o666
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
