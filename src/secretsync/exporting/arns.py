"""Recognize the ARN of a secret that is complete."""

from __future__ import annotations

import re


def is_complete(arn: str) -> bool:
    """Return True if an ARN has the hyphen and the six characters that AWS appends to the name of a secret."""
    return re.fullmatch(r"arn:.*-[A-Za-z0-9]{6}", arn) is not None
