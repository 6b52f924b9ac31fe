"""Sign requests by AWS Signature Version 4."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from hmac import digest
from time import gmtime, strftime

from secretsync.core.records import Record

_ALGORITHM = "AWS4-HMAC-SHA256"


class Keys(Record):
    """The keys of one identity."""

    access_key: str
    secret_key: str
    token: str | None = None  # of a session

    _unseen = ("access_key", "secret_key", "token")


def signed_headers(
    keys: Keys, service: str, region: str, headers: Mapping[str, str], body: bytes, *, at: float
) -> dict[str, str]:
    """Return the headers of `POST /` with its signature added.

    `headers`: all headers to sign, with `Host`. `at`: the time of the signature, in seconds since the epoch.
    """
    stamp = strftime("%Y%m%dT%H%M%SZ", gmtime(at))
    sent = {**headers, "X-Amz-Date": stamp}
    if keys.token is not None:
        sent["X-Amz-Security-Token"] = keys.token
    # White space in a value is signed as one space, because a proxy may change its amount.
    lines = dict(sorted((name.lower(), " ".join(value.split())) for name, value in sent.items()))
    names = ";".join(lines)
    written = "".join(f"{name}:{value}\n" for name, value in lines.items())
    request = f"POST\n/\n\n{written}\n{names}\n{sha256(body).hexdigest()}"
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    text = f"{_ALGORITHM}\n{stamp}\n{scope}\n{sha256(request.encode()).hexdigest()}"
    key = f"AWS4{keys.secret_key}".encode()
    for part in scope.split("/"):
        key = digest(key, part.encode(), "sha256")
    signature = digest(key, text.encode(), "sha256").hex()
    credential = f"{keys.access_key}/{scope}"
    sent["Authorization"] = f"{_ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
    return sent
