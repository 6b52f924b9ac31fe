"""The time of the next attempt after a change, with a clock that the tests move."""

from collections.abc import Callable

from secretsync.supervising.change_schedule import ChangeSchedule

A, B = {"a": "a: 1 -> 2"}, {"a": "a: 1 -> 3"}


def schedule(splay: float = 0.0, draw: Callable[[], float] = lambda: 0.5) -> ChangeSchedule:
    """Return a schedule with an interval of 60 s and 5 s for further changes."""
    return ChangeSchedule(interval=60, settle=5, splay=splay, draw=draw)


def test_a_change_waits_for_others() -> None:
    """The attempt is due after the wait, which further changes do not extend."""
    found = schedule()
    assert found.due is None
    found.observe(A, 100)
    found.observe({**A, "b": "b: 7 -> 8"}, 104)
    assert found.due == 105
    assert list(found.changes) == ["a", "b"]


def test_splay() -> None:
    """A part of the splay is added, as it is drawn."""
    found = schedule(splay=20)
    found.observe(A, 100)
    assert found.due == 115


def test_a_change_that_is_taken_back() -> None:
    """If the stores have the old versions again, there is no attempt."""
    found = schedule()
    found.observe(A, 100)
    found.observe({}, 103)
    assert found.due is None
    found.observe(A, 110)
    assert found.due == 115


def test_failures_grow_up_to_an_hour() -> None:
    """Each failure doubles the wait, and the same report of the stores does not shorten it."""
    found, now = schedule(), 0.0
    pauses: list[float] = []
    found.observe(A, now)
    for _ in range(9):
        assert found.due is not None
        now = found.due
        found.begin()
        assert found.due is None
        pauses.append(found.fail(now))
        found.observe(A, now + 1)
        assert found.due == now + pauses[-1]
    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]


def test_an_interval_above_an_hour_does_not_shrink() -> None:
    """The wait is never shorter than the interval."""
    found = ChangeSchedule(interval=7200, settle=0, splay=0, draw=lambda: 0.0)
    assert [found.fail(0) for _ in range(3)] == [7200, 7200, 7200]


def test_another_change_after_a_failure() -> None:
    """Another version may be the correction, so that the long wait ends."""
    found = schedule()
    found.observe(A, 0)
    found.begin()
    found.fail(10)
    found.observe(B, 20)
    assert found.due == 25
    found.begin()
    assert found.fail(25) == 60


def test_success() -> None:
    """After a success, the changes are gone and the next one is a new change."""
    found = schedule()
    found.observe(A, 0)
    found.begin()
    found.observe(B, 1)
    assert found.due is None
    found.succeed()
    assert (found.due, dict(found.changes)) == (None, {})
    found.observe(B, 10)
    assert found.due == 15
