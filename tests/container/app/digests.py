"""What the applications show of their secrets."""

import hashlib
from collections.abc import Mapping

SECRETS = ("DB_PASSWORD", "SECRET_KEY", "API_TOKEN")


def digests(salt: str, values: Mapping[str, str]) -> dict[str, str]:
    """Return a salted digest of each secret: the test, which knows the values, can compare."""
    return {name: hashlib.sha256((salt + values.get(name, "")).encode()).hexdigest() for name in SECRETS}
