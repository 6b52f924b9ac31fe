"""Archive env/ and providers/ in one dated .tar.gz, with a manifest of checksums, for its owner alone (mode 0600).

Refused where a secret stands in plain text in any file of any environment: an archive travels.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from datetime import UTC, datetime

from secretsync.backup.archive import mode_refusal, name_refusal, write_archive
from secretsync.backup.archive_folder import keep, store
from secretsync.backup.secret_scan import plain_secrets
from secretsync.backup.tree import TREES, Kind, Node, read_trees
from secretsync.cli.console import say
from secretsync.core.environ import Environ
from secretsync.core.errors import OutputError, Problem, ProblemKind, UsageError
from secretsync.core.records import replace
from secretsync.core.text import count_of
from secretsync.policy.rules import Severity
from secretsync.project.layout import find_root

USAGE = "[--output DIR] [--keep N] [--root DIR] [OPTIONS]"
EXAMPLE = "  secretsync backup --output /var/backups/app --keep 14"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `backup`."""
    parser.add_argument(
        "--root", metavar="DIR", help="the project's folder; else $SECRETSYNC_ROOT, else the nearest upwards with env/"
    )
    parser.add_argument("--output", metavar="DIR", help="the folder of archives (default: backups/ in the project)")
    parser.add_argument(
        "--keep", metavar="N", type=_count, help="afterwards remove this project's archives there, but for the newest N"
    )
    parser.add_argument("--allow-plaintext", action="store_true", help="archive files with plain secrets too")
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but what went wrong")


def _count(text: str) -> int:
    if text.isascii() and text.isdigit() and 0 < int(text) < 1_000_000:
        return int(text)
    message = "it must be a whole number above zero"
    raise argparse.ArgumentTypeError(message)


def execute(options: argparse.Namespace) -> int:
    """0, after the archive is on disk; its path is printed."""
    at = datetime.now(UTC)
    root = os.path.realpath(find_root(options.root, Environ(os.environ)))
    output = os.path.join(root, "backups") if options.output is None else options.output
    for tree in TREES:
        inside = os.path.join(root, tree)
        if os.path.commonpath([inside, os.path.realpath(output)]) == inside:
            raise UsageError(f"{output}: an archive would lie in what is archived; name another folder with --output")
    nodes = read_trees(root)
    _check(nodes)
    _check_plain(nodes, at, options)
    path = store(output, write_archive(nodes, project=root, at=at), at)
    print(path)
    if not options.quiet:
        say(f"{sum(node.kind is Kind.FILE for node in nodes.values())} files archived")
    if options.keep is not None:
        removed, refused = keep(path, options.keep, root)
        for old in () if options.quiet else removed:
            say(f"removed {old}")
        for old in refused:
            say(f"warning: {old} has the name of an archive and is none that can be restored; it does not count")
    return 0


def _check(nodes: Mapping[str, Node]) -> None:
    """Raise OutputError for what no archive takes: links, devices, files that cannot be read, odd names and modes."""
    problems = []
    for path, node in nodes.items():
        cause, hint = name_refusal(path), "rename it"
        if cause is None and node.kind in (Kind.LINK, Kind.OTHER):
            cause, hint = f"it is a {node.kind}; an archive holds files and folders alone", "put the file itself there"
        elif cause is None and node.kind is Kind.FILE and node.data is None:
            cause, hint = "it cannot be read: Permission denied", "chmod u+r"
        elif cause is None:
            cause, hint = mode_refusal(node.kind, node.mode), "chmod it"
        if cause is not None:
            problems.append(Problem(kind=ProblemKind.OUTPUT, file=path, cause=cause, hint=hint))
    if problems:
        raise OutputError(problems)


def _check_plain(nodes: Mapping[str, Node], at: datetime, options: argparse.Namespace) -> None:
    """Raise OutputError for plain secrets, and for what could not be looked into, unless both are allowed."""
    findings, unread = plain_secrets(nodes, at.date())
    problems = [
        replace(found.problem, kind=ProblemKind.OUTPUT) for found in findings if found.severity is Severity.ERROR
    ]
    problems += [
        replace(problem, kind=ProblemKind.OUTPUT, cause=f"{problem.cause}, so plain secrets in it would not be seen")
        for problem in unread
    ]
    for found in findings:
        if found.severity is not Severity.ERROR and not options.quiet:
            say(f"warning: {found.problem}")
    if not problems:
        return
    if not options.allow_plaintext:
        say("nothing was archived; --allow-plaintext archives plain secrets too")
        raise OutputError(problems)
    say(f"warning: the archive holds plain secrets ({count_of(len(problems), 'place')}): keep it as they are kept")
