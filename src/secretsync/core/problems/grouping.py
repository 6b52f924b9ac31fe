"""Group problems with one cause at one store, so that a store that is down is one line and not a thousand."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from secretsync.core.problems.kinds import ProblemKind
from secretsync.core.text import count_of, printable

if TYPE_CHECKING:
    from secretsync.core.errors import Problem

T = TypeVar("T")

# One repair of the store or of its rights removes all of these problems, so two of them are one line already.
_OF_THE_STORE = (ProblemKind.DENIED, ProblemKind.UNAVAILABLE)
_SHOWN_OF_STORE = 3
SHOWN = 10  # places that are named if each of them has to be repaired


def problem_lines(problems: Iterable[Problem]) -> list[str]:
    """Return a line for each cause, in the order of the problems: a problem alone, or a count and the first entries."""
    groups = grouped(problems, _key_of, lambda group: is_one_cause(len(group), group[0].kind))
    return [_line(group) for group in groups]


def grouped(
    things: Iterable[T], key: Callable[[T], Hashable | None], is_one: Callable[[list[T]], bool]
) -> list[list[T]]:
    """Return the things with equal keys together, if `is_one` accepts them, at the place of the first of them.

    Every other thing is a group of its own. A thing with the key None is always alone.
    """
    ordered = [(key(thing), thing) for thing in things]
    by_key: dict[Hashable, list[T]] = {}
    for found, thing in ordered:
        by_key.setdefault(found, []).append(thing)
    groups = []
    for found, thing in ordered:
        if found is None or not is_one(by_key[found]):
            groups.append([thing])
        elif by_key[found][0] is thing:
            groups.append(by_key[found])
    return groups


def is_one_cause(count: int, kind: ProblemKind | None) -> bool:
    """Return True if `count` problems of one cause are shown as one."""
    return count > (1 if kind in _OF_THE_STORE else SHOWN)


def cause_of(
    kind: ProblemKind | None, store: str | None, reference: str | None, texts: Sequence[str | None]
) -> Hashable:
    """Return what is equal in problems with one cause. `texts`: cause and hint; they may name the secret."""
    path = "" if reference is None else reference.partition(":")[2].partition("#")[0].partition("?")[0]
    names = [name for name in (reference, path, path.partition("/")[2]) if name]
    return (kind, store, *(_without(text, names) for text in texts))


def _without(text: str | None, names: Iterable[str]) -> str | None:
    for name in names:
        text = None if text is None else text.replace(name, "\0")
    return text


def is_store_failure(kind: ProblemKind | None) -> bool:
    """Return True if a problem of this kind is about the store and not about one secret."""
    return kind in _OF_THE_STORE


def first_of(names: Sequence[str], most: int = _SHOWN_OF_STORE, *, separator: str = ", ") -> str:
    """Return the first names and the number of the others: `A, B, C and 97 more`."""
    shown = list(names[:most])
    return separator.join(shown) + (f" and {len(names) - len(shown)} more" if len(names) > len(shown) else "")


def _key_of(problem: Problem) -> Hashable | None:
    if problem.store is None or problem.key is None:
        return None
    return cause_of(problem.kind, problem.store, problem.reference, (problem.cause, problem.hint))


def _line(group: list[Problem]) -> str:
    first = group[0]
    if len(group) == 1:
        return str(first)
    keys = list(dict.fromkeys(key for problem in group if (key := problem.shown_key) is not None))
    shown = first_of(keys, _SHOWN_OF_STORE if is_store_failure(first.kind) else SHOWN)
    where = ":".join(str(part) for part in (first.file, first.line, first.column) if part)
    count = f"{count_of(len(group), 'entry', 'entries')} of {first.store}"
    subject = f"{count} ({shown})" if keys else count
    text = ": ".join(part for part in (where, subject, first.cause) if part)
    return printable(f"{text}; {first.hint}" if first.hint else text)
