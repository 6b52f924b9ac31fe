"""The options and the words that `track` and `diff` share."""

from __future__ import annotations

import argparse

from secretsync.cli.options import add_option
from secretsync.core.text import count_of
from secretsync.tracking.history import HistoryRecord


def add_history(parser: argparse.ArgumentParser) -> None:
    """Add the options that `track` and `diff` share."""
    add_option(parser, "--history")
    add_option(parser, "--offline")


def format_counts(counts: dict[str, int]) -> str:
    """Return the counts of changes as text: `1 added, 2 rotated`."""
    parts = [f"{count} {kind}" for kind, count in counts.items() if count and kind != "stores"]
    if counts["stores"]:
        parts.append(f"{count_of(counts['stores'], 'store')} with other settings")
    return ", ".join(parts) or "no change"


def short_commit(record: HistoryRecord) -> str | None:
    """Return the first characters of the commit of a record, with a plus if the files differed from the commit."""
    return None if record.commit is None else record.commit[:10] + ("+" if record.uncommitted else "")
