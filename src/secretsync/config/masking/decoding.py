"""Decode the escapes of URLs, JSON, `repr`, HTML, shells and quoted texts, and find the way back to the original."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

Span = tuple[int, int]

_DEPTH = 4  # a text escaped more often than that is not decoded completely
_MOST = 64  # decodings of one text, so that a text with all kinds of escapes takes a bounded time


class Decoder(NamedTuple):
    """One kind of escapes: those that `pattern` matches stand for what `decode` returns."""

    mark: str  # every match contains it
    pattern: re.Pattern[str]
    decode: Callable[[re.Match[str]], str]


_HEX = "[0-9A-Fa-f]"


def _utf8(prefix: str) -> str:
    """Return a pattern of the bytes of one character that UTF-8 writes as several; `prefix`: before each byte."""
    more = f"{prefix}[89ABab]{_HEX}"
    return f"{prefix}[CDcd]{_HEX}{more}|{prefix}[Ee]{_HEX}(?:{more}){{2}}|{prefix}[Ff][0-7](?:{more}){{3}}"


def _percent(found: re.Match[str]) -> str:
    return bytes.fromhex(found.group().replace("%", "")).decode("utf-8", "surrogateescape")


def _escaped_bytes(found: re.Match[str]) -> str:
    return bytes.fromhex(found.group().replace("\\x", "")).decode("utf-8", "surrogateescape")


_LETTERS = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "v": "\v", "a": "\a", "e": "\x1b", "E": "\x1b"}


def _backslash(found: re.Match[str]) -> str:
    escape = found.group()[1:]
    if len(escape) == 1 and not escape.isdigit():
        return _LETTERS.get(escape, escape)
    if escape[0] in "xuU":
        if len(escape) == 11:  # two halves of one character
            return (
                (chr(int(escape[1:5], 16)) + chr(int(escape[7:], 16)))
                .encode("utf-16", "surrogatepass")
                .decode("utf-16")
            )
        number = int(escape[1:], 16)
        return chr(number) if number <= 0x10FFFF else escape
    return chr(int(escape, 8)) if escape.isascii() and not escape.strip("01234567") else escape


_DECODERS = (
    Decoder("%", re.compile(f"{_utf8('%')}|%{_HEX}{{2}}"), _percent),
    Decoder(
        "\\",
        re.compile(
            rf"\\(?:u[Dd][89ABab]{_HEX}{{2}}\\u[Dd][C-Fc-f]{_HEX}{{2}}"
            rf"|u{_HEX}{{4}}|U{_HEX}{{8}}|x{_HEX}{{2}}|[0-7]{{1,3}}|.)",
            re.DOTALL,
        ),
        _backslash,
    ),
    Decoder("\\x", re.compile(_utf8(r"\\x")), _escaped_bytes),
    Decoder(
        "&",
        re.compile("&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});"),
        lambda found: html.unescape(found.group()),
    ),
    # In a shell a quote inside quotes is '\'' or '"'"'; SQL, YAML and CSV write it twice.
    Decoder("'", re.compile(r"""'\\''|'"'"'"""), lambda _: "'"),
    Decoder("''", re.compile("''"), lambda _: "'"),
    Decoder('""', re.compile('""'), lambda _: '"'),
    Decoder('\\"', re.compile(r'\\"'), lambda _: '"'),  # access logs escape quotes and keep backslashes
)

_PERCENT_SIGN, _ENTITY = (_DECODERS[number].pattern.search for number in (0, 3))


def has_escapes(text: str) -> bool:
    """Return True if a part of `text` may be an escape."""
    return has_percent_signs(text) or has_other_escapes(text)


def has_percent_signs(text: str) -> bool:
    """Return True if `text` has an escape of URLs."""
    return "%" in text and _PERCENT_SIGN(text) is not None


def has_other_escapes(text: str) -> bool:
    """Return True if a part of `text` may be an escape of another kind.

    Written out for speed: a search for one character takes a fraction of that for two.
    """
    if "\\" in text or ('"' in text and '""' in text):
        return True
    if "'" in text and ("''" in text or "'\"'\"'" in text):
        return True
    return "&" in text and _ENTITY(text) is not None


def without_percent_signs(text: str) -> str:
    """Return `text` with the escapes of URLs decoded once."""
    return _DECODERS[0].pattern.sub(_percent, text)


# What may belong to an escape, and the text around it. A secret that is found after decoding, and not before, has an
# escape among the 15 bytes in its middle. Escapes inside escapes have at most ten characters between their signs.
_NEAR = 32
_SIGNS = re.compile(r"""[\\%&'"]""")


def near_escapes(text: str) -> str:
    """Return the parts of `text` that decoding may change, each with a few characters around it, as one text."""
    if len(text) <= 4 * _NEAR:
        return text
    parts, begin, end = list[str](), 0, 0
    for found in _SIGNS.finditer(text):
        place = found.start()
        if place - _NEAR > end:
            if end:
                parts.append(text[begin:end])
            begin = place - _NEAR
        end = place + _NEAR
    parts.append(text[begin:end])
    return "\n\n".join(parts)


def decodings(text: str) -> Iterator[tuple[str, tuple[Decoder, ...]]]:
    """Yield `text` and each text that it is after decoding, with the decoders that lead there."""
    waiting: list[tuple[str, tuple[Decoder, ...]]] = [(text, ())]
    seen = {text}
    for view, path in waiting:
        yield view, path
        if len(path) == _DEPTH:
            continue
        for decoder in _DECODERS:
            if decoder.mark in view and len(seen) < _MOST:
                decoded = decoder.pattern.sub(decoder.decode, view)
                if decoded not in seen:
                    seen.add(decoded)
                    waiting.append((decoded, (*path, decoder)))


def original_spans(text: str, path: Sequence[Decoder], spans: Sequence[Span]) -> Sequence[Span]:
    """Return where `spans` of the decoded text are in `text`. An escape is inside as a whole or not at all."""
    places = []
    for decoder in path:
        text, starts, ends = _decoded_with_places(text, decoder)
        places.append((starts, ends))
    for starts, ends in reversed(places):
        spans = [(starts[start], ends[end - 1]) for start, end in spans]
    return spans


def _decoded_with_places(text: str, decoder: Decoder) -> tuple[str, list[int], list[int]]:
    """Return the decoded text, and for each of its characters the start and the end in `text`."""
    pieces, starts, ends, position = list[str](), list[int](), list[int](), 0
    for found in decoder.pattern.finditer(text):
        start, end = found.span()
        decoded = decoder.decode(found)
        pieces += (text[position:start], decoded)
        starts += (*range(position, start), *[start] * len(decoded))
        ends += (*range(position + 1, start + 1), *[end] * len(decoded))
        position = end
    pieces.append(text[position:])
    starts += range(position, len(text))
    ends += range(position + 1, len(text) + 1)
    return "".join(pieces), starts, ends
