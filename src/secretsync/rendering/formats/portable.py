"""An env file that every reader of env files reads the same way: plain text without quotes."""

from __future__ import annotations

from secretsync.rendering.formats import docker, github, shell
from secretsync.rendering.formats.shared import SAFE, env_refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["refusal", "render"]


def refusal(key: str, value: str, /) -> str | None:
    """Why some reader would take it for something else, or None."""
    reason = env_refusal(key, value)
    if reason:
        return reason
    if not SAFE.issuperset(value):
        return "it holds other characters than letters, digits and _./:@%+,=-"
    if value.startswith("=") or ":=" in value:
        return "zsh takes a word after = at the beginning or after a colon for the name of a command"
    return docker.refusal(key, value) or shell.refusal(key, value) or github.refusal(key, value)


def render(items: Mapping[str, str], /) -> str:
    """`items` as lines of `KEY=value`."""
    return "".join(f"{key}={items[key]}\n" for key in sorted(items))
