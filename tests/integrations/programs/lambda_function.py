"""A function of AWS Lambda: one resolution for each execution environment, and a new one if it is old."""

import time
from typing import Any

from itsdangerous import Signer

from secretsync import Config, resolve_config

MAX_AGE = 300.0  # seconds; a rotated secret is used after this time

_kept: list[tuple[Config, float]] = []


def configuration() -> Config:
    """Return the configuration that this execution environment has kept, resolved again if it is old."""
    now = time.monotonic()
    if not _kept or now - _kept[-1][1] > MAX_AGE:
        _kept[:] = [(_kept[-1][0].refresh().config if _kept else resolve_config(), now)]
    return _kept[-1][0]


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Return the text of the event as the secret key signs it."""
    del context
    return {"signed": Signer(configuration()["SECRET_KEY"]).sign(event["text"]).decode()}
