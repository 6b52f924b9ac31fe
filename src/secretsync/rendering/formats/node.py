"""The .env file of Node.js: `node --env-file` and the npm package dotenv."""

from __future__ import annotations

from secretsync.rendering.formats.shared import env_refusal, is_safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["refusal", "render"]


def refusal(key: str, value: str, /) -> str | None:
    """Why the file cannot carry it, or None."""
    reason = env_refusal(key, value)
    if reason:
        return reason
    if "\r" in value:
        return "it holds a carriage return, which is read as a line feed"
    if _written(value) is None:
        return "no quote fits: there is no escape for quotes, and a backslash before the closing quote escapes that"
    return None


def render(items: Mapping[str, str], /) -> str:
    """`items` as lines of `KEY='value'`."""
    return "".join(f"{key}={_written(items[key])}\n" for key in sorted(items))


def _written(value: str) -> str | None:
    """`value` in the first quotes that it does not hold; None where there are none."""
    if is_safe(value):
        return value
    if value.endswith("\\"):
        # npm's dotenv takes the backslash and the closing quote for an escaped quote.
        return value if _fits_unquoted(value) else None
    for quote in "'`":
        if quote not in value:
            return f"{quote}{value}{quote}"
    # In double quotes \n is a line feed, and \r a carriage return to some.
    if '"' not in value and r"\n" not in value and r"\r" not in value:
        return f'"{value}"'
    return value if _fits_unquoted(value) else None


def _fits_unquoted(value: str) -> bool:
    """Whether the readers take all of `value` without quotes: they trim what JavaScript takes for white space."""
    if "#" in value or "\n" in value or value[0] in "'`\"":
        return False
    return not any(edge.isspace() or edge == "\ufeff" for edge in (value[0], value[-1]))
