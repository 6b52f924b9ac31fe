"""The env file of docker compose, whose grammar has escapes and variables in double quotes."""

from __future__ import annotations

from secretsync.rendering.formats.shared import env_refusal, environment_size_refusal, is_safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# Grammar: compose-go. `$$` prevents substitution, which happens after the escapes are decoded.
_DOUBLE = {ord("\\"): r"\\", ord('"'): r"\"", ord("$"): "$$", ord("\n"): r"\n", ord("\r"): r"\r"}


def refusal(key: str, value: str, /) -> str | None:
    """Return why compose cannot read the entry, or None."""
    return env_refusal(key, value, takes_dots=True) or environment_size_refusal(key, value)


def render(items: Mapping[str, str], /) -> str:
    """Return `items` as lines of `KEY="value"`."""
    return "".join(f"{key}={_written(items[key])}\n" for key in sorted(items))


def _written(value: str) -> str:
    return value if is_safe(value) else f'"{value.translate(_DOUBLE)}"'
