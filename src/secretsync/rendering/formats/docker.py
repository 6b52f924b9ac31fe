"""The env file of `docker run --env-file`: one line a variable, without quotes and escapes."""

from __future__ import annotations

from secretsync.rendering.formats.shared import env_refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

LINE_LIMIT = 65_536  # the buffer of Go's bufio.Scanner, which the docker CLI uses


def refusal(key: str, value: str, /) -> str | None:
    """Return why the file cannot carry the entry, or None."""
    reason = env_refusal(key, value, takes_dots=True)
    if reason:
        return reason
    if "\n" in value:
        return "it contains a line feed, which ends the value"
    if value.endswith("\r"):
        return "it ends in a carriage return, which is read as part of the line end"
    if len(key) + 1 + len(value.encode()) >= LINE_LIMIT:
        return f"a line must be shorter than {LINE_LIMIT:,} bytes"
    return None


def render(items: Mapping[str, str], /) -> str:
    """Return `items` as lines of `KEY=value`."""
    return "".join(f"{key}={items[key]}\n" for key in sorted(items))
