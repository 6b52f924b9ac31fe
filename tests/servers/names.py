"""Names that no other test of the run uses, so that servers are shared without being reset."""

from __future__ import annotations

import itertools
import os

_numbers = itertools.count(1)


def unique(stem: str = "t") -> str:
    """`stem`, the process and a number: letters, digits and hyphens, good in every store."""
    return f"{stem}-{os.getpid():x}-{next(_numbers)}"
