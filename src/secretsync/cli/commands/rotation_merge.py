"""Merge JSON reports of check-rotation, of many projects, into one report in any format.

The newest report of each project and environment is taken. A report that is out of date is marked with its age and is a
finding. A file that is not such a report is an error row. The exit status is that of check-rotation.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from secretsync.cli import console
from secretsync.cli.options import add_format, add_option, duration, timestamp
from secretsync.core.files import FileRefusal, Input, read_file
from secretsync.core.records import replace
from secretsync.core.text import count_of, path_or
from secretsync.rotation import formats
from secretsync.rotation.merge import ReportFile, merge

USAGE = "REPORT.json... [OPTIONS]"
EXAMPLE = "  secretsync rotation merge reports/*.json --format html --output rotation.html"

_DAY = 86400.0
_SHOWN = 5  # files in a message


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `rotation merge`."""
    parser.add_argument(
        "reports", nargs="+", metavar="REPORT.json", help="a file that check-rotation --format json wrote, or a merge"
    )
    parser.add_argument(
        "--outdated-after",
        metavar="TIME",
        type=duration,
        default=4 * _DAY,
        help='the age from which a report is out of date: "4d" (default), "26h"',
    )
    parser.add_argument(
        "--at", metavar="TIME", type=timestamp, help="the time for which the age of the reports is counted; else now"
    )
    add_format(parser, formats.FORMATS, default="table")
    add_option(parser, "--output")
    messages = parser.add_mutually_exclusive_group()
    add_option(messages, "--verbose", help="list each secret, also those with one cause")
    add_option(messages, "--quiet")


def execute(options: argparse.Namespace) -> int:
    """Return 0, or the status of the findings."""
    files = (ReportFile(path_or(path, "a report"), _content(path)) for path in dict.fromkeys(options.reports))
    merged = merge(files, options.at or datetime.now(UTC), options.outdated_after)
    if merged.problems:
        console.print_problems(options.command_name, merged.problems)
    if merged.left_out and not options.quiet:
        count = count_of(len(merged.left_out), "file")
        shown = ", ".join(merged.left_out[:_SHOWN]) + (", ..." if len(merged.left_out) > _SHOWN else "")
        console.info(
            f"{count} with an older report of the same project and environment: {shown}; "
            'if these are different projects, name each: project = "..." in its bindings'
        )
    document = replace(merged.document, look=console.look(options))
    console.write_report(formats.render(options.format, document), options.output)
    return int(document.exit_status)


def _content(path: str) -> bytes | str:
    data = read_file(path, Input.REPORT)
    return data.cause if isinstance(data, FileRefusal) else data
