"""Archive env/ and providers/ in one dated .tar.gz with a manifest of checksums, readable only by its owner (0600).

A plain text secret in a file of any environment is an error, because archives are copied to other places.
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
from secretsync.cli import console
from secretsync.cli.options import add_option, whole_number
from secretsync.core.errors import OutputError, Problem, ProblemKind, UsageError
from secretsync.core.records import replace
from secretsync.core.secret import Environ
from secretsync.core.text import count_of
from secretsync.policy.rules import Severity
from secretsync.project.layout import find_root

USAGE = "[--output DIR] [--keep N] [--root DIR] [OPTIONS]"
EXAMPLE = "  secretsync backup --output /var/backups/app --keep 14"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `backup`."""
    add_option(parser, "--root")
    parser.add_argument("--output", metavar="DIR", help="the folder for archives (default: backups/ in the project)")
    parser.add_argument(
        "--keep",
        metavar="N",
        type=whole_number(999_999),
        help="then remove all archives of this project except the newest N",
    )
    parser.add_argument("--allow-plaintext", action="store_true", help="archive files with plain text secrets too")
    add_option(parser, "--quiet")


def execute(options: argparse.Namespace) -> int:
    """Return 0 after the archive is on disk and its path is printed."""
    at = datetime.now(UTC)
    root = os.path.realpath(find_root(options.root, Environ(os.environ)))
    output = os.path.join(root, "backups") if options.output is None else options.output
    for tree in TREES:
        inside = os.path.join(root, tree)
        if os.path.commonpath([inside, os.path.realpath(output)]) == inside:
            raise UsageError(
                f"{output}: the archive would be inside the archived folder; name another folder with --output"
            )
    nodes = read_trees(root)
    _check(nodes)
    _check_plain(nodes, at, options)
    path = store(output, write_archive(nodes, project=root, at=at), at)
    print(path)
    if not options.quiet:
        console.info(f"{sum(node.kind is Kind.FILE for node in nodes.values())} files archived")
    if options.keep is not None:
        removed, refused = keep(path, options.keep, root)
        for old in () if options.quiet else removed:
            console.info(f"removed {old}")
        for old in refused:
            console.warn(f"{old} has the name of an archive, but cannot be restored; --keep ignores it")
    return 0


def _check(nodes: Mapping[str, Node]) -> None:
    """Raise OutputError for everything that cannot be archived: links, devices, unreadable files, odd names, modes."""
    problems = []
    for path, node in nodes.items():
        cause, hint = name_refusal(path), "rename it"
        if cause is None and node.kind in (Kind.LINK, Kind.OTHER):
            cause, hint = f"it is a {node.kind}; an archive contains only files and folders", "replace it with the file"
        elif cause is None and node.kind is Kind.FILE and node.data is None:
            cause, hint = "it cannot be read: Permission denied", "chmod u+r"
        elif cause is None:
            cause, hint = mode_refusal(node.kind, node.mode), "chmod it"
        if cause is not None:
            problems.append(Problem(kind=ProblemKind.OUTPUT, file=path, cause=cause, hint=hint))
    if problems:
        raise OutputError(problems)


def _check_plain(nodes: Mapping[str, Node], at: datetime, options: argparse.Namespace) -> None:
    """Raise OutputError for plain text secrets and for unreadable files, unless --allow-plaintext is given."""
    findings, unread = plain_secrets(nodes, at.date())
    problems = [
        replace(found.problem, kind=ProblemKind.OUTPUT) for found in findings if found.severity is Severity.ERROR
    ]
    problems += [
        replace(
            problem, kind=ProblemKind.OUTPUT, cause=f"{problem.cause}, so plain text secrets in it would not be found"
        )
        for problem in unread
    ]
    for found in findings:
        if found.severity is not Severity.ERROR and not options.quiet:
            console.warn(f"{found.problem}")
    if not problems:
        return
    if not options.allow_plaintext:
        console.info("nothing was archived; --allow-plaintext archives plain text secrets too")
        raise OutputError(problems)
    console.warn(
        f"the archive contains plain text secrets ({count_of(len(problems), 'place')}); protect it as a secret"
    )
