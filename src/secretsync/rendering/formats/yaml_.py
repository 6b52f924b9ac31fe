"""YAML: one mapping, a double-quoted string a key."""

from __future__ import annotations

from secretsync.rendering.formats.shared import text_refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["escaped", "refusal", "render"]

# Double quotes, because YAML 1.1 makes booleans, numbers and dates of plain words, keys among them. What YAML does not
# print, and what one of its versions takes for a line break, is escaped; everything else stands for itself.
_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA1))}
_ESCAPES |= {code: f"\\u{code:04x}" for code in (0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF)}
_ESCAPES |= {ord('"'): r"\"", ord("\\"): r"\\", ord("\n"): r"\n", ord("\r"): r"\r", ord("\t"): r"\t"}


def escaped(text: str) -> str:
    """`text` as it stands between the quotes of a double-quoted YAML scalar."""
    return text.translate(_ESCAPES)


def refusal(key: str, value: str, /) -> str | None:
    """Why YAML cannot carry it, or None."""
    if len(key) > 255:
        return "its name is longer than 255 characters"
    return text_refusal(key) or text_refusal(value)


def render(items: Mapping[str, str], /) -> str:
    """`items` as a YAML mapping, one line a key."""
    if not items:
        return "{}\n"
    return "".join(f'"{escaped(key)}": "{escaped(items[key])}"\n' for key in sorted(items))
