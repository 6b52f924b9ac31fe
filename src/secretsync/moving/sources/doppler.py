"""Read `doppler secrets --json`: objects with the computed value."""

from __future__ import annotations

from secretsync.moving.source_entry import Source
from secretsync.moving.sources import bad_source
from secretsync.moving.sources.json_ import entries_of, members_of

# Doppler adds these to each config. They describe the config.
_OF_DOPPLER = ("DOPPLER_CONFIG", "DOPPLER_ENVIRONMENT", "DOPPLER_PROJECT")


def read(data: bytes, file: str, _service: str | None) -> Source:
    """Return the entries."""
    members = {}
    for key, value in members_of(data, file).items():
        if key in _OF_DOPPLER:
            continue
        if not isinstance(value, dict) or "computed" not in value:
            raise bad_source(file, "it has no computed value", "export with `doppler secrets --json`", key=key)
        members[key] = value["computed"]
    return entries_of(members, file)
