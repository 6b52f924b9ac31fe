"""Read the body of a response that an SDK received: bounded after decompression, and until the deadline."""

from __future__ import annotations

from typing import Any

from secretsync.providers.http.client import MAX_BYTES
from secretsync.providers.interface import Deadline
from secretsync.providers.threads import no_answer

_PIECE = 16 * 1024  # bytes
# With several codings, a few bytes may become gigabytes before they can be counted.
_CODINGS = ("", "identity", "gzip", "x-gzip", "deflate")


class BodyError(Exception):
    """A body cannot be used. Holds no part of it."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


def read_body(raw: Any, deadline: Deadline, max_bytes: int = MAX_BYTES) -> bytes:
    """Return the body of a response of urllib3. Raises BodyError, and the exceptions of urllib3."""
    if raw.headers.get("Content-Encoding", "").strip().lower() not in _CODINGS:
        raw.close()
        raise BodyError("the response has an unknown compression")
    # `read` would wait for a whole piece, however slowly its bytes come.
    read = getattr(raw, "read1", raw.read)
    body = bytearray()
    while piece := read(_PIECE, decode_content=True):
        body += piece
        if len(body) > max_bytes:
            raw.close()
            raise BodyError(f"the response is too large: its body has more than {max_bytes:,} bytes")
        if deadline.is_over:
            raw.close()
            raise BodyError(no_answer(deadline).cause)
    raw.release_conn()
    return bytes(body)
