"""Keep the comments of an imported file, without the secrets in them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from secretsync.core.model import Entry
from secretsync.moving.classify import holds_secret
from secretsync.policy.plaintext import plaintext_finding
from secretsync.policy.policy import Policy
from secretsync.project.env_file import parse_env_file

_LEFT_OUT = "# (a comment was left out here, because it may hold a secret)"


def clean(comments: Iterable[str], values: Collection[str], policy: Policy) -> Iterator[str]:
    """Yield comment lines, each with its `#`. Only the name stays of a secret entry that is commented out."""
    for comment in comments:
        text = comment.lstrip("#").strip()
        parsed = parse_env_file(text.encode(), file="")
        finding = None
        for entry in (*parsed.entries, _as_entry(text)):
            finding = finding or plaintext_finding(entry, policy)
        if finding is None and not holds_secret(comment, values):
            yield comment.rstrip()
        elif parsed.entries and not parsed.problems:
            yield f"# {parsed.entries[0].key}="
        else:
            yield _LEFT_OUT


def _as_entry(text: str) -> Entry:
    return Entry(key="COMMENT", text=text, literal=True, file="", line=1, service=None, source=text)
