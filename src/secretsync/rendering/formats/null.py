"""`KEY=value` separated by NUL, the only character that an environment variable cannot contain."""

from __future__ import annotations

from secretsync.rendering.formats.shared import env_refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def refusal(key: str, value: str, /) -> str | None:
    """Return why the format cannot carry the entry, or None."""
    return env_refusal(key, value, takes_dots=True)


def render(items: Mapping[str, str], /) -> str:
    """Return `items` as `KEY=value`, each followed by NUL."""
    return "".join(f"{key}={items[key]}\0" for key in sorted(items))
