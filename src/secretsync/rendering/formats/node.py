"""The .env file of Node.js: `node --env-file` and the npm package dotenv."""

from __future__ import annotations

from secretsync.rendering.formats.shared import env_refusal, is_safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def refusal(key: str, value: str, /) -> str | None:
    """Return why the file cannot carry the entry, or None."""
    reason = env_refusal(key, value)
    if reason:
        return reason
    if "\r" in value:
        return "it contains a carriage return, which is read as a line feed"
    if _written(value) is None:
        return "no quotes fit: quotes cannot be escaped, and a backslash at the end would escape the closing quote"
    return None


def render(items: Mapping[str, str], /) -> str:
    """Return `items` as lines of `KEY='value'`."""
    return "".join(f"{key}={_written(items[key])}\n" for key in sorted(items))


def _written(value: str) -> str | None:
    """Return `value` in the first kind of quotes that it does not contain, or None if it contains all kinds."""
    if is_safe(value):
        return value
    if value.endswith("\\"):
        # npm's dotenv would read the backslash and the closing quote as an escaped quote.
        return value if _fits_unquoted(value) else None
    for quote in "'`":
        if quote not in value:
            return f"{quote}{value}{quote}"
    # In double quotes, \n is read as a line feed, and some readers read \r as a carriage return.
    if '"' not in value and r"\n" not in value and r"\r" not in value:
        return f'"{value}"'
    return value if _fits_unquoted(value) else None


def _fits_unquoted(value: str) -> bool:
    """Return True if the readers keep all of `value` without quotes. They strip the white space of JavaScript."""
    if "#" in value or "\n" in value or value[0] in "'`\"":
        return False
    return not any(edge.isspace() or edge == "\ufeff" for edge in (value[0], value[-1]))
