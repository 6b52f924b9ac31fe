"""Write a secret in each encoding that is looked for besides the escapes that are decoded."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator

# Shorter secrets ("on", "1") are not looked for: masking them would make a log unreadable and say what they are.
SHORTEST = 4

Form = Callable[[str], str]


def _bytes(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _base64(shift: int, *, is_url_safe: bool, is_json: bool) -> Form:
    """Return the function that encodes a secret that `shift` bytes precede, without the ends that depend on others."""

    def encode(text: str) -> str:
        data = _bytes(json.dumps(text)[1:-1] if is_json else text)
        encoded = b64encode(b"\0" * shift + data, b"-_" if is_url_safe else None)
        return encoded[(0, 2, 3)[shift] : (shift + len(data)) * 8 // 6].decode()

    return encode


def _hex(separator: str, *, is_upper: bool) -> Form:
    def encode(text: str) -> str:
        encoded = _bytes(text).hex(separator) if separator else _bytes(text).hex()
        return encoded.upper() if is_upper else encoded

    return encode


# The forms of a single line of a secret, and the first ones of a whole secret.
LINE_FORMS: tuple[Form, ...] = (
    lambda text: text,
    lambda text: text.replace(" ", "+"),  # in forms of web pages
)
FORMS: tuple[Form, ...] = (
    *LINE_FORMS,
    *(
        _base64(shift, is_url_safe=is_url_safe, is_json=is_json)
        for shift in range(3)
        for is_url_safe in (False, True)
        for is_json in (False, True)
    ),
    *(_hex(separator, is_upper=is_upper) for separator in ("", ":", " ") for is_upper in (False, True)),
    lambda text: ", ".join(map(str, _bytes(text))),  # list(b"..."), in Python and in JSON
    lambda text: ",".join(map(str, _bytes(text))),
)


def lines_of(text: str) -> Iterator[str]:
    """Yield the lines of a secret of several lines that are long enough to be masked alone."""
    if "\n" in text:
        for line in text.split("\n"):
            if len(line := line.strip()) >= 2 * SHORTEST:
                yield line
