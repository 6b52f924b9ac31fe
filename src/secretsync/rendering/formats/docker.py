"""The env file of `docker run --env-file`: a line is a variable, and nothing in it is quoted or escaped."""

from __future__ import annotations

from secretsync.rendering.formats.shared import env_refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["refusal", "render"]

LINE_LIMIT = 65_536  # the buffer of Go's bufio.Scanner, by which the docker CLI reads lines


def refusal(key: str, value: str, /) -> str | None:
    """Why the file cannot carry it, or None."""
    reason = env_refusal(key, value)
    if reason:
        return reason
    if "\n" in value:
        return "it holds a line feed, and a value ends with its line"
    if value.endswith("\r"):
        return "it ends in a carriage return, which is taken for a part of the line end"
    if len(key) + 1 + len(value.encode()) >= LINE_LIMIT:
        return f"a line must be shorter than {LINE_LIMIT:,} bytes"
    return None


def render(items: Mapping[str, str], /) -> str:
    """`items` as lines of `KEY=value`."""
    return "".join(f"{key}={items[key]}\n" for key in sorted(items))
