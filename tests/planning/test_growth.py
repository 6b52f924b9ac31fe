"""The time of parsing, planning and resolving grows linearly with the size of what is read."""

import time
from collections.abc import Callable

import pytest

from secretsync.resolving.resolve import Inputs, resolve
from secretsync.resolving.stores import StoreAccess
from secretsync.resolving.value_checks import find_hazards
from secretsync.testing import MemoryProvider
from tests.support.plans import planned

FACTOR = 16
MOST = 48  # times as long for FACTOR times as much


def best(action: Callable[[], object]) -> float:
    """The shortest of three runs, in seconds of this thread's processor time."""
    times = []
    for _ in range(3):
        begin = time.thread_time()
        action()
        times.append(time.thread_time() - begin)
    return min(times)


def seconds(text: str) -> float:
    """Return how long planning takes, and resolving if there is a plan."""
    store = MemoryProvider({"x": "secret/"})
    plan, _ = planned({"common": text}, stores={"m": store}, environ={"SET": "x"})
    taken = best(lambda: planned({"common": text}, stores={"m": store}, environ={"SET": "x"}))
    if plan is None:
        return taken
    answers = StoreAccess({}, timeout=30, replaced={"m": store}).values(plan)

    def check(inputs: Inputs, values: object) -> None:
        find_hazards(inputs, values)  # type: ignore[arg-type]

    return taken + best(lambda: resolve(plan, answers, {"SET": "x"}, check=check))


def lines(form: str, count: int) -> str:
    """That many entries."""
    return "\n".join(form.replace("#", str(index)) for index in range(count))


@pytest.mark.parametrize(
    "form",
    [
        "A#=text",
        "A#=$<m:x>",
        "A#=http://u:$<m:x>@h/${SET}?a=${SET:-${SET}}",
        "A#=${SET:+x}${SET:?m}${SET-x}",
        "A#=${UNKNOWN#}",
        "A#=${UNKNOWN#:?message}",
        "A#=${SET:-${UNKNOWN#}}",
        "A#=$<unknown#:x>",
        "A#=$<",
        "A#=${A#}",
        "B#=${A#:-x}\nA#=x",
    ],
)
def test_many_entries(form: str) -> None:
    """Sixteen times as many entries."""
    few, many = seconds(lines(form, 30)), seconds(lines(form, 30 * FACTOR))
    assert many < MOST * few + 0.02


@pytest.mark.parametrize(
    "unit", ["text ", "$", "${SET}", "$<m:x>", "${SET:-x}", "${A-", "$<A:-b>", "$<>", "${UNKNOWN}", "{", "\\\\", "$$<"]
)
@pytest.mark.parametrize("wrap", ["{}", "http://u:{}@h/", "${{SET:-{}}}"])
def test_long_values(unit: str, wrap: str) -> None:
    """A value that is sixteen times as long."""
    short, long = (f'A="{wrap.format(unit * (size // len(unit)))}"' for size in (500, 500 * FACTOR))
    assert seconds(long) < MOST * seconds(short) + 0.02
