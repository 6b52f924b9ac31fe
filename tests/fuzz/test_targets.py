"""Each target of `make fuzz` reads its corpus, random bytes and each hostile member, and keeps its promises."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsync.core.model import Found
from tests.fuzz.answers import read_aws, read_azure, read_ssm, read_vault
from tests.fuzz.mutations import as_bytes, mutate
from tests.fuzz.targets import DOCUMENTS, TARGETS, BrokenPromiseError, Target, every_mutation, remove_files, try_input
from tests.support.cases import check_each

pytestmark = pytest.mark.sink("*secretsync-fuzz-*")


@pytest.fixture(autouse=True, scope="module")
def no_file() -> Iterator[None]:
    """Remove the file of the targets."""
    yield
    remove_files()


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_reads_its_corpus(name: str) -> None:
    """No input of the corpus breaks a promise."""
    check_each(TARGETS[name].corpus, lambda data: try_input(TARGETS[name], data), repr)


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.data())
def test_a_target_reads_random_bytes(name: str, data: st.DataObject) -> None:
    """Random bytes, alone and behind an input of the corpus, break no promise."""
    target = TARGETS[name]
    seed = data.draw(st.sampled_from(target.corpus))
    cut = data.draw(st.integers(0, len(seed)))
    try_input(target, seed[:cut] + data.draw(st.binary(max_size=200)) + data.draw(st.sampled_from([b"", seed[cut:]])))


@pytest.mark.slow
@pytest.mark.parametrize("name", DOCUMENTS)
def test_each_member_may_be_hostile(name: str, request: pytest.FixtureRequest) -> None:
    """Each member of each document and answer, replaced by hostile values or removed, breaks no promise.

    A long run tries each value. Others try each fifth one, so that each member gets several and each value is tried.
    """
    step = 1 if request.config.getoption("--amount") == "long" else 5
    check_each(every_mutation(DOCUMENTS[name])[::step], lambda data: try_input(TARGETS[name], data), repr)


@pytest.mark.parametrize("name", ["aws", "ssm", "vault", "azure"])
def test_answers_without_a_mutation_are_found(name: str) -> None:
    """The answers that the mutations begin with are good, so that the targets reach the code behind the checks."""
    read = {"aws": read_aws, "ssm": read_ssm, "vault": read_vault, "azure": read_azure}[name]
    outcomes = read(DOCUMENTS[name], mutate(DOCUMENTS[name], as_bytes(0)))
    found = sum(isinstance(outcome, Found) for outcome in outcomes)
    assert found >= {"aws": 7, "ssm": 2, "vault": 10, "azure": 4}[name], outcomes


def _show(_data: bytes) -> list[str]:
    from tests.fuzz.targets import PLANTED

    return [f"the value {PLANTED[:12]}"]


def _break(_data: bytes) -> list[str]:
    raise KeyError("x")


def test_a_target_that_shows_a_secret_is_recognized() -> None:
    """The check of a target fails for a message with the beginning of the planted secret."""
    with pytest.raises(BrokenPromiseError, match="shows a part of a secret"):
        try_input(Target(_show, ()), b"")


def test_a_target_that_raises_another_error_is_recognized() -> None:
    """The check of a target passes on an error that is not one of SecretSync."""
    with pytest.raises(KeyError):
        try_input(Target(_break, ()), b"")
