"""The environment file of systemd units: EnvironmentFile=."""

from __future__ import annotations

from secretsync.rendering.formats.shared import env_refusal, environment_size_refusal, is_safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["refusal", "render"]

# Grammar: load_env_file of systemd. In double quotes a backslash escapes these four and nothing else; a line feed
# stands for itself, and nothing is expanded.
_DOUBLE = {ord(char): f"\\{char}" for char in '\\"$`'}


def refusal(key: str, value: str, /) -> str | None:
    """Why systemd cannot take it, or None."""
    reason = env_refusal(key, value)
    if reason:
        return reason
    # To systemd noncharacters are no UTF-8: it drops the whole file, and writes the value into the log.
    if not value.isascii() and any(_is_noncharacter(ord(char)) for char in value):
        return "it holds a noncharacter of Unicode, for which systemd drops the whole file"
    return environment_size_refusal(key, value)


def render(items: Mapping[str, str], /) -> str:
    """`items` as lines of `KEY="value"`."""
    return "".join(f"{key}={_written(items[key])}\n" for key in sorted(items))


def _written(value: str) -> str:
    return value if is_safe(value) else f'"{value.translate(_DOUBLE)}"'


def _is_noncharacter(code: int) -> bool:
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
