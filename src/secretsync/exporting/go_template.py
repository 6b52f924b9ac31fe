"""Write values as templates of Go's text/template, with the functions that External Secrets adds."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from secretsync.core.model import Selector
from secretsync.exporting.entries import Piece, Taken

_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}


def quoted(text: str) -> str:
    """Return `text` as an interpreted string literal of Go.

    Only printable ASCII characters stay as they are, so that no editor and no reader of YAML changes the literal.
    """
    return '"' + "".join(_escaped(char) for char in text) + '"'


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    code = ord(char)
    if 0x20 <= code < 0x7F:
        return char
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def template_of(pieces: Iterable[Piece], name_of: Callable[[Taken], str]) -> str:
    """Return the template of a value. `name_of`: the name under which the template finds a secret."""
    return "".join(
        f"{{{{ {quoted(piece)} }}}}"
        if isinstance(piece, str)
        else f"{{{{ .{name_of(piece)}{_functions(piece.target.selector)} }}}}"
        for piece in pieces
    )


def _functions(selector: Selector) -> str:
    """Return the functions that bring a secret into its form: base64, then percent-encoding."""
    functions = " | b64enc" if selector.as_ == "base64" else ""
    # Go writes a space as "+", and a plus sign as "%2B", so that each "+" after urlquery is a space.
    return functions + (' | urlquery | replace "+" "%20"' if selector.url == "url" else "")
