"""Read `chamber export`: names are written as `chamber exec` gives them to a program."""

from __future__ import annotations

from secretsync.moving.source_entry import Source
from secretsync.moving.sources import bad_source
from secretsync.moving.sources.json_ import entries_of, members_of


def read(data: bytes, file: str, _service: str | None) -> Source:
    """Return the entries. Raises ConfigurationError if two names become the same variable."""
    members = {}
    for name, value in members_of(data, file).items():
        key = name.upper().replace("-", "_")
        if key in members:
            raise bad_source(file, "two names of chamber become this variable", "remove one of them", key=key)
        members[key] = value
    return entries_of(members, file)
