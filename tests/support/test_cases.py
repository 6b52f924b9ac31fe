"""Tables in one test: each case is checked, and each that fails is named."""

import pytest

from tests.support.cases import check_each


def test_each_failure_is_named() -> None:
    """A failure ends its own case only; the message names all that failed, and so does a note at each error."""
    checked: list[int] = []

    def check(number: int) -> None:
        checked.append(number)
        assert number % 2
        if number == 3:
            pytest.fail("said")

    with pytest.raises(BaseExceptionGroup, match=r"^4 of 5 cases failed: 0, 2, 3, 4$") as caught:
        check_each(range(5), check)
    assert checked == [0, 1, 2, 3, 4]
    assert [error.__notes__ for error in caught.value.exceptions] == [[f"case: {number}"] for number in (0, 2, 3, 4)]


def test_names_of_cases() -> None:
    """Cases may share a name; of many failures the first are named."""
    with pytest.raises(ExceptionGroup, match=r"2 of 3 cases failed: even, even$"):
        check_each(range(3), lambda number: [0][1 - number % 2], lambda number: ("even", "odd")[number % 2])
    with pytest.raises(ExceptionGroup, match=r"100 of 100 cases failed: 0, 1, .*, 19, \.\.\.$"):
        check_each(range(100), lambda number: [][number])


def test_all_cases_hold() -> None:
    """Without a failure nothing is raised; an empty table fails."""
    check_each(range(3), lambda _: None)
    with pytest.raises(pytest.fail.Exception, match="the table has no case"):
        check_each([], lambda _: None)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, pytest.skip.Exception])
def test_an_interrupt_ends_the_table(stop: type[BaseException]) -> None:
    """An interrupt and a skip are no failures of a case."""

    def check(_: int) -> None:
        raise stop

    with pytest.raises(stop):
        check_each(range(3), check)
