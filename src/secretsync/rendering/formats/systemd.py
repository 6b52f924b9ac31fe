"""The environment file of systemd units: EnvironmentFile=."""

from __future__ import annotations

from secretsync.rendering.formats.shared import env_refusal, environment_size_refusal, is_safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# Grammar: load_env_file of systemd. In double quotes a backslash escapes only these four characters. A line feed is
# read as a line feed, and nothing is expanded.
_DOUBLE = {ord(char): f"\\{char}" for char in '\\"$`'}


def refusal(key: str, value: str, /) -> str | None:
    """Return why systemd cannot read the entry, or None."""
    reason = env_refusal(key, value)
    if reason:
        return reason
    # systemd treats noncharacters as invalid UTF-8: it drops the whole file, and writes the value to its log.
    if not value.isascii() and any(_is_noncharacter(ord(char)) for char in value):
        return "it contains a noncharacter of Unicode, and systemd would drop the whole file"
    return environment_size_refusal(key, value)


def render(items: Mapping[str, str], /) -> str:
    """Return `items` as lines of `KEY="value"`."""
    return "".join(f"{key}={_written(items[key])}\n" for key in sorted(items))


def _written(value: str) -> str:
    return value if is_safe(value) else f'"{value.translate(_DOUBLE)}"'


def _is_noncharacter(code: int) -> bool:
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
