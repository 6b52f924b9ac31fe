"""An env file that all readers read alike: plain text without quotes."""

from __future__ import annotations

from secretsync.rendering.formats import docker, github, shell
from secretsync.rendering.formats.shared import SAFE, env_refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def refusal(key: str, value: str, /) -> str | None:
    """Return why a reader would change or refuse the entry, or None."""
    reason = env_refusal(key, value)
    if reason:
        return reason
    if not SAFE.issuperset(value):
        return "it contains characters other than letters, digits and _./:@%+,=-"
    if value.startswith("=") or ":=" in value:
        return "zsh replaces a word after = at the beginning, or after :=, with the path of a command"
    return docker.refusal(key, value) or shell.refusal(key, value) or github.refusal(key, value)


def render(items: Mapping[str, str], /) -> str:
    """Return `items` as lines of `KEY=value`."""
    return "".join(f"{key}={items[key]}\n" for key in sorted(items))
