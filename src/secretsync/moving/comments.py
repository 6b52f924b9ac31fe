"""Keep the comments of an imported file, without the secrets in them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from secretsync.core.model import Entry
from secretsync.moving.classify import holds_secret
from secretsync.policy.plaintext import plaintext_finding
from secretsync.policy.policy import Policy
from secretsync.project.env_file import parse_env_file

_LEFT_OUT = "# (a comment was left out here, because it may hold a secret)"

# "DB password: x", "the token is x", "login password x": one or two words that name a secret, and its value.
_NAMED = re.compile(
    r"(?i)(?:([a-z_][\w.-]*)[ \t]+)?([a-z_][\w.-]*)['\"]?(?:\s*(?P<joint>[:=]+)\s*|\s+(?:is|was)\s+|\s+)"
    r"['\"`]?(?P<value>\S+)(?P<last>\s*\Z)?"
)


def clean(comments: Iterable[str], values: Collection[str], policy: Policy) -> Iterator[str]:
    """Yield comment lines, each with its `#`. Only the name stays of a secret entry that is commented out."""
    is_inside = False  # of a block of PEM, whose lines show nothing by themselves
    last = None
    for comment in comments:
        shown = _LEFT_OUT if is_inside else _cleaned(comment, values, policy)
        if "-----BEGIN " in comment and shown != comment.rstrip():
            is_inside = True
        if is_inside and "-----END " in comment.rpartition("-----BEGIN ")[2]:
            is_inside = False
        if shown != _LEFT_OUT or last != _LEFT_OUT:
            yield shown
        last = shown


def _cleaned(comment: str, values: Collection[str], policy: Policy) -> str:
    text = comment.lstrip("#").strip()
    parsed = parse_env_file(text.encode(), file="")
    found = any(plaintext_finding(entry, policy) for entry in (*parsed.entries, *_as_entries(text)))
    if not found and not holds_secret(comment, values):
        return comment.rstrip()
    return f"# {parsed.entries[0].key}=" if parsed.entries and not parsed.problems else _LEFT_OUT


def _as_entries(text: str) -> Iterator[Entry]:
    """Yield the whole comment as a value, and each value in it that has a name."""
    yield _as_entry("COMMENT", text)
    for start in re.finditer(r"(?<![\w.-])[A-Za-z_]", text):
        if (match := _NAMED.match(text, start.start())) is None:
            continue
        value = match["value"].strip("'\"`,;.()")
        # Other words are prose: "the password must be changed", "token: see the wiki".
        if any(char.isdigit() for char in value) or (match["joint"] and match["last"] is not None):
            for name in (match[2], f"{match[1]}_{match[2]}" if match[1] else match[2]):
                yield _as_entry(name, value)


def _as_entry(key: str, text: str) -> Entry:
    return Entry(key=key, text=text, literal=True, file="", line=1, service=None, source=text)
