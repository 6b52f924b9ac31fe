"""A function of AWS Lambda: a rotated secret is used after five minutes, without a cold start."""

from typing import Any

from itsdangerous import Signer

import secretsync

# No thread: Lambda stops all threads between two invocations.
live = secretsync.live(interval=300, background=False)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Return the text of the event as the secret key signs it."""
    del context
    live.refresh_if_due()
    return {"signed": Signer(live["SECRET_KEY"]).sign(event["text"]).decode()}
