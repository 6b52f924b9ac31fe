"""What `track` and `diff` share: options, and the words for counts and commits."""

from __future__ import annotations

import argparse

from secretsync.core.text import count_of
from secretsync.tracking.history import HistoryRecord

__all__ = ["add_history", "counted", "short_commit"]


def add_history(parser: argparse.ArgumentParser) -> None:
    """The options that `track` and `diff` share."""
    parser.add_argument(
        "--history", metavar="FILE", help="the history (default: .secretsync/history/<environment>.json)"
    )
    parser.add_argument(
        "--offline", action="store_true", help="ask no store: versions are not known, everything else is"
    )


def counted(counts: dict[str, int]) -> str:
    """Counts of changes as a sentence's part."""
    told = [f"{count} {kind}" for kind, count in counts.items() if count and kind != "stores"]
    if counts["stores"]:
        told.append(f"{count_of(counts['stores'], 'store')} configured anew")
    return ", ".join(told) or "no change"


def short_commit(record: HistoryRecord) -> str | None:
    """The beginning of a record's commit; a plus says that the files differed from it."""
    return None if record.commit is None else record.commit[:10] + ("+" if record.uncommitted else "")
