"""The check of growth accepts linear time and memory, and finds quadratic time and memory."""

import pytest

from tests.support import growth


class Work:
    """Actions whose time, on a clock of their own, is a power of the size."""

    def __init__(self, power: int, *, delays: int = 0) -> None:
        self.now, self.power, self.delays = 0.0, power, delays

    def thread_time(self) -> float:
        """Return the time of the clock."""
        return self.now

    def prepare(self, size: int) -> growth.Action:
        """Return the action for a size. The first `delays` actions of the large size take ten times as long."""

        def act() -> None:
            factor = 1
            if size > 1000 and self.delays:
                self.delays, factor = self.delays - 1, 10
            self.now += factor * size**self.power / 1e6

        return act


@pytest.mark.parametrize("delays", [0, 2])
def test_linear_time_passes(monkeypatch: pytest.MonkeyPatch, delays: int) -> None:
    """A linear action passes, even if two of three measurements take too long."""
    work = Work(1, delays=delays)
    monkeypatch.setattr(growth, "time", work)
    growth.check_growth(work.prepare, 1000)


@pytest.mark.parametrize(("power", "delays"), [(2, 0), (1, 3)])
def test_other_time_fails(monkeypatch: pytest.MonkeyPatch, power: int, delays: int) -> None:
    """An action fails if it takes quadratic time, or if all three measurements take too long."""
    work = Work(power, delays=delays)
    monkeypatch.setattr(growth, "time", work)
    with pytest.raises(pytest.fail.Exception, match="16 times 1000 takes"):
        growth.check_growth(work.prepare, 1000)


def test_linear_memory_passes() -> None:
    """Memory in proportion to the size passes."""
    growth.check_growth(lambda size: lambda: bytes(100 * size), 1000)


def test_other_memory_fails() -> None:
    """Memory that grows with the square of the size fails, although it takes little time."""
    with pytest.raises(pytest.fail.Exception, match=r"16 times 100 takes .* bytes"):
        growth.check_growth(lambda size: lambda: bytes(size * size), 100)
