"""Write the parts of a value as the text that parses into them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from secretsync.project.placeholders import Parsed, Part, Placeholder, Text, format_reference, parse_value


def format_value(parts: Sequence[Part]) -> str:
    """Return the text that parses into `parts`.

    Raises ValueError for parts that no text parses into: a text that ends in a backslash before a placeholder, a
    default that ends in white space, a word with a brace that is not closed.
    """
    text = _print_parts(parts)
    if parse_value(text) != Parsed(tuple(parts)):
        message = "no text says these parts"
        raise ValueError(message)
    return text


def _print_parts(parts: Sequence[Part]) -> str:
    written: list[str] = []
    for index, part in enumerate(parts):
        if isinstance(part, Text):
            written.append(_print_text(part.text, opens_next=index + 1 < len(parts)))
        elif isinstance(part, Placeholder):
            alternative = f":-{part.default}" if part.default is not None else ""
            alternative += f":?{part.message}" if part.message is not None else ""
            written.append(f"$<{format_reference(part.reference)}{alternative}>")
        else:
            written.append(f"${{{part.name}{part.operator}{part.message or ''}{_print_parts(part.word)}}}")
    return "".join(written)


def _print_text(text: str, *, opens_next: bool) -> str:
    """Return `text` with each `$` doubled that would otherwise open something."""
    # The look-behind keeps a long run of '$' from being tried from each of its characters.
    pattern = r"(?<!\$)\$+(?=[<{]|\Z)" if opens_next else r"(?<!\$)\$+(?=[<{])"
    return re.sub(pattern, lambda run: run.group() * 2, text)
