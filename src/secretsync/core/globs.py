"""Find the patterns that a name matches, without a comparison with each pattern."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Any


class Globs:
    """Patterns as fnmatch has them, by the text before their first wildcard, or else by the text after their last."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = tuple(patterns)
        self._prefixes: dict[str, list[int]] = {}
        self._suffixes: dict[str, list[int]] = {}
        for index, pattern in enumerate(self._patterns):
            *_, last = re.split(r"[*?\[\]]", pattern)
            first = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
            group = self._prefixes if first else self._suffixes
            group.setdefault(first or last, []).append(index)
        self._starts = sorted({len(text) for text in self._prefixes})
        self._ends = sorted({len(text) for text in self._suffixes})

    def matching(self, name: str) -> list[int]:
        """Return the positions of the patterns that match `name`, in their order."""
        found = [index for size in self._starts for index in self._prefixes.get(name[:size], ())]
        found += [index for size in self._ends for index in self._suffixes.get(name[max(len(name) - size, 0) :], ())]
        return sorted(index for index in set(found) if fnmatchcase(name, self._patterns[index]))


def remembered(owner: object, slot: str, make: Callable[[], Any]) -> Any:
    """Return what `make` made at the first call. `owner`: a Record with a slot of that name, which is no field."""
    made = getattr(owner, slot, None)
    if made is None:
        made = make()
        object.__setattr__(owner, slot, made)
    return made
