"""Make random values."""

from __future__ import annotations

import base64
import secrets
import string

from secretsync.core.secret import Secret

FORMATS = ("urlsafe", "hex", "alnum")
LEAST, MOST = 16, 4096  # bytes of randomness

_ALNUM = string.ascii_letters + string.digits
_BITS = 5.95  # of a letter or digit: log2(62), rounded down


def generate(count: int, format_: str) -> Secret:
    """Return a value with the randomness of `count` bytes, in one of FORMATS.

    `urlsafe`: base64 with `-` and `_`. `hex`: two digits for each byte. `alnum`: letters and digits.
    """
    if format_ == "alnum":
        length = -(-count * 8 * 100 // int(_BITS * 100))
        return Secret("".join(secrets.choice(_ALNUM) for _ in range(length)))
    data = secrets.token_bytes(count)
    return Secret(data.hex() if format_ == "hex" else base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii"))
