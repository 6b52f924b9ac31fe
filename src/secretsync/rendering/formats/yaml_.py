"""YAML: one mapping with a double-quoted string for each key."""

from __future__ import annotations

from secretsync.rendering.formats.shared import text_refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# Double quotes, because YAML 1.1 reads plain words as booleans, numbers and dates, in keys too. The escaped characters
# are those that YAML does not allow in a file, and those that one of its versions reads as a line break.
_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA1))}
_ESCAPES |= {code: f"\\u{code:04x}" for code in (0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF)}
_ESCAPES |= {ord('"'): r"\"", ord("\\"): r"\\", ord("\n"): r"\n", ord("\r"): r"\r", ord("\t"): r"\t"}


def escaped(text: str) -> str:
    """Return `text` escaped for the inside of a double-quoted YAML scalar."""
    return text.translate(_ESCAPES)


def refusal(key: str, value: str, /) -> str | None:
    """Return why YAML cannot carry the entry, or None."""
    if len(key) > 255:
        return "its name is longer than 255 characters"
    return text_refusal(key) or text_refusal(value)


def render(items: Mapping[str, str], /) -> str:
    """Return `items` as a YAML mapping, one line for each key."""
    if not items:
        return "{}\n"
    return "".join(f'"{escaped(key)}": "{escaped(items[key])}"\n' for key in sorted(items))
