"""Define the result of `Config.refresh`, in a module of its own because a named tuple makes every start slower."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from secretsync.config.config import Config


class Refreshed(NamedTuple):
    """A new configuration, and the keys whose version or value changed."""

    config: Config
    changed: frozenset[str]
