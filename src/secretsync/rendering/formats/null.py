"""NUL-separated `KEY=value`: the one separator that no environment variable can hold."""

from __future__ import annotations

from secretsync.rendering.formats.shared import env_refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["refusal", "render"]


def refusal(key: str, value: str, /) -> str | None:
    """Why it cannot be carried, or None."""
    return env_refusal(key, value)


def render(items: Mapping[str, str], /) -> str:
    """`items` as `KEY=value`, each ended by NUL."""
    return "".join(f"{key}={items[key]}\0" for key in sorted(items))
