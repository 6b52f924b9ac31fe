"""Tables of hundreds of small cases in one test, because a test of its own for each takes longer than the case."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import pytest

C = TypeVar("C")
_SHOWN = 20  # names of failed cases in the message


def check_each(cases: Iterable[C], check: Callable[[C], object], name: Callable[[C], str] = str) -> None:
    """Call `check` with each case, also after a failure. Raise a group of the errors; each has the name of its case.

    A table without a case fails.
    """
    count, names, errors = 0, list[str](), list[BaseException]()
    for case in cases:
        count += 1
        try:
            check(case)
        except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 - it is raised below
            names.append(name(case))
            error.add_note(f"case: {names[-1]}")
            errors.append(error)
    if not count:
        pytest.fail("the table has no case")
    if errors:
        shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
        message = f"{len(errors)} of {count} cases failed: {shown}"
        raise BaseExceptionGroup(message, errors)
