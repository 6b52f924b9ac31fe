"""JSON: one object with a string for each key."""

from __future__ import annotations

from secretsync.rendering.formats.shared import text_refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# RFC 8259 requires an escape for quote, backslash and U+0000..U+001F. DEL, U+0085, U+2028 and U+2029 are escaped too,
# because some tools split lines at them, and every parser decodes the escape. The json module is not used, because its
# import takes longer than the rest of a rendering.
_ESCAPES = {code: f"\\u{code:04x}" for code in (*range(0x20), 0x7F, 0x85, 0x2028, 0x2029)}
_ESCAPES |= {ord('"'): r"\"", ord("\\"): r"\\", ord("\n"): r"\n", ord("\r"): r"\r", ord("\t"): r"\t"}


def escaped(text: str) -> str:
    """Return `text` escaped for the inside of a JSON string."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:  # nearly every text
        return text
    return text.translate(_ESCAPES)


def refusal(key: str, value: str, /) -> str | None:
    """Return why JSON cannot carry the entry, or None."""
    return text_refusal(key) or text_refusal(value)


def render(items: Mapping[str, str], /) -> str:
    """Return `items` as a JSON object, one line for each key."""
    if not items:
        return "{}\n"
    lines = ",\n".join(f'  "{escaped(key)}": "{escaped(items[key])}"' for key in sorted(items))
    return f"{{\n{lines}\n}}\n"
