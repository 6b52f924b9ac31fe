"""Lines for the fish shell, read with `source file`."""

from __future__ import annotations

from secretsync.rendering.formats.shared import env_refusal, environment_size_refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# Names that fish reserves. Most are read-only.
FISH_NAMES = frozenset(
    [
        *("FISH_VERSION", "PWD", "SHLVL", "_", "argv", "history", "hostname", "pipestatus", "status"),
        *("status_generation", "umask", "version"),
    ]
)
# The names of fish's own settings begin so. fish_trace shows all later values, and others are folders with code.
_SETTINGS = ("fish_", "FISH_", "__fish_")


def quoted(value: str) -> str:
    """Return `value` as one word of fish, in single quotes, in which only a backslash and a quote are escaped."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def refusal(key: str, value: str, /) -> str | None:
    """Return why fish cannot take the entry, or None."""
    reason = env_refusal(key, value)
    if reason:
        return reason
    if key in FISH_NAMES or key.startswith(_SETTINGS):
        return "fish reserves this name"
    if key in ("PATH", "CDPATH") and "" in value.split(":"):
        return "fish replaces an empty folder in it by the current folder"
    return environment_size_refusal(key, value)


def render(items: Mapping[str, str], /) -> str:
    """Return `items` as lines of `set -gx KEY 'value'`."""
    return "".join(f"set -gx {key} {quoted(items[key])}\n" for key in sorted(items))
