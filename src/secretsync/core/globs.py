"""Find the patterns that a name matches, without a comparison with each pattern."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Any


class Globs:
    """Patterns as fnmatch has them, by the text before their first wildcard and the text after their last."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = tuple(patterns)
        self._positions: dict[tuple[str, str], list[int]] = {}
        for index, pattern in enumerate(self._patterns):
            *_, last = re.split(r"[*?\[\]]", pattern)
            first = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
            self._positions.setdefault((first, last), []).append(index)
        self._sizes = {(len(first), len(last)) for first, last in self._positions}

    def matching(self, name: str) -> list[int]:
        """Return the positions of the patterns that match `name`, in their order."""
        found = [
            index
            for first, last in self._sizes
            for index in self._positions.get((name[:first], name[max(len(name) - last, 0) :]), ())
        ]
        return sorted(index for index in found if fnmatchcase(name, self._patterns[index]))


def remembered(owner: object, slot: str, make: Callable[[], Any]) -> Any:
    """Return what `make` made at the first call. `owner`: a Record with a slot of that name, which is no field."""
    made = getattr(owner, slot, None)
    if made is None:
        made = make()
        object.__setattr__(owner, slot, made)
    return made
